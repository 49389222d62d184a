"""Remembered days on which nothing depends any more, which a run forgets at its end.

What a mark remembers (`plan.remembered`) are days of one person, kept beside a row that hides among others. Another
store may show the same day with a name: so a day stays only as long as something of the record, or of what inherits
from it, is still to be decided on by it: is not anonymised yet, or is a row that may still go as a whole. Where a day
is gone, the event is missing, and nothing is ever due by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from connectors.sql.functions import record_key
from connectors.sql.journal import Journal
from pipelines.plan.carried import Datasets
from pipelines.plan.context import asked_of
from pipelines.plan.expressions import Expression
from pipelines.plan.remembered import below, events_below, fields_of
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
    events: dict[tuple[tuple[str, frozenset[str]], ...], list[str]] = defaultdict(list)
    for event in sorted(events_below(store_map, datasets.policy, name)):
        events[tuple(sorted(_needs(datasets, name, event).items()))].append(event)
    table, kept = datasets.table(datasets.map(name).source), journal.remembered.c
    record = record_key(table.c[each] for each in datasets.map(name).key)
    for needs, asked in events.items():
        standing = _depends(datasets, journal, table, (name,), dict(needs))
        over = sa.select(record).where(sa.not_(standing))
        mine = (kept.dataset == name, kept.event.in_(asked), kept.record.in_(over))
        yield sa.delete(journal.remembered).where(*mine)


def _needs(datasets: Datasets, name: str, event: str) -> Needs:
    found = {}
    for each in below(datasets.store_map, name):
        categories = {field.category for field in datasets.map(each).personal.values()}
        asking = (c for c in categories if event in asked_of(datasets.policy, datasets.policy.purposes_for(c))[0])
        found[each] = frozenset(asking)
    return found


def _depends(
    datasets: Datasets, journal: Journal, rows: sa.FromClause, path: tuple[str, ...], needs: Needs
) -> Expression:
    """Whether anything of a row, or of what inherits from it, is not anonymised yet; ``path`` leads to its dataset."""
    name = path[-1]
    dataset, fields = datasets.map(name), fields_of(datasets.map(name))
    purposes = (each for category in needs[name] for each in datasets.policy.purposes_for(category))
    if any(each.end_action is EndAction.DELETE for each in purposes):
        return sa.true()  # the row is there, and goes one day, whatever of it is anonymised
    found = [
        sa.not_(journal.marked(rows, dataset.key, name, category, fields[category]))
        for category in sorted(needs[name])
    ]  # fmt: skip
    for child in sorted(below(datasets.store_map, name)):
        for parent in datasets.map(child).inherits:
            if parent.dataset != name:
                continue
            if child in path:
                return sa.true()
            theirs = datasets.table(datasets.map(child).source).alias()
            leads = (theirs.c[own] == rows.c[target] for own, target in sorted(parent.on.items()))
            found.append(sa.exists().where(*leads, _depends(datasets, journal, theirs, (*path, child), needs)))
    return sa.or_(sa.false(), *found)
