"""What a policy will release in each month to come, and what is overdue now: counted where the records are."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from connectors.sql.engines import speaking_for
from pipelines.errors import EstateInvalid, UsageError
from pipelines.estate import Estate
from pipelines.plan.archived import ArchivedSelection
from pipelines.plan.artefact import Place
from pipelines.plan.compile import extended
from pipelines.plan.context import Context
from pipelines.plan.dialects import run
from pipelines.plan.item_selection import PLACE, ItemSelection
from pipelines.plan.selection import Selection
from pipelines.plan.tables import column
from pipelines.progress import Progress, silent
from pipelines.simulate.horizon import MONTHS, Standing, histogram, horizons, month_of, move, release
from pipelines.simulate.survey import Asked, policy_named, surveyed, viewed

LONGEST = 1200
"""Months: a hundred years."""


class By(enum.StrEnum):
    """How wide a period of the simulation is."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_WIDTH = {By.MONTH: 1, By.QUARTER: 3, By.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of the records of one dataset in one category, in one place; the parts sum up to ``records``.

    ``overdue`` are due today; ``released`` become due in each period, and ``later`` after the last: in the place where
    they are now, or in the archive if they move there before. ``open`` have no end date (a purpose runs, or law keeps
    them without one); ``held`` are due at some time, but for a case; ``conditional`` hang on an end that is only
    announced; ``done`` were anonymised, or moved to the archive, by an earlier run.

    Beside these parts: ``moving`` belong in the archive today and are not there; ``moved`` move there in each period,
    and ``moved_later`` after the last.
    """

    store: str
    dataset: str
    category: str
    records: int
    overdue: int
    released: tuple[int, ...]
    later: int
    open: int
    held: int
    undetermined: int
    conditional: int
    done: int
    place: Place = Place.ACTIVE
    moving: int = 0
    moved: tuple[int, ...] = ()
    moved_later: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a controller's policy will release.

    ``periods`` are named by their month, quarter or year; the first one begins tomorrow. ``gaps`` says what could not
    be asked, ``remarks`` what is wrong with the policy.
    """

    estate: str
    controller: str
    policy: str
    policy_digest: str
    today: dt.date
    periods: tuple[str, ...]
    outlooks: tuple[Outlook, ...]
    gaps: tuple[str, ...]
    remarks: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The forecast as JSON types."""
        return {**asdict(self), "today": self.today.isoformat()}


def simulate(
    estate: Estate,
    controller: str,
    *,
    today: dt.date,
    policy: str = "",
    months: int = 36,
    by: By = By.MONTH,
    progress: Progress = silent,
) -> Forecast:
    """Count what a policy would release in each month from tomorrow on, with what is known today; nothing is written.

    Args:
        estate: the estate.
        controller: whose datasets.
        today: the current day.
        policy: another policy than the one in force, by name or file.
        months: how many, the current one included.
        by: the width of a period.
        progress: told of each dataset.

    Raises:
        UsageError: the number of months makes no sense.
        EstateInvalid, PolicyInvalid: the policy is invalid, or does not fit the estate.
        Refused: the policy has no purposes, or the controller no approved dataset.
        DataMapInvalid: a store is not as its data map says.
    """
    if not 1 <= months <= LONGEST:
        raise UsageError(f"{months} months cannot be simulated", "--months", f"Give 1 to {LONGEST}.")
    with contextlib.closing(estate.engine()) as engine:
        estate = estate.acting(engine)
        wanted = policy_named(estate, controller, policy)
        problems = estate.misfits(wanted, controller)
        if problems:
            raise EstateInvalid(problems)
        context = viewed(estate, engine, controller, wanted, horizons(today))
    calendar = _Calendar(today, months, by)
    with surveyed(estate, context, progress) as survey:
        outlooks: list[Outlook] = []
        for store, name, selection in survey.datasets(context):
            progress("simulate", len(outlooks), None, f"{store}.{name}")
            with speaking_for(store):
                counted = _counted(context, selection)
            outlooks += [
                calendar.outlook(store, name, category, counted.get(number, _NOTHING))
                for number, group in enumerate(selection.groups(context.horizons[0]))
                for category in group.categories
                if number in counted or not isinstance(selection, ArchivedSelection)
            ]
        return Forecast(
            estate=estate.name,
            controller=controller,
            policy=wanted.name,
            policy_digest=wanted.digest,
            today=today,
            periods=calendar.periods,
            outlooks=tuple(outlooks),
            gaps=survey.gaps,
            remarks=(
                *(f"{each.what}. {each.remedy}" for each in estate.lint(wanted, controller)), *survey.remarks,
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many records of a group have each number of `horizon.release`, and each one of `horizon.move`."""

    released: Mapping[int, int]
    moved: Mapping[int, int]
    place: Place = Place.ACTIVE


_NOTHING = _Counts({}, {})
Counts = Mapping[int, _Counts]
"""By group."""


