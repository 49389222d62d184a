"""What the index tells of the events of subjects: each mail and meeting, as an occurrence for those whom it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from connectors.participants import Contact
from pipelines.data_map.model import DatasetMap
from pipelines.plan.dates import day_of
from pipelines.plan.links import EMAIL, Key
from pipelines.plan.links import STRONG as STRONG_LINKS
from pipelines.plan.occurrences import Horizon, Reading, occurrence
from pipelines.plan.supply import Supplier
from retention_rules.policy import Policy

PLACE = ("store", "dataset", "container", "key")
"""What names an item in the index."""


def item_occurrences(
    supplier: Supplier, dataset: DatasetMap, policy: Policy, event: str, horizon: Horizon, parts: int = 1
) -> Iterator[sa.CompoundSelect[Any]]:
    """One SELECT per link, and per part of the items: what they tell of an event of each subject, by each form."""
    source = dataset.events[event]
    items, people = item_tables()
    moment = items.c.last if source.at == "last" else items.c.first
    endless = sa.func.coalesce(items.c.endless, sa.false()) if source.at == "last" else sa.false()
    query = sa.select(
        *(items.c[each] for each in PLACE),
        sa.or_(moment.is_not(None), endless).label("given"),
        sa.case((sa.not_(endless), day_of(moment, policy.time_zone, "duckdb", until=horizon.end))).label("day"),
        endless.label("endless"),
    ).where(items.c.store == supplier.store, items.c.dataset == supplier.dataset)
    if source.human:
        query = query.where(sa.not_(sa.func.coalesce(items.c.automatic, sa.false())))
    dated = query.cte()
    reading = Reading(dated.c.given, dated.c.day, sa.true(), dated.c.endless)
    found = occurrence(reading, source, policy.events[event], horizon)
    for link in dataset.subjects:
        forms = list(digest_columns(link.kind, link.strength not in STRONG_LINKS, people))
        contact = sa.func.coalesce(people.c.contact, Contact.STRONG.value) if source.human else sa.null()
        person = (*(sa.cast(digest, sa.Uuid()).label(digest.name) for digest, _ in forms), contact.label("contact"))
        roles = [role for role in (source.roles or link.roles) if not link.roles or role in link.roles]
        if source.roles and not roles:
            continue  # whom the link names are others than those of whom this tells
        met = (
            sa.select(
                *person,
                sa.func.bool_or(found.open).label("open"),
                sa.func.bool_or(found.missing).label("missing"),
                sa.func.min(found.day).label("first"),
                sa.func.max(found.day).label("last"),
            )
            .select_from(dated)
            .join(people, sa.and_(dated.c.container == people.c.container, dated.c.key == people.c.key))
            .where(people.c.store == supplier.store, people.c.dataset == supplier.dataset)
            .group_by(*person)
        )
        met = met.where(people.c.role.in_(roles)) if roles else met
        for part in range(parts):
            some = met.where(_of_part(dated, part, parts), _of_part(people, part, parts)) if parts > 1 else met
            told = some.cte().prefix_with("MATERIALIZED")
            yield sa.union_all(*(_told(told, told.c[digest.name], key, event, horizon) for digest, key in forms))


def _of_part(rows: sa.FromClause, part: int, parts: int) -> sa.ColumnElement[bool]:
    """Whether an item, or a participant of it, is of one part of all items."""
    return sa.func.hash(rows.c.container, rows.c.key) % sa.literal_column(str(parts)) == sa.literal_column(str(part))


def _told(met: sa.FromClause, digest: sa.ColumnElement[Any], key: Key, event: str, horizon: Horizon) -> sa.Select[Any]:
    """What is known by one form of a link of those who were met, as rows of the table `evidence`."""
    kind = met.c.contact != Contact.NONE.value if key.weak else met.c.contact == Contact.STRONG.value
    return (
        sa.select(
            sa.literal(horizon.name).label("horizon"),
            sa.literal(event).label("event"),
            sa.literal(key.name).label("key"),
            digest.label("digest"),
            sa.func.bool_or(met.c.open).label("open"),
            sa.func.bool_or(met.c.missing).label("missing"),
            sa.func.min(met.c.first).label("first"),
            sa.func.max(met.c.last).label("last"),
        )
        .where(digest.is_not(None), sa.or_(met.c.contact.is_(None), kind))
        .group_by(digest)
    )


def digest_columns(kind: str, weak: bool, people: sa.FromClause) -> Iterator[tuple[sa.ColumnElement[Any], Key]]:
    """The digest columns of participants that a link of this kind means."""
    if kind == EMAIL:
        yield people.c.digest, Key(EMAIL, weak=weak)
        yield people.c.loose, Key(EMAIL, weak=True)
    else:
        yield people.c.name_digest, Key(kind, weak=True)


def item_tables() -> tuple[sa.TableClause, sa.TableClause]:
    """The index's tables, as attached."""
    text, moment, truth = sa.String(), sa.DateTime(), sa.Boolean()
    items = sa.table(
        "items",
        *(sa.column(name, text) for name in (*PLACE, "version")),
        sa.column("first", moment),
        sa.column("last", moment),
        sa.column("endless", truth),
        sa.column("automatic", truth),
        schema="items",
    )
    people = sa.table(
        "participants",
        *(sa.column(name, text) for name in (*PLACE, "role", "digest", "loose", "name_digest", "contact")),
        sa.column("own", truth),
        schema="items",
    )
    return items, people
