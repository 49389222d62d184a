"""Finding whom holds make wait (`plan.awaited`), in every store: whoever is in a record that one may keep.

A record is decided on by what is told under any of its digests: so one that is held for one of them counts with all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from pipelines.engine.holds import HoldRecord
from pipelines.plan.awaited import AWAITED
from pipelines.plan.context import Context
from pipelines.plan.dialects import run
from pipelines.plan.evidence import Evidence
from pipelines.plan.item_persons import Persons
from pipelines.plan.selection import digest_of_record
from pipelines.plan.supply import of_items
from pipelines.plan.transfer import BATCH

if TYPE_CHECKING:
    from pipelines.plan.gathering import Gathered

Expression = sa.ColumnElement[Any]


def with_awaited(found: Gathered) -> Context:
    """Find them in every store, into the evidence; the context that knows for which holds that was done.

    For none, where something that a hold may keep cannot be looked at: then everybody waits.

    Raises:
        sqlalchemy.exc.DBAPIError: a store fails.
    """
    context = found.context
    holds = [each for each in context.holding.unreleased if not each.outdated]
    for store in context.maps if holds else ():
        for name, dataset in context.active(store).items():
            if not context.holding.over(store, name):
                continue
            if of_items(dataset):
                scan = found.scans.get((store, name))
                if scan is None or not scan.complete:
                    return context
                _take_items(context, found.evidence, store, name)
            elif store in found.connections:
                _take_rows(found, store, name)
            else:
                return context
    return replace(context, awaited=frozenset(each.id for each in holds))


def _take_rows(found: Gathered, store: str, name: str) -> None:
    datasets, context = found.rows(store), found.context
    holds = context.holding.over(store, name)
    added: dict[str, Expression] = {}

    def identified(table: sa.FromClause) -> Mapping[str, Expression]:
        if any(each.scope.record for each in holds):
            key = datasets.map(name).key
            added["record_digest"] = digest_of_record(context.key, store, name, [table.c[each] for each in key])
        return added

    carried = datasets.carried(name, added=identified, events=frozenset())
    if not carried.links:
        return
    rows = carried.relation.c
    strong = [rows[label] for label, key in carried.links.items() if not key.weak]
    strong += [rows["record_digest"]] if added else []
    kept = sa.or_(_kept(holds, strong), rows.unread if any(each.scope.subject for each in holds) else sa.false())
    digests = [rows[label] for label in carried.links]
    asked, known = sa.select(*digests).where(rows.inside, kept).distinct(), found.evidence.connection
    with datasets.connection.execute(asked, execution_options={"yield_per": BATCH}) as result:
        for part in result.partitions():
            named = pa.array([each for row in part for each in row if each is not None], pa.string())
            known.register("batch", pa.table({"digest": named}))
            known.execute(f"INSERT INTO {AWAITED} SELECT digest FROM batch")  # noqa: S608 - our own name
            known.unregister("batch")


def _take_items(context: Context, evidence: Evidence, store: str, name: str) -> None:
    persons = Persons(context, evidence, store, name)
    people = persons.relation().c
    known = [people[each] for each in ("digest", "record_digest") if each in people]
    kept = _kept(persons.holding.over(store, name), known)
    table = sa.table(AWAITED, sa.column("digest", sa.String()))
    for form in ("digest", "loose", "name_digest"):
        asked = sa.select(people[form]).where(kept, people[form].is_not(None)).distinct()
        run(evidence.connection, table.insert().from_select(["digest"], asked))


def _kept(holds: Collection[HoldRecord], known: Collection[Expression]) -> Expression:
    """Whether one of the holds keeps what is known by these digests, or everything."""
    named = {digest for each in holds for digest in (each.scope.subject, each.scope.record) if digest}
    if any(not (each.scope.subject or each.scope.record) for each in holds):
        return sa.true()
    return sa.or_(sa.false(), *(each.in_(named) for each in known))
