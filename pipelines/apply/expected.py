"""The look at the stores before a run acts; what it needs is imported when it is taken, since that costs seconds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pipelines.engine import EngineDatabase
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan
    from pipelines.progress import Progress


class Expect(Protocol):
    """What looks at the stores before the first act of a run; see `pipelines.expect.before.expect_before`."""

    def __call__(
        self,
        estate: Estate,
        engine: EngineDatabase,
        plan: Plan,
        *,
        now: dt.datetime,
        today: dt.date,
        begun: Callable[[], bool],
        progress: Progress,
    ) -> None:
        """Return where everything is as expected.

        Raises:
            ExpectationsUnmet: something is not; nothing was changed.
        """


def expect_before(
    estate: Estate,
    engine: EngineDatabase,
    plan: Plan,
    *,
    now: dt.datetime,
    today: dt.date,
    begun: Callable[[], bool],
    progress: Progress,
) -> None:
    """Evaluate the expectations before a run, unless it has begun; see `pipelines.expect.before.expect_before`."""
    if begun():
        return
    from pipelines.expect import before

    before.expect_before(estate, engine, plan, now=now, today=today, begun=begun, progress=progress)
