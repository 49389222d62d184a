"""What the report says, gathered from plan, ledger, findings and statistics; free of personal values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from expectations.findings import Finding
from pipelines.plan.artefact import Plan
from retention_rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Approver:
    """Who has authorised the plan, how (`approval` or `standing_approval`), when, and until when it counts.

    ``entry`` is the ledger's; ``requester`` asked for the plan, where that is known.
    """

    by: str
    kind: str
    at: dt.datetime
    expires: dt.datetime | None
    entry: int = 0
    requester: str | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """When a run was stopped before it began; ``unmet``: by an expectation that failed."""

    at: dt.datetime
    unmet: bool


@dataclass(frozen=True, slots=True)
class Way:
    """How so many of a step's rows were acted on: by which strategy."""

    strategy: str
    records: int


@dataclass(frozen=True, slots=True)
class Impeded:
    """A strategy that the plan had chosen, and what came in its way during the run, by its name in the ledger."""

    strategy: str
    obstacle: str


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one step's due records; ``lateness`` is the most days that one of them was overdue.

    ``stale`` were not due any more when their turn came; ``left`` is still to do, or waits for a person. ``ways`` and
    ``impeded``: how rows were acted on, and how not after all.
    """

    step: str
    store: str
    dataset: str
    deleted: int = 0
    anonymised: int = 0
    redacted: int = 0
    archived: int = 0
    stale: int = 0
    left: int = 0
    lateness: int = 0
    ways: tuple[Way, ...] = ()
    impeded: tuple[Impeded, ...] = ()

    @property
    def acted(self) -> int:
        """How many records were changed, moved or deleted."""
        return self.deleted + self.anonymised + self.redacted + self.archived


@dataclass(frozen=True, slots=True)
class Unclassified:
    """What a scan has seen and no person has settled: a whole dataset, where ``field`` is empty, or one column of it.

    ``personal``: how many columns of the dataset seem to hold personal data; ``review``: how many leave the scan in
    doubt. Of a column one of them is 1.
    """

    store: str
    dataset: str
    field: str = ""
    category: str = ""
    personal: int = 0
    review: int = 0


@dataclass(frozen=True, slots=True)
class HoldInForce:
    """A hold that kept on the as-of date, by its number; ``narrow``: one person or record. No case, no person."""

    number: int
    store: str
    dataset: str
    categories: tuple[str, ...]
    narrow: bool
    since: dt.date
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """One run of the controller's, for the trends: counts of its plan, its receipts, its last verification.

    ``due``, ``held``, ``undetermined`` count once per category of a record; ``lateness`` is in days; ``failed`` is None
    where nothing was verified.
    """

    plan: str
    as_of: dt.date
    due: int
    held: int
    undetermined: int
    deleted: int
    anonymised: int
    redacted: int
    archived: int
    left: int
    lateness: int
    checked: int
    failed: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One group of a registered statistic: live after the run, and in the statistics ledger.

    ``holds``: both together are what was there before the run, in every measure (rows, subjects, sums, squares); that
    is known by digests, and nothing else is kept of what was there. ``pending``: some of the ledger's part is not
    released yet, and nobody is to read it; ``held_back``: nor can it merge into a larger group. ``few``: an answer
    would not show it, since too few persons are in it, or one of them makes up most of it. A group of which either is
    so has no name and no numbers here (see `hidden`), so that nothing that is made of it can show them. ``both``: live
    rows and ledger together, where an answer would show them so, and the live rows alone are of too few persons.
    """

    label: str | None
    live: Decimal | None
    ledger: Decimal | None
    holds: bool = True
    pending: bool = False
    held_back: bool = False
    few: bool = False
    both: Decimal | None = None

    @classmethod
    def hidden(cls, *, holds: bool, pending: bool = False, held_back: bool = False, few: bool = False) -> Cell:
        """A group that nobody is to read."""
        return cls(None, None, None, holds, pending, held_back, few)

    @property
    def now(self) -> Decimal:
        """What live rows and the ledger say together; nothing of a group that is hidden."""
        return sum(filter(None, (self.live, self.ledger, self.both)), Decimal(0))

    @property
    def before(self) -> Decimal | None:
        """What was there before the run: where it holds, what is there now."""
        return None if self.label is None or not self.holds else self.now


