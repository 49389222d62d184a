"""The entry: the commands' names and help, and what every error looks like to a person and to a shell."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pipelines.cli import (
    archive,
    demo,
    engine,
    estate,
    expectations,
    holds,
    policy,
    policy_diff,
    requests,
    run,
    simulate,
    statistics,
    why,
)
from pipelines.cli.codes import EPILOG, Exit

app = typer.Typer(
    name="ardoise",
    help="Wipe the slate and keep the tally: retention and anonymisation of personal data, planned, approved, proved.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (
    estate, run, expectations, simulate, why, policy, policy_diff, engine, archive, holds, requests, statistics, demo,
):  # fmt: skip
    group.register(app)


@app.callback()
def _options(
    ctx: typer.Context,
    folder: Annotated[
        str,
        typer.Option("--estate", "-e", envvar="ARDOISE_ESTATE", help="Folder of ardoise.toml; else searched upwards."),
    ] = "",
) -> None:
    ctx.obj = folder


def main() -> None:
    """Run `ardoise`, and turn every error into its sentence, its remedy and its exit code."""
    _quiet()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(_interrupted())
    except SystemExit as leaving:
        if leaving.code == Exit.INTERRUPTED:
            _interrupted()
        raise
    except Exception as error:  # noqa: BLE001 - the edge: whatever is left must not print a traceback with values in it
        from pipelines.cli.failure import explain

        sys.exit(explain(error))


def _interrupted() -> int:
    print("Interrupted. What was done has its receipts; the same command goes on from there.", file=sys.stderr)  # noqa: T201 - the edge
    return int(Exit.INTERRUPTED)


def _quiet() -> None:
    """Keep what libraries say off the terminal: a driver's warning, log record or lost exception may quote a value."""
    from pipelines.cli.settings import DEBUG

    if os.environ.get(DEBUG):
        return
    import logging
    import threading
    import warnings

    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    threading.excepthook = lambda _: None
    sys.unraisablehook = lambda _: None
