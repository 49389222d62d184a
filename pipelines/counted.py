"""English sentences that count: one thing, or several."""

from __future__ import annotations


def counted(count: int, one: str, several: str) -> str:
    """The sentence for one, or that for any other number; ``{n}`` in them is the count, grouped by thousands.

    A person reads them as they are; the report's catalogue knows them as a pair (`report/sentences.py`). Other braces
    are names of the store's and stay as they are.
    """
    return (one if count == 1 else several).replace("{n}", f"{count:,}")
