"""When a plan must wait for a person: limits, emptied datasets, unusual volumes, incomplete scans, the future."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from pipelines.counted import counted
from pipelines.engine.holds import HoldRecord
from pipelines.plan.artefact import Refusal


class Limit(Protocol):
    """How much a plan may do to one dataset; None is no limit."""

    @property
    def count(self) -> int | None:
        """Records."""

    @property
    def share(self) -> float | None:
        """Of the dataset, 0 to 1."""

    @property
    def deviation(self) -> float | None:
        """How far the dataset's size may lie from its usual one, as a share of that."""

    @property
    def empty(self) -> bool:
        """Whether the dataset may be empty all of a sudden."""


class Volumes(Protocol):
    """How many records a dataset held at earlier times."""

    def recent(self, store: str, dataset: str) -> Sequence[int]:
        """The last several counts, the newest first, less what was deleted by runs since; empty when never counted."""


def over_limits(
    store: str, dataset: str, *, found: int, acted_on: int, limit: Limit, volumes: Volumes
) -> Iterator[Refusal]:
    """Every reason why what is planned for one dataset, or its size, needs a look.

    Emptiness is held against the last several counts: that it was found empty once does not make it usual.
    """
    recent = volumes.recent(store, dataset)
    if not found and not limit.empty and any(recent):
        held = next(count for count in recent if count)
        yield Refusal(
            store,
            dataset,
            counted(held, "it is suddenly empty; it held {n} record", "it is suddenly empty; it held {n} records"),
            f"Find out why before anything is deleted; if it may be, say `empty = true` in [limits.{store}.{dataset}].",
        )
        return
    usual = statistics.median(recent) if recent else None
    if limit.count is not None and acted_on > limit.count:
        yield Refusal(
            store,
            dataset,
            counted(
                acted_on,
                f"{{n}} record is due, the limit is {limit.count:,}",
                f"{{n}} records are due, the limit is {limit.count:,}",
            ),
            "Look, then raise the limit.",
        )
    if limit.share is not None and found and acted_on / found > limit.share:
        yield Refusal(
            store,
            dataset,
            counted(
                acted_on,
                f"{{n}} record of {found:,} is due, the limit is {limit.share:.0%}",
                f"{{n}} of {found:,} records are due, the limit is {limit.share:.0%}",
            ),
            "Look, then raise the share.",
        )
    if limit.deviation is not None and usual and abs(found - usual) / usual > limit.deviation:
        yield Refusal(
            store,
            dataset,
            counted(
                found,
                f"it holds {{n}} record, usually {usual:,.0f}; the limit of deviation is {limit.deviation:.0%}",
                f"it holds {{n}} records, usually {usual:,.0f}; the limit of deviation is {limit.deviation:.0%}",
            ),
            "Find out why, then plan again or raise the limit.",
        )


def in_the_future(as_of: dt.date, today: dt.date) -> Iterator[Refusal]:
    """A plan for the future only says what would be due."""
    if as_of > today:
        yield Refusal(
            "", "", f"the as-of date {as_of} lies in the future", "Plan again for today or a past date to act."
        )


def outdated_holds(holds: Iterable[HoldRecord], as_of: dt.date) -> Iterator[Refusal]:
    """A hold whose person is no longer found by its digest would keep nothing, unseen."""
    for hold in holds:
        if hold.outdated and hold.active(as_of):
            yield Refusal(
                "",
                "",
                f"hold {hold.id} was opened by a version that spelled addresses otherwise: it may not find its person",
                "Open it anew for the same person (`ardoise hold open`), release the old one, then plan again.",
            )
