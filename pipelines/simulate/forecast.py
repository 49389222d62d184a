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
from pipelines.plan.carried import column
from pipelines.plan.compile import extended
from pipelines.plan.context import Context
from pipelines.plan.dialects import run
from pipelines.plan.item_selection import PLACE, ItemSelection
from pipelines.plan.selection import Selection
from pipelines.progress import Progress, silent
from pipelines.simulate.horizon import MONTHS, Standing, histogram, horizons, month_of, release
from pipelines.simulate.survey import policy_named, surveyed, viewed

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
    """What becomes of the records of one dataset in one category; the parts sum up to ``records``.

    ``overdue`` are due today; ``released`` become due in each period, and ``later`` after the last. ``open`` have no
    end date (a purpose runs, or law keeps them without one); ``held`` are due at some time, but for a case;
    ``conditional`` hang on an end that is only announced; ``done`` were anonymised by an earlier run.
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
                counted = (
                    _items(context, selection) if isinstance(selection, ItemSelection) else _rows(context, selection)
                )
            groups = enumerate(selection.groups(context.horizons[0]))
            outlooks += [
                calendar.outlook(store, name, category, counted.get(number, {}))
                for number, group in groups
                for category in group.categories
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
            remarks=tuple(f"{each.what}. {each.remedy}" for each in estate.lint(wanted, controller)),
        )


Counts = Mapping[int, Mapping[int, int]]
"""By group, how many records have each number of `horizon.release`."""


def _rows(context: Context, selection: Selection) -> Counts:
    """A table's rows; one query."""
    relation = selection.decisions()
    numbers = range(len(selection.groups(context.horizons[0])))
    columns = {
        f"m{number}": sa.case(
            (relation.c[f"g{number}_done"], sa.literal_column(str(int(Standing.DONE)), sa.Integer())),
            else_=release(context, selection, relation, number),
        )
        for number in numbers
    }
    if not columns:
        return {}
    counted = extended(relation, columns, fenced=selection.store.datasets.fenced)
    return _sorted(selection.store.connection.execute(histogram(counted, list(columns))))


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
    return counts


def _sorted(rows: Any) -> dict[int, dict[int, int]]:
    counts: dict[int, dict[int, int]] = {}
    for place, value, count in rows:
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

    def outlook(self, store: str, dataset: str, category: str, counts: Mapping[int, int]) -> Outlook:
        names = dict(self._named())
        released: Counter[str] = Counter()
        later = 0
        for value, count in counts.items():
            if value in names:
                released[names[value]] += count
            elif Standing.OVERDUE < value < Standing.CONDITIONAL:
                later += count
        return Outlook(
            store=store,
            dataset=dataset,
            category=category,
            records=sum(counts.values()),
            overdue=counts.get(Standing.OVERDUE, 0),
            released=tuple(released[each] for each in self.periods),
            later=later,
            open=counts.get(Standing.OPEN, 0),
            held=counts.get(Standing.HELD, 0),
            undetermined=counts.get(Standing.UNDETERMINED, 0),
            conditional=counts.get(Standing.CONDITIONAL, 0),
            done=counts.get(Standing.DONE, 0),
        )
