"""Whom the holds in force make wait: the digests by which everybody in a record that one keeps is known.

What a hold keeps is decided on when it ends, by what rows have told that have gone meanwhile. So of these persons all
is kept that rows tell, however long ago it was; of everybody else what still matters, as if there were no hold.
`plan.awaiting` finds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.sql.temporary import analyse
from pipelines.plan.context import Context
from pipelines.plan.transfer import load

if TYPE_CHECKING:
    from pipelines.plan.evidence import Evidence

Expression = sa.ColumnElement[Any]

AWAITED = "awaited"
"""The table of their digests beside the evidence."""


def hand_over(evidence: Evidence, connection: sa.Connection) -> None:
    """Fill the temporary table in a store; one of an earlier call is replaced. Nothing is committed."""
    table = _table()
    connection.execute(sa.schema.DropTable(table, if_exists=True))
    table.create(connection, checkfirst=False)
    load(evidence.connection, f"SELECT DISTINCT digest FROM {AWAITED}", connection, table)  # noqa: S608 - our own name
    analyse(connection, table)


def waits(context: Context, digest: Expression) -> Expression:
    """Whether a digest is one of theirs, over a connection to which they were handed over."""
    return digest.in_(sa.select(_table().c.digest)) if context.awaited else sa.false()


def _table() -> sa.Table:
    digest = sa.Column("digest", sa.String(64), primary_key=True)
    return sa.Table("ardoise_awaited", sa.MetaData(), digest, prefixes=["TEMPORARY"])