@dataclass(frozen=True, slots=True)
class Series:
    """A registered statistic over its groups."""

    store: str
    dataset: str
    name: str
    measure: str
    cells: tuple[Cell, ...]

    @property
    def holds(self) -> bool:
        """Whether every group holds exactly."""
        return all(cell.holds for cell in self.cells)

    @property
    def shown(self) -> tuple[Cell, ...]:
        """The groups whose numbers may be read."""
        return tuple(cell for cell in self.cells if cell.label is not None)


@dataclass(frozen=True, slots=True)
class Registration:
    """A statistic that the data map registers for one of the controller's datasets."""

    store: str
    dataset: str
    name: str


@dataclass(frozen=True, slots=True)
class Residue:
    """What deletion left in a store, why, and when it expires, if anybody knows."""

    store: str
    kind: str
    why: str
    expires: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Anonymity:
    """How well the anonymised records of one dataset hide among each other.

    ``k`` is the number of distinct subjects in the smallest cell of records that agree in every column that they keep
    (NULL is a value of its own); None where no record is anonymised. ``required`` is what the data map asks for.
    ``sizes`` counts cells by the number of their subjects: pairs of a range (`11-21`) and a count, from small to large.
    ``held_back`` records are due and were not acted on, since no cell could hide them. ``unturned`` rows are nobody's
    and lead to a person's own row all the same, though there are enough of them to hide each other.
    """

    store: str
    dataset: str
    k: int | None
    required: int
    cells: int
    sizes: tuple[tuple[str, int], ...] = ()
    held_back: int = 0
    unturned: int = 0

    @property
    def small(self) -> bool:
        """Whether an anonymised record stands in a cell that is too small."""
        return self.k is not None and self.k < self.required

    @property
    def reached(self) -> bool:
        """Whether none does, nor leads to a person's own row."""
        return not self.small and not self.unturned


@dataclass(frozen=True, slots=True)
class Leading:
    """How many ``rows`` of one dataset, or of a table that no data map knows, lead to anonymised records of another.

    In ``holding`` of them personal fields are kept still.
    """

    store: str
    dataset: str
    to: str
    rows: int
    holding: int


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything that one report shows.

    ``kept_exactly`` names the columns (store.dataset.column) that anonymised rows still hold unchanged and that could
    single a person out to someone who knows their value; while it is not empty the report claims no anonymity there.
    ``anonymity``: of the datasets whose data map asks for it. ``leading``: which
    rows lead to anonymised records. ``policy`` is the one that the plan was made under; None
    where the estate has another by now. ``runs`` are the controller's up to this one, the oldest first. ``began``: when
    the plan's run wrote its first intent; ``stopped``: where none did, what became of the last that was to.
    ``unreached``: stores that did not answer, so that nothing of them was
    measured. ``registered``: the statistics of the data map, those too that were not measured.
    """

    estate: str
    made_at: dt.datetime
    plan: Plan
    plan_digest: str
    approver: Approver | None
    done: tuple[Done, ...]
    findings: tuple[Finding, ...]
    statistics: tuple[Series, ...]
    residue: tuple[Residue, ...]
    ledger_head: str
    kept_exactly: tuple[str, ...] = ()
    anonymity: tuple[Anonymity, ...] = ()
    leading: tuple[Leading, ...] = ()
    policy: Policy | None = None
    unclassified: tuple[Unclassified, ...] = ()
    holds: tuple[HoldInForce, ...] = ()
    runs: tuple[Past, ...] = ()
    began: dt.datetime | None = None
    stopped: Stopped | None = None
    unreached: tuple[str, ...] = ()
    registered: tuple[Registration, ...] = ()

    @property
    def applied(self) -> bool:
        """Whether a run of the plan has begun."""
        return self.began is not None

    @property
    def numbers_hold(self) -> bool:
        """Whether every registered statistic that was measured is what it was."""
        return all(series.holds for series in self.statistics)
