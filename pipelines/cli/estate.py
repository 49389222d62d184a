"""Commands about what there is: `init`, `scan`, `review`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

INCOMPLETE = 5


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("init")(init)
    app.command("scan")(scan)
    app.command("review")(review)


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new estate.")] = Path(),
    store: Annotated[str, typer.Option(help="Name of the first store.")] = "main",
    url: Annotated[
        str,
        typer.Option(help="Its connection string (sqlite:///…, postgresql+psycopg://…, imap://…, caldav+http://…)."),
    ] = "",
    controller: Annotated[str, typer.Option(help="The controller whose policy applies.")] = "CONTROLLER",
    zone: Annotated[str, typer.Option("--time-zone", help="The controller's time zone.")] = "Europe/Paris",
) -> None:
    """Write a new estate that runs.

    It has an ardoise.toml, a first policy to adapt, and folders for data maps and proposals.
    """
    from pipelines.cli.context import console
    from pipelines.estate.initial import write_estate

    written = write_estate(folder, store=store, url=url, controller=controller, zone=zone)
    out = console()
    for path in written:
        out.print(f"wrote {path}")
    out.print(f"\nNext: [bold]ardoise --estate {folder} scan[/], then review and accept what it proposes.")


def scan(
    ctx: typer.Context,
    stores: Annotated[list[str] | None, typer.Argument(help="Stores to scan; all by default.")] = None,
) -> None:
    """Look into the stores and propose data maps.

    With read-only access: inspects, classifies with Presidio, indexes mail and calendars as digests.
    """
    from pipelines.cli.context import console, load_estate, now
    from pipelines.cli.progress import shown
    from pipelines.cli.tables import gap_lines, scan_table
    from pipelines.scan import scan as run_scan

    estate = load_estate(ctx)
    with shown() as progress:
        result = run_scan(estate, stores or None, progress, now=now())
    out = console()
    out.print(scan_table(result))
    for line in gap_lines(result):
        out.print(line, markup=False)
    if not result.complete:
        raise typer.Exit(INCOMPLETE)


def review(
    ctx: typer.Context,
    store: Annotated[str | None, typer.Argument(help="One store; all by default.")] = None,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="Approve a dataset of the store's proposal; `all` for each.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who approves: a role or an id, as the ledger will name it.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Show settled fields as well.")] = False,
) -> None:
    """Show or accept what the scan proposes.

    Only what a person has accepted acts.
    """
    from pipelines.cli.context import actor, console, load_estate, now
    from pipelines.cli.tables import review_tables
    from pipelines.data_map.review import accept as accept_map
    from pipelines.errors import UsageError
    from pipelines.scan import review as make_review

    estate = load_estate(ctx)
    out = console()
    if accept:
        if store is None:
            raise UsageError("--accept needs a store", "ardoise review", "Name the store whose proposal you accept.")
        chosen = [] if accept == ["all"] else accept
        approved = accept_map(estate, store, chosen, by=actor(by), at=now())
        out.print(f"data_map/{store}.yaml: {len(approved.active)} datasets approved.")
        return
    table = make_review(estate, store)
    for each in review_tables(table, everything=everything):
        out.print(each)
    out.print(f"{len(table.open)} fields differ from what was approved or wait for a decision.")
