"""The command `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.codes import Exit


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[
        Path, typer.Option(help="Where the demonstration lives; a second run goes on with its stores.")
    ] = Path("demo"),
    scale: Annotated[float, typer.Option(help="Size of the invented company; 1 is about 20,000 contacts.")] = 1.0,
) -> None:
    """Run the main job on four real stores.

    PostgreSQL, SQLite, IMAP and CalDAV of an invented company, started here; end to end, by the real Airflow DAGs.
    """
    from pipelines.cli.context import console, now
    from pipelines.cli.plans import standing_table
    from pipelines.cli.progress import shown
    from pipelines.cli.tables import findings_table
    from pipelines.demo.running import run_demo

    out = console()
    with shown() as progress:
        outcome = run_demo(folder, scale=scale, say=out.print, progress=progress, now=now)
    out.print(standing_table(outcome.plan, outcome.acted))
    failed = [finding for finding in outcome.findings if not finding.passed]
    if failed:
        out.print(findings_table(failed))
    out.print(f"{len(outcome.findings) - len(failed)} of {len(outcome.findings)} expectations passed.")
    out.print(f"Report: {outcome.report}", soft_wrap=True)
    if failed or not outcome.findings:
        raise typer.Exit(Exit.UNVERIFIED)
