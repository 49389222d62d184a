"""The ways in which a step over rows can be carried out, and why one of them does not fit a table.

All are transactions with a journal row: what decides, contributes, marks and tells is the same in each of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Strategy(enum.StrEnum):
    """How the rows of a step are acted on.

    ``drop_partition``: a partition of which every row is due is emptied at once, as a file; what is due in others, in
    ranges. ``rewrite``: the table is written anew beside itself, and takes its own place. ``ranges``: some thousand
    rows at a time, a commit each.
    """

    DROP_PARTITION = "drop_partition"
    REWRITE = "rewrite"
    RANGES = "ranges"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in the way of a strategy: a short name for the ledger, and a sentence for people.

    Neither holds a value of a record; the sentence may name objects of the store's catalogue.
    """

    name: str
    what: str


class Unfit(Exception):
    """A strategy turned out not to fit in the transaction that tried it: nothing of it is changed."""

    def __init__(self, strategy: Strategy, obstacle: Obstacle) -> None:
        super().__init__(f"{strategy}: {obstacle.what}")
        self.strategy = strategy
        self.obstacle = obstacle
