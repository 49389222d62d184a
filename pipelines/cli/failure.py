"""What a person sees of an error: its sentence and its remedy on standard error, never a traceback with values."""

from __future__ import annotations

import os
import traceback

from rich.console import Console

from connectors.errors import ConnectorError, ScanIncomplete, StoreDown, StoreMismatch
from pipelines.cli.codes import Exit
from pipelines.cli.settings import DEBUG
from pipelines.errors import ArdoiseError
from retention_rules.problems import PolicyInvalid


def explain(error: Exception) -> int:
    """Print an error for a person and return the exit code for the shell (documented in `ardoise --help`)."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    code = exit_code(error)
    if code == Exit.UNEXPECTED and not isinstance(error, ArdoiseError):
        console.print(f"[bold red]Unexpected:[/] {type(error).__name__}. This is a defect of Ardoise.")
        if os.environ.get(DEBUG):
            for frame in traceback.extract_tb(error.__traceback__):
                console.print(f"  {frame.filename}:{frame.lineno} in {frame.name}", markup=False)
        else:
            console.print(f"Set {DEBUG}=1 to see where it was raised; please report that.")
    else:
        console.print("[bold red]Error:[/] ", end="")
        console.print(str(error), markup=False)
    return code


def exit_code(error: Exception) -> int:
    """The exit code that an error means."""
    match error:
        case ArdoiseError():
            return error.exit_code
        case PolicyInvalid() | StoreMismatch():
            return Exit.INVALID
        case StoreDown() | ScanIncomplete():
            return Exit.UNAVAILABLE
        case ConnectorError():
            return Exit.REFUSED
        case _:
            return Exit.UNEXPECTED
