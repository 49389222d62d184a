"""The entry: the commands' names and help, and what every error looks like to a person and to a shell."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipelines.cli import demo, engine, estate, run

EPILOG = (
    "Exit codes: 0 done, 1 unexpected, 2 usage, 3 invalid input, 4 refused (not approved, over a limit, changed), "
    "5 a store is down or a scan incomplete, 6 verification failed, 7 the ledger is broken."
)

app = typer.Typer(
    name="ardoise",
    help="Wipe the slate and keep the tally: retention and anonymisation of personal data, planned, approved, proved.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (estate, run, engine, demo):
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
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the edge: whatever is left must not print a traceback with values in it
        from pipelines.cli.failure import explain

        sys.exit(explain(error))
