"""Records of which a part is in the archive and the rest in the active base: they are one record, and counted once.

The two places are read with credentials of their own, and neither reader sees the other place. So the keys of what was
emptied in place come from the archive to the connection that counts the active base, in a table of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.sql.archive import ID, STEP
from connectors.sql.temporary import analyse
from pipelines.plan.archived import ArchivedSelection
from pipelines.plan.artefact import Action
from pipelines.plan.dialects import greatest, nothing
from pipelines.plan.expressions import Expression
from pipelines.plan.portions import DIGITS
from pipelines.plan.selection import Selection
from pipelines.plan.tables import column

BATCH = 10_000
"""Keys per statement on their way."""

_IN_PLACE = f"%.{Action.ARCHIVE}.g%"
"""How the names of steps are that empty fields in rows that stay."""


@dataclass(frozen=True)
class Emptied:
    """The records of a dataset that were emptied in place, beside the relation of its active rows.

    ``table`` has their keys; ``g{n}``: whether fields of that group of the active rows are in the archive; ``acted``:
    whether a step acts on one of their arrivals; ``since`` and ``part``: when something of it waits there, and in which
    part of that day, where a plan is made in portions.
    """

    table: sa.Table
    key: tuple[str, ...]

    def beside(self, relation: sa.FromClause) -> sa.FromClause:
        """The relation with what is here."""
        same = (relation.c[column(name)] == self.table.c[name] for name in self.key)
        return sa.outerjoin(relation, self.table, sa.and_(*same))

    def moved(self, relation: sa.FromClause, number: int) -> Expression:
        """Whether a group of a row is in the archive, and no more than that: nobody has filled it anew."""
        there = sa.func.coalesce(self.table.c[f"g{number}"], 0) == 1
        return sa.and_(there, relation.c[f"g{number}_done"])

    def later(self, since: Expression, part: Expression) -> tuple[Expression, Expression]:
        """The later day and part of what waits of a row here and there; the day is NULL where nothing does in both."""
        day, other = self.table.c.since, self.table.c.part
        both = sa.and_(since.is_not(None), day.is_not(None))
        last = sa.case((since > day, part), (since < day, other), else_=greatest([part, other]))
        return sa.case((both, greatest([since, day]))), last

    @property
    def acted(self) -> Expression:
        """Whether a step acts on an arrival of the row."""
        return sa.func.coalesce(self.table.c.acted, 0) == 1


def emptied(selection: Selection, archived: ArchivedSelection) -> Emptied | None:
    """Bring the keys over; None where nothing of the dataset was emptied in place."""
    key = selection.map.key
    columns = [sa.Column(name, selection.table.c[name].type, primary_key=True, autoincrement=False) for name in key]
    groups = selection.groups(selection.store.context.horizons[0])
    flags = [*(f"g{number}" for number in range(len(groups))), "acted"]
    table = sa.Table(
        "ardoise_emptied",
        sa.MetaData(),
        *columns,
        *(sa.Column(name, sa.Integer, nullable=False) for name in flags),
        sa.Column("since", sa.Date),
        sa.Column("part", sa.String(DIGITS)),
        prefixes=["TEMPORARY"],
    )
    connection = selection.store.connection
    fields = [[name for each in group.categories for name in selection.fields[each]] for group in groups]
    found = archived.connection.execute(_keys(archived, key, fields), execution_options={"yield_per": BATCH})
    made = False
    for rows in found.mappings().partitions():
        if not made:
            connection.execute(sa.schema.DropTable(table, if_exists=True))
            table.create(connection)
            made = True
        connection.execute(table.insert(), [{str(name): value for name, value in row.items()} for row in rows])
    if not made:
        return None
    analyse(connection, table)
    return Emptied(table, key)


def _keys(archived: ArchivedSelection, key: Sequence[str], fields: Sequence[Sequence[str]]) -> sa.Select[Any]:
    """What was emptied in place, one row for each record, by the columns of each group of the active rows."""
    relation, table = archived.relation(), archived.table
    flags: dict[str, Expression] = {}
    for number, names in enumerate(fields):
        flags[f"g{number}"] = sa.or_(sa.false(), *(table.c[name].is_not(None) for name in names if name in table.c))
    flags["acted"] = archived.acted(relation)
    columns = (sa.func.max(sa.case((flag, 1), else_=0)).label(name) for name, flag in flags.items())
    waiting: tuple[Expression, Expression]
    if archived.context.portion is not None:
        waiting = sa.func.min(archived.backlog(relation)), sa.func.min(relation.c.part)
    else:
        waiting = nothing(sa.Date()), nothing(sa.String(DIGITS))
    labelled = (value.label(name) for name, value in zip(("since", "part"), waiting, strict=True))
    keys = [table.c[name] for name in key]
    query = sa.select(*keys, *columns, *labelled)
    query = query.select_from(table.join(relation, relation.c[column(ID)] == table.c[ID]))
    return query.where(table.c[STEP].like(_IN_PLACE)).group_by(*keys)
