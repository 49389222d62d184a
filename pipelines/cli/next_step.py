"""What to do next: the command to type, as it must be typed from where the person stands."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer
    from rich.console import Console


def command(ctx: typer.Context, *words: str) -> str:
    """A command line for this estate: `ardoise --estate my-estate scan`."""
    folder = ctx.obj or ""
    named = [] if not folder or folder == os.environ.get("ARDOISE_ESTATE") else ["--estate", shlex.quote(folder)]
    return " ".join(["ardoise", *named, *words])


def advise(out: Console, *steps: str) -> None:
    """Print the next step, or several in their order."""
    if len(steps) == 1:
        out.print(f"\n[bold]Next:[/] {_plain(steps[0])}", soft_wrap=True)
        return
    for number, step in enumerate(steps, start=1):
        lead = "\n[bold]Next:[/]" if number == 1 else "     "
        out.print(f"{lead} {number}. {_plain(step)}", soft_wrap=True)


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names in a sentence; the rest as a number."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