def _counted(context: Context, selection: Asked) -> Counts:
    match selection:
        case ItemSelection():
            return _items(context, selection)
        case ArchivedSelection():
            return _arrivals(selection)
        case _:
            return _rows(context, selection)


def _rows(context: Context, selection: Selection) -> Counts:
    """A table's rows; one query."""
    joining = selection.joining(None)
    relation = selection.decided(joining)
    numbers = range(len(selection.groups(context.horizons[0])))
    columns: dict[str, sa.ColumnElement[Any]] = {
        f"m{number}": sa.case(
            (relation.c[f"g{number}_done"], sa.literal_column(str(int(Standing.DONE)), sa.Integer())),
            else_=release(context, selection, relation, number),
        )
        for number in numbers
    }
    if not columns:
        return {}
    if selection.moving.possible:
        columns |= {f"v{number}": move(context, selection, joining.carried, relation, number) for number in numbers}
    counted = extended(relation, columns, fenced=selection.store.datasets.fenced)
    found = _sorted(selection.store.connection.execute(histogram(counted, list(columns))))
    return {number: _Counts(found.get(number, {}), found.get(len(numbers) + number, {})) for number in numbers}


def _arrivals(selection: ArchivedSelection) -> Counts:
    """What the archive holds of a table; one query, and no group of which it holds nothing."""
    relation = selection.relation()
    columns: dict[str, sa.ColumnElement[Any]] = {
        f"m{number}": sa.case(
            (sa.not_(relation.c[f"g{number}_empty"]), release(selection.own, selection, relation, number))
        )
        for number in range(len(selection.first))
    }
    if not columns:
        return {}
    counted = extended(relation, columns, fenced=selection.fenced)
    found = _sorted(selection.connection.execute(histogram(counted, list(columns))))
    return {number: _Counts(each, {}, Place.ARCHIVE) for number, each in found.items()}


def _items(context: Context, selection: ItemSelection) -> Counts:
    """A mailbox's or calendar's items; one that concerns nobody but the controller has no end date."""
    relation = selection.relation()
    numbers = range(len(selection.groups(context.horizons[0])))
    place = [relation.c[column(each)] for each in PLACE]
    columns = [sa.func.max(release(context, selection, relation, number)).label(f"m{number}") for number in numbers]
    if not columns:
        return {}
    items = sa.select(*columns).group_by(*place).cte()
    found = run(selection.evidence.connection, histogram(items, [each.name for each in columns])).fetchall()
    counts = {number: Counter(_sorted(found).get(number, {})) for number in numbers}
    for each in counts.values():
        each[Standing.OPEN] += selection.everything() - each.total()
    return {number: _Counts(each, {}) for number, each in counts.items()}


def _sorted(rows: Any) -> dict[int, dict[int, int]]:
    """By place and value; rows without a value are not counted."""
    counts: dict[int, dict[int, int]] = {}
    for place, value, count in rows:
        if value is not None:
            counts.setdefault(int(place), {})[int(value)] = int(count)
    return counts


@dataclass(frozen=True, slots=True)
class _Calendar:
    """The periods of a simulation."""

    today: dt.date
    months: int
    by: By

    @property
    def _first(self) -> int:
        return month_of(self.today)

    def _named(self) -> Iterator[tuple[int, str]]:
        width = _WIDTH[self.by]
        for month in range(self._first, self._first + self.months):
            year, rest = divmod(month, MONTHS)
            match self.by:
                case By.MONTH:
                    yield month, f"{year}-{rest + 1:02}"
                case By.QUARTER:
                    yield month, f"{year}-Q{rest // width + 1}"
                case By.YEAR:
                    yield month, f"{year}"

    @property
    def periods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for _, name in self._named()))

    def outlook(self, store: str, dataset: str, category: str, counts: _Counts) -> Outlook:
        found, (released, later), (moved, moved_later) = (
            counts.released, self._by_period(counts.released), self._by_period(counts.moved)
        )  # fmt: skip
        return Outlook(
            store=store,
            dataset=dataset,
            category=category,
            records=sum(found.values()),
            overdue=found.get(Standing.OVERDUE, 0),
            released=released,
            later=later,
            open=found.get(Standing.OPEN, 0),
            held=found.get(Standing.HELD, 0),
            undetermined=found.get(Standing.UNDETERMINED, 0),
            conditional=found.get(Standing.CONDITIONAL, 0),
            done=found.get(Standing.DONE, 0),
            place=counts.place,
            moving=counts.moved.get(Standing.OVERDUE, 0),
            moved=moved,
            moved_later=moved_later,
        )

    def _by_period(self, counts: Mapping[int, int]) -> tuple[tuple[int, ...], int]:
        """How many fall into each period, and how many after the last."""
        names = dict(self._named())
        found: Counter[str] = Counter()
        for value, count in counts.items():
            if value in names:
                found[names[value]] += count
        months = sum(count for value, count in counts.items() if Standing.OVERDUE < value < Standing.CONDITIONAL)
        return tuple(found[each] for each in self.periods), months - found.total()
