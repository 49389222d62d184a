"""The data map: per store, a reviewed YAML file that binds datasets to the retention model.

What the scan proposes lives in `proposals/`, what a person approved in `data_map/`. A dataset acts only while it
carries an approval; everything else is reported and left alone (R42, R45).
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NOT_PERSONAL = "none"
"""The category of a field that a person has declared not to be personal."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Approval(_Model):
    """Who approved a dataset's mapping (a role or an id, not an address), and when."""

    by: str
    on: dt.date


class SubjectLink(_Model):
    """What links a record to a person.

    ``columns`` are concatenated with a space (a name has two); for items, ``roles`` name the participants.
    ``kind`` is the kind of key, so that stores meet on it: `email`, `customer`, `name`. ``strength`` follows the
    match: only `exact` and `canonical` links move a clock or destroy; a weaker one that would prolong abstains.
    """

    kind: str
    columns: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    strength: Literal["exact", "canonical", "alias", "name"] = "canonical"


class OpenIf(_Model):
    """The event is open while this column holds one of these values."""

    column: str
    values: tuple[str | int | bool, ...]


class EventSource(_Model):
    """How a dataset supplies an event.

    For rows: a ``column`` (a date, an instant, or ISO text; a naive instant is UTC). ``null`` says what NULL means.
    For items: ``at`` picks the first or last instant; ``roles`` limits to items where the subject has such a role
    (`from`: inbound); ``human`` leaves out automatic ones.
    ``of`` says whom the event concerns: this record (and those that point at it), or every record of its subject.
    ``overwritten`` says that the store keeps only the latest of several occurrences: plans for the past then abstain.
    ``only_if`` limits the occurrences to rows whose column holds one of the values; others are absent.
    ``rolls_to_end_of`` moves a row's day forward to the end of its fiscal year, which ends with that month (1 to 12).
    """

    column: str | None = None
    at: Literal["first", "last"] | None = None
    roles: tuple[str, ...] = ()
    human: bool = True
    null: Literal["open", "missing", "absent"] = "missing"
    open_if: OpenIf | None = None
    only_if: OpenIf | None = None
    of: Literal["record", "subject"] = "record"
    overwritten: bool = False
    rolls_to_end_of: int | None = Field(default=None, ge=1, le=12)


class FactSource(_Model):
    """What supplies a fact (boolean, number or text) of this record: a column, where NULL is unknown, or one value.

    The fact `contract` says under whose contract a record is, for terms that contracts give; `tenant` needs no source.
    """

    column: str | None = None
    value: bool | int | str | None = None


class FieldMap(_Model):
    """A field's category (IAB privacy taxonomy key, a policy's own, or `none`) and how it is anonymised."""

    category: str
    technique: str | None = None
    options: dict[str, str | int | bool] = Field(default_factory=dict)


class Bucket(_Model):
    """A grouping column, as it is or by its calendar month or year."""

    column: str
    by: Literal["value", "month", "year"] = "value"


class Statistic(_Model):
    """A registered aggregate that runs leave as it was: a count, or the sum of a column, per group.

    ``squares``: the sum of its squares too. ``subject`` names the columns that tell persons apart, where the dataset's
    links to subjects do not. What rows said before they went or changed is released once it concerns ``minimum``
    subjects (fewer than 11, and never fewer than 5, only where the officer has ``signed_off``); what has waited for
    ``deadline`` merges into a coarser group: one without the first column of ``upward``, then the second, and so on
    (by default the last of ``by``, then the one before).
    """

    name: str
    sum: str | None = None
    squares: bool = False
    by: tuple[Bucket, ...] = ()
    upward: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    minimum: int = 11
    signed_off: Approval | None = None
    deadline: str = "1 year"

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it groups by, sums, or tells persons apart by."""
        return frozenset((*(each.column for each in self.by), *self.subject, *((self.sum,) if self.sum else ())))


class Parent(_Model):
    """A dataset of the same store whose record events, facts and subjects this one inherits, by a join."""

    dataset: str
    on: dict[str, str]


class Anonymity(_Model):
    """How the rows of a table hide among each other once nothing keeps their personal fields.

    ``partition`` lists levels from fine to coarse; each maps columns to how they are there (`month`, see
    `pipelines.anonymise.partition.HIERARCHIES`), and a column that a level does not name is the same for all rows.
    ``measures`` are numbers that are averaged inside each cell, the first of them the one by which rows are ordered.
    ``subject`` names the column whose distinct values are counted; None: every row is a person's own. ``free`` are
    columns without any meaning for a person, which stay and do not count. ``link`` names the column that points at the
    person's row: it is turned to another of the same cell. ``k`` below 11 needs ``signed_off``: by whom, and when.
    """

    k: int = 11
    signed_off: Approval | None = None
    partition: tuple[dict[str, str], ...] = ({},)
    measures: tuple[str, ...] = ()
    subject: str | None = None
    free: tuple[str, ...] = ()
    link: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the partition names, in a stable order."""
        return tuple(sorted({name for level in self.partition for name in level}))

    @property
    def changed(self) -> tuple[str, ...]:
        """The columns that get other values in rows that hide among each other."""
        return tuple(dict.fromkeys((*self.columns, *self.measures, *((self.link,) if self.link else ()))))


class DatasetMap(_Model):
    """One table, mailbox pattern or calendar, bound to the model.

    ``where`` restricts a table to the rows of one tenant. ``own`` lists address patterns (`*@acme.example`) of the
    controller itself, which are no data subjects of the policy. ``inherits`` chains to parents.
    """

    source: str
    controller: str
    tenant: str = ""
    key: tuple[str, ...] = ()
    where: dict[str, tuple[str | int, ...]] = Field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    subjects: tuple[SubjectLink, ...] = ()
    inherits: tuple[Parent, ...] = ()
    events: dict[str, EventSource] = Field(default_factory=dict)
    facts: dict[str, FactSource] = Field(default_factory=dict)
    fields: dict[str, FieldMap] = Field(default_factory=dict)
    statistics: tuple[Statistic, ...] = ()
    anonymity: Anonymity | None = None
    approved: Approval | None = None

    @property
    def scope(self) -> str:
        """The tenant within which subjects are told apart; the controller's own when none is named."""
        return self.tenant or self.controller

    @property
    def personal(self) -> dict[str, FieldMap]:
        """The fields that hold personal data."""
        return {name: each for name, each in self.fields.items() if each.category != NOT_PERSONAL}


class StoreMap(_Model):
    """The data map of one store."""

    store: str
    datasets: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], DatasetMap]

    @property
    def active(self) -> dict[str, DatasetMap]:
        """The datasets that a person has approved; only these act."""
        return {name: each for name, each in self.datasets.items() if each.approved}
