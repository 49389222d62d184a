"""`ardoise.toml`: its shape, and reading it with every problem named at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from connectors.registry import BUILT_IN, kinds
from pipelines.data_map.validation import problems_of
from retention_rules.periods import Period
from retention_rules.policy_table import Language
from retention_rules.problems import Problem

FILE = "ardoise.toml"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
ControllerName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=64)]


def _period(value: object) -> object:
    return Period.parse(value) if isinstance(value, str) and value != NONE else value


NONE = "none"
"""Declares that a store has no such copies."""

Lasts = Annotated[Period | Literal["none"], BeforeValidator(_period)]
"""How long copies of one kind last: a period, or that there are none."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EstateSection(_Model):
    """The estate itself. ``regions``, where given, are the only ones in which a store may lie.

    ``language``: that of its reports, `en` or `fr`; each is written in the other, too.
    """

    name: str
    time_zone: str = "Europe/Paris"
    language: Language = Language.ENGLISH
    state: str = ".ardoise"
    regions: tuple[str, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("there is no such time zone; write one like Europe/Paris") from None
        return value


class EngineSection(_Model):
    """The engine's own database: an SQLAlchemy URL, or where to find it."""

    database: str = Field(default="sqlite:///.ardoise/engine.sqlite", repr=False)


class ApprovalSection(_Model):
    """Where two persons are needed.

    ``two_persons``: who requested a plan may not approve it. ``two_release``: who asks for the release of a hold may
    not confirm it.
    """

    two_persons: bool = False
    two_release: bool = True


class ReviewSection(_Model):
    """What the scan may add to an approved dataset without a person: new columns of these kinds, when it is sure.

    ``accept``: categories of the taxonomy, each with those below it (`user.contact`). ``confidence``: the share of a
    column's distinct sampled values that must be of the kind, 0 to 1; a name alone is never enough.
    """

    accept: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")], ...] = ()
    confidence: float = Field(default=0.95, gt=0, le=1)


class ScanSection(_Model):
    """How the scan works. ``processes``: how many read free text, each with its own models in memory."""

    processes: int = Field(default=1, ge=1, le=64)


class ControllerConfig(_Model):
    """A controller, and the policy (a file of `policies/`, or a shipped pack) that rules its datasets.

    ``role``: as what the estate's owner handles them, as the controller itself or as its processor (GDPR Art. 4).
    """

    policy: str
    role: Literal["controller", "processor"] = "controller"


class ArchiveConfig(_Model):
    """A store's intermediate archive: ``schema`` names it inside the store, ``read`` is who alone may read it."""

    place: Annotated[str, Field(pattern=r"^ardoise_[a-z0-9_]{1,40}$")] = Field(
        alias="schema", default="ardoise_archive"
    )
    read: str = Field(repr=False)


class ResidueConfig(_Model):
    """How long what no command removes keeps old values, by kind: a period ("7 days"), or that there is no such copy.

    The store's owner knows this, and nobody else: what is not declared has no expiry date in receipts and reports.
    """

    wal: Lasts | None = None
    binary_log: Lasts | None = None
    undo_log: Lasts | None = None
    replicas: Lasts | None = None
    backups: Lasts | None = None
    caches: Lasts | None = None
    history: Lasts | None = None


class RewriteConfig(_Model):
    """Which tables may be written anew, in one transaction: such a table lies on the disk twice meanwhile.

    ``most``: gigabytes that it and its indexes may take; 0 forbids it. ``least``: rows below which it is not worth it.
    """

    most: float = Field(default=20, ge=0)
    least: int = Field(default=50_000, ge=0)

    @property
    def bytes(self) -> int:
        """``most`` in bytes."""
        return int(self.most * 1e9)


class StoreConfig(_Model):
    """A connected system. ``read`` and ``write`` say where its connection strings are; ``write`` may be missing.

    ``last`` marks the store that anchors identities: it is acted on after the others. ``options`` go to the connector.
    ``archive`` is where records go that only law and claims keep; without one they stay where they are. ``residue``
    declares when copies expire that no command removes, ``rewrite`` which tables may be written anew.
    """

    kind: str
    read: str = Field(repr=False)
    write: str | None = Field(default=None, repr=False)
    region: str = ""
    last: bool = False
    archive: ArchiveConfig | None = None
    residue: ResidueConfig = ResidueConfig()
    rewrite: RewriteConfig = RewriteConfig()
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @field_validator("kind")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in BUILT_IN and value not in kinds():
            raise ValueError(f"there is no such kind of store; use one of {', '.join(kinds())}")
        return value


class Limit(_Model):
    """How much a plan may do to one dataset before a person has to look.

    ``count``: records; ``share``: of the dataset, 0 to 1; ``deviation``: how far the dataset's size may lie from its
    usual one, as a share of that. None is no limit. ``empty``: it may be empty all of a sudden.
    """

    count: int | None = Field(default=None, ge=0)
    share: float | None = Field(default=None, ge=0, le=1)
    deviation: float | None = Field(default=None, ge=0)
    empty: bool = False


class Limits(Limit):
    """The limits of every dataset, and by store and dataset those of single ones."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, dict[str, Limit]] = Field(init=False)

    share: float | None = Field(default=0.5, ge=0, le=1)

    def of(self, store: str, dataset: str) -> Limit:
        """The limits of one dataset: its own where it has some, the general ones for the rest."""
        general = {name: getattr(self, name) for name in Limit.model_fields}
        own = (self.__pydantic_extra__ or {}).get(store, {}).get(dataset)
        return Limit(**(general | (own.model_dump(exclude_unset=True) if own else {})))

    @property
    def overrides(self) -> dict[str, dict[str, Limit]]:
        """The limits by store and dataset."""
        return self.__pydantic_extra__ or {}


class Tolerance(_Model):
    """How far a dataset may be from what is expected of it before a run, as shares from 0 to 1.

    ``implausible``: of the dates of an event, those that are none; ``orphans``: of the rows that reference others,
    those whose other row is nowhere; ``volume``: how far the number of rows may have moved since the plan was made;
    ``nulls``: how far the share of rows without a date may have moved since the last run.
    """

    implausible: float = Field(default=0.05, ge=0, le=1)
    orphans: float = Field(default=0.0, ge=0, le=1)
    volume: float = Field(default=0.5, ge=0)
    nulls: float = Field(default=0.2, ge=0, le=1)


class Tolerances(Tolerance):
    """The tolerance for every dataset, and by store and dataset that for single ones."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, dict[str, Tolerance]] = Field(init=False)

    def of(self, store: str, dataset: str) -> Tolerance:
        """The tolerance for one dataset: its own where it has some, the general one for the rest."""
        general = {name: getattr(self, name) for name in Tolerance.model_fields}
        own = self.overrides.get(store, {}).get(dataset)
        return Tolerance(**(general | (own.model_dump(exclude_unset=True) if own else {})))

    @property
    def overrides(self) -> dict[str, dict[str, Tolerance]]:
        """The tolerances by store and dataset."""
        return self.__pydantic_extra__ or {}


class ModelsSection(_Model):
    """The models that read free text, each by the name of its package or by its folder. What is left out is shipped."""

    french: str | None = None
    english: str | None = None
    tokens: str | None = None


class EstateConfig(_Model):
    """The whole of `ardoise.toml`."""

    estate: EstateSection
    engine: EngineSection = EngineSection()
    approval: ApprovalSection = ApprovalSection()
    review: ReviewSection = ReviewSection()
    scan: ScanSection = ScanSection()
    controllers: dict[ControllerName, ControllerConfig] = Field(default_factory=dict)
    stores: dict[Name, StoreConfig] = Field(default_factory=dict)
    limits: Limits = Limits()
    expectations: Tolerances = Tolerances()
    models: ModelsSection = ModelsSection()


def read_config(path: Path, problems: list[Problem]) -> EstateConfig | None:
    """Read the file; what is wrong is added to ``problems``. None when there is nothing to go on with."""
    name = path.name
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        problems.append(Problem(name, int(at[1]) if at else 0, "this is no TOML", "Mend the notation of that line"))
        return None
    except UnicodeDecodeError:
        problems.append(Problem(name, 0, "this is no text in UTF-8", "Save it as UTF-8"))
        return None
    except OSError:
        problems.append(Problem(name, 0, "the file cannot be read", "Give this user the right to"))
        return None
    line = lines_of(text)
    try:
        config = EstateConfig.model_validate(document)
    except ValidationError as error:
        problems.extend(problems_of(error, EstateConfig, name, line))
        return None
    problems.extend(_inside(config, name, line))
    return config


def _inside(config: EstateConfig, name: str, line: Callable[[tuple[str | int, ...]], int]) -> list[Problem]:
    """What does not fit together within the file."""
    found = []
    for store, each in config.stores.items():
        allowed = config.estate.regions
        if allowed and each.region not in allowed:
            what = f"the store `{store}` lies outside the estate's regions ({', '.join(allowed)})"
            found.append(Problem(name, line(("stores", store, "region")), what, "Move it, or allow its region"))
        if each.archive is not None and each.kind != "sql":
            what = f"the store `{store}` cannot have an archive: its kind is {each.kind}"
            found.append(
                Problem(name, line(("stores", store, "archive")), what, "Take it out; only SQL stores have one")
            )
    for section, overrides in (("limits", config.limits.overrides), ("expectations", config.expectations.overrides)):
        for store in overrides:
            if store not in config.stores:
                what = f"there are {section} for `{store}`, which is no store"
                remedy = f"Name a store, as in [{section}.crm.contacts]"
                found.append(Problem(name, line((section, store)), what, remedy))
    return found


def lines_of(text: str) -> Callable[[tuple[str | int, ...]], int]:
    """The line of a place in a TOML text; that of the nearest table around it where the place has none."""
    known: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, content in enumerate(text.splitlines(), start=1):
        stripped = content.strip()
        if header := re.match(r"\[+\s*([^\[\]]+?)\s*\]+", stripped):
            table = _parts(header[1])
            for end in range(1, len(table) + 1):
                known.setdefault(table[:end], number)
        elif assignment := re.match(r"([A-Za-z0-9_.\"'-]+)\s*=", stripped):
            known.setdefault(table + _parts(assignment[1]), number)

    def line(place: tuple[str | int, ...]) -> int:
        wanted = tuple(str(part) for part in place)
        return next((known[wanted[:end]] for end in range(len(wanted), 0, -1) if wanted[:end] in known), 0)

    return line


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
