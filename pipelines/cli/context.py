"""What the commands share at the edge: the estate in hand, the engine database, the clock, the console."""

from __future__ import annotations

import datetime as dt
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.cli.codes import Exit
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate


def load_estate(ctx: typer.Context) -> Estate:
    """The estate that `--estate` or ARDOISE_ESTATE names, or the nearest one upwards."""
    from pipelines.estate import Estate, find_estate

    folder = Path(ctx.obj) if ctx.obj else find_estate(Path.cwd())
    return Estate.load(folder)


@contextmanager
def engine_of(estate: Estate) -> Iterator[EngineDatabase]:
    """The engine database, closed at the end of the block."""
    engine = estate.engine()
    try:
        yield engine
    finally:
        engine.close()


def now() -> dt.datetime:
    """The clock, read here and nowhere below."""
    return dt.datetime.now(dt.UTC)


def today(estate: Estate, controller: str = "") -> dt.date:
    """Today in the controller's time zone; in the estate's, where no controller is meant."""
    return estate.today(controller, now()) if controller else now().astimezone(estate.time_zone).date()


def day(text: str | None, otherwise: dt.date, option: str = "--as-of") -> dt.date:
    """A date option.

    Raises:
        UsageError: the text is no date.
    """
    if not text:
        return otherwise
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no date", option, "Write it as YYYY-MM-DD.") from None


def actor(given: str) -> str:
    """Who acts: as given, else the login name. It is written to the ledger, so a role is better than a name."""
    return given or getpass.getuser()


def sole_controller(estate: Estate, given: str) -> str:
    """The controller named, or the estate's only one.

    Raises:
        UsageError: the estate has several, or none.
    """
    if given:
        return given
    if len(estate.controllers) != 1:
        known = ", ".join(estate.controllers) or "none"
        raise UsageError(f"the estate has several controllers ({known})", "--controller", "Name one of them.")
    return estate.controllers[0]


def ask(question: str) -> str:
    """Ask for something that is typed unseen.

    Raises:
        typer.Exit: with the code of an interruption, when the person would rather not.
    """
    try:
        return str(typer.prompt(question, hide_input=True))
    except typer.Abort:
        raise typer.Exit(Exit.INTERRUPTED) from None


def console() -> Console:
    """Standard output, with colours where it is a terminal."""
    from rich.console import Console

    return Console(highlight=False)
