"""Remembered days on which nothing depends any more, which a run forgets at its end.

What a mark remembers (`plan.remembered`) are days of one person, kept beside a row that hides among others. Another
store may show the same day with a name: so a day stays only as long as something of the record, or of what inherits
from it, is still to be decided on by it: is not anonymised yet, or is a row that may still go as a whole. Where a day
is gone, the event is missing, and nothing is ever due by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from connectors.sql.functions import record_key
from connectors.sql.journal import Journal
from pipelines.plan.carried import Datasets
from pipelines.plan.context import asked_of
from pipelines.plan.expressions import Expression
from pipelines.plan.remembered import below, fields_of
from retention_rules.purposes import EndAction

Needs = Mapping[str, frozenset[str]]
"""By dataset, the categories that are decided on by an event."""


def settled_days(datasets: Datasets, name: str, foreign: frozenset[str]) -> Iterator[sa.Delete]:
    """Statements that delete what is remembered of a dataset's rows, and nothing depends on any more.

    ``foreign``: datasets of which somebody else's policy decides; what they may need is not known.
    """
    store_map, journal = datasets.store_map, datasets.journal
    if journal is None or not datasets.remembers or below(store_map, name) & foreign:
        return
    kept = journal.remembered.c
    known = datasets.connection.execute(sa.select(kept.event).where(kept.dataset == name).distinct()).scalars()
    events: dict[tuple[tuple[str, frozenset[str]], ...], list[str]] = defaultdict(list)
    for event in sorted(known):
        events[tuple(sorted(_needs(datasets, name, event).items()))].append(event)
    table = datasets.table(datasets.map(name).source)
    record = record_key(table.c[each] for each in datasets.map(name).key).label("record")
    for needs, asked in events.items():
        standing = list(_standing(datasets, journal, record, table, table, (name,), dict(needs)))
        mine = [kept.dataset == name, kept.event.in_(asked)]
        mine += [_absent(kept.record, sa.union_all(*standing), datasets.dialect)] if standing else []
        yield sa.delete(journal.remembered).where(*mine)


def _absent(record: Expression, standing: sa.CompoundSelect[Any], dialect: str) -> Expression:
    """Whether a record is not among these, asked in the form in which the engine looks once at each."""
    if dialect != "postgresql":
        return record.not_in(standing)
    found = standing.subquery("standing")
    return sa.not_(sa.exists().where(found.c.record == record))


def _needs(datasets: Datasets, name: str, event: str) -> Needs:
    found = {}
    for each in below(datasets.store_map, name):
        categories = {field.category for field in datasets.map(each).personal.values()}
        asking = (c for c in categories if event in asked_of(datasets.policy, datasets.policy.purposes_for(c))[0])
        found[each] = frozenset(asking)
    return found


def _standing(
    datasets: Datasets,
    journal: Journal,
    record: sa.Label[str],
    source: sa.FromClause,
    rows: sa.FromClause,
    path: tuple[str, ...],
    needs: Needs,
) -> Iterator[sa.Select[Any]]:
    """The records of which something, or something of what inherits from them, is to be decided on yet.

    ``path`` leads from their dataset to that of ``rows``, which stand beside them in ``source``. Joined and not asked
    for row by row: there may be millions.
    """
    dataset, fields = datasets.map(path[-1]), fields_of(datasets.map(path[-1]))
    purposes = (each for category in needs[path[-1]] for each in datasets.policy.purposes_for(category))
    if any(each.end_action is EndAction.DELETE for each in purposes):
        yield sa.select(record).select_from(source)  # the row is there, and goes one day, whatever of it is anonymised
        return
    for category in sorted(needs[path[-1]]):
        marked = journal.marks.standing(rows, dataset.key, path[-1], category, fields[category])
        yield sa.select(record).select_from(source).where(sa.not_(marked))
    for child in sorted(below(datasets.store_map, path[-1])):
        for parent in datasets.map(child).inherits:
            if parent.dataset != path[-1]:
                continue
            if child in path:  # a circle: what may follow is not followed
                yield sa.select(record).select_from(source)
                continue
            theirs = datasets.table(datasets.map(child).source).alias()
            leads = sa.and_(*(theirs.c[own] == rows.c[target] for own, target in sorted(parent.on.items())))
            yield from _standing(datasets, journal, record, source.join(theirs, leads), theirs, (*path, child), needs)
