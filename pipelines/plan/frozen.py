"""An event as it was known on an earlier day, read for a date: what an archive or a mark remembers of it."""

from __future__ import annotations

import sqlalchemy as sa

from pipelines.plan.compile import EventColumns
from pipelines.plan.expressions import Expression, day_constant, truth
from pipelines.plan.occurrences import Horizon
from retention_rules.events import EventKind


def seen(
    names: EventColumns, kind: EventKind, horizon: Horizon, *, missing: Expression, first: Expression, last: Expression
) -> dict[str, Expression]:
    """A frozen event on a date, as columns of these names; ``missing`` is never NULL."""
    found = known(names, horizon, first=first, last=last)
    if kind is EventKind.POINT:
        found[names.open] = sa.false()
        missing = sa.or_(missing, sa.func.coalesce(last > day_constant(horizon.today), sa.false()))
    return found | {names.missing: truth(missing)}


def known(names: EventColumns, horizon: Horizon, *, first: Expression, last: Expression) -> dict[str, Expression]:
    """The end of something on a date: what lies after it is still open.

    Of days between the first and the last nothing is known: on a past date the last one seen may be too early, and
    only because today has to agree is that no harm.
    """
    as_of = day_constant(horizon.as_of)
    return {
        names.open: truth(last > as_of),
        names.missing: sa.false(),
        names.first: sa.case((first <= as_of, first)),
        names.last: sa.case((last <= as_of, last), (first <= as_of, first)),
    }
