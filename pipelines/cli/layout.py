"""Tables that stay readable at 80 columns: words wrap, numbers do not, and what says nothing is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich import box
from rich.table import Table

SHORT = ("result", "action", "verdict", "since", "released")
"""Columns of one short word each."""


def table(title: str, columns: Sequence[str], numbers: Collection[str] = (), *, whole: Collection[str] = ()) -> Table:
    """A table. ``numbers`` are set to the right; those, dates and the columns in ``whole`` are never broken."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=box.SIMPLE_HEAD)
    made.pad_edge = False
    unbroken = {*numbers, *whole, *SHORT}
    for column in columns:
        right = column in numbers
        made.add_column(
            column, justify="right" if right else "left", no_wrap=column in unbroken, overflow="fold", vertical="top"
        )
    return made


def number(count: int) -> str:
    """A count, or a dot for none: what there is stands out."""
    return f"{count:,}" if count else "·"


def compact(categories: Iterable[str]) -> list[str]:
    """Categories by what they have in common, a line each: `user.name: first, last`, `user.workplace`."""
    families: dict[str, list[str]] = {}
    for category in sorted(categories):
        family, _, name = category.rpartition(".")
        families.setdefault(family, []).append(name)
    parts = []
    for family, names in families.items():
        if len(names) == 1 or not family:
            parts += [f"{family}.{name}".lstrip(".") for name in names]
        else:
            parts.append(f"{family}: {', '.join(names)}")
    return parts
