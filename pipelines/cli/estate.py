"""Commands about what there is: `init`, `check`, `scan`, `review`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.codes import Exit

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.estate import Estate


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("init")(init)
    app.command("check")(check)
    app.command("scan")(scan)
    app.command("review")(review)


def init(
    ctx: typer.Context,
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
    from pipelines.cli.next_step import advise, command
    from pipelines.estate.initial import write_estate

    written = write_estate(folder, store=store, url=url, controller=controller, zone=zone)
    out = console()
    for path in written:
        out.print(f"wrote {folder / path}", soft_wrap=True, markup=False)
    ctx.obj = "" if folder == Path() else str(folder)
    policy = next(path for path in written if path.parts[0] == "policies")
    steps = [
        f"look at {folder / policy}: a first policy with periods to adapt",
        f"{command(ctx, 'scan')}    (reads {store}, changes nothing in it)",
    ]
    if not url:
        steps.insert(0, f"set ARDOISE_{store.upper()}_READ to the store's connection string")
    advise(out, *steps)


def check(ctx: typer.Context) -> None:
    """Hold the estate's files against each other.

    Every problem of ardoise.toml, the policies, the data maps and your own expectations at once, with file and line. Of
    the stores, only those with an archive are reached: every role is tried there, and nothing is changed.
    """
    from pipelines.archives.checking import archive_problems, archives_of
    from pipelines.cli.context import console, load_estate
    from pipelines.counted import counted
    from pipelines.errors import EstateInvalid
    from pipelines.expect.own import own_suites

    estate = load_estate(ctx)
    policies = estate.check()
    written = own_suites(estate)
    if problems := archive_problems(estate):
        raise EstateInvalid(problems)
    out = console()
    for controller, policy in policies.items():
        for remark in estate.lint(policy, controller):
            out.print(f"[yellow]Note:[/] policy {policy.name}: {remark.what}. {remark.remedy}.")
    active = sum(len(each.active) for each in estate.data_maps.values())
    found = (
        counted(len(policies), "{n} policy", "{n} policies"), counted(len(estate.stores), "{n} store", "{n} stores"),
        counted(active, "{n} approved dataset", "{n} approved datasets"),
    )  # fmt: skip
    out.print(f"In order: {', '.join(found)}.")
    if written:
        out.print(f"Suites of your own: {', '.join(each.suite for each in written)}.", markup=False)
    tried, hidden = archives_of(estate)
    if tried:
        out.print(f"Archives that can be filled, and read by their own role alone: {', '.join(tried)}.")
    if hidden:
        out.print(f"[yellow]Note:[/] not tried, since Airflow alone knows their connections: {', '.join(hidden)}.")


def scan(
    ctx: typer.Context,
    stores: Annotated[list[str] | None, typer.Argument(help="Stores to scan; all by default.")] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes that read free text; as `[scan] processes` says by default, or 1."),
    ] = None,
) -> None:
    """Look into the stores and propose data maps.

    With read-only access: inspects, classifies with Presidio, indexes mail and calendars as digests. The proposals
    are files of the estate, to be corrected by hand; a later scan keeps the corrections. Ends with 6 when a column with
    personal data has come into an approved table: until somebody has decided about it, no row of it is deleted.
    """
    from pipelines.cli.context import console, load_estate, now
    from pipelines.cli.next_step import advise, command
    from pipelines.cli.progress import shown
    from pipelines.cli.tables import gap_lines, scan_table
    from pipelines.scan import scan as run_scan

    estate = load_estate(ctx)
    with shown() as progress:
        result = run_scan(estate, stores or None, progress, now=now(), processes=processes)
    out = console()
    out.print(scan_table(result))
    for line in gap_lines(result):
        out.print(line, markup=False)
    for each in result.stores:
        if each.proposal:
            out.print(f"proposal: {each.proposal.relative_to(estate.folder)}", markup=False)
    if not result.complete:
        raise typer.Exit(Exit.UNAVAILABLE)
    if not result.covered:
        out.print("[red]Not every column with personal data is in the data map.[/] Decide about it:")
    advise(out, command(ctx, "review" if result.findings else "plan"))
    if not result.covered:
        raise typer.Exit(Exit.UNVERIFIED)


def review(
    ctx: typer.Context,
    store: Annotated[str | None, typer.Argument(help="One store; all by default.")] = None,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="Approve a dataset of the store's proposal; `all` for each.")
    ] = None,
    confirm: Annotated[
        list[str] | None,
        typer.Option(
            "--confirm", help="Approve a dataset as the data map has it now, changed by hand; `all` for each."
        ),
    ] = None,
    sure: Annotated[
        bool,
        typer.Option(
            "--accept-sure",
            help="Approve new columns of approved datasets, of the kinds and with the confidence of [review].",
        ),
    ] = False,
    by: Annotated[str, typer.Option(help="Who approves: a role or an id, as the ledger will name it.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Show every field with its evidence.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write every field with its evidence as one HTML file, too.")
    ] = None,
) -> None:
    """Show or accept what the scan proposes, or confirm a data map that was changed by hand.

    Only what a person has approved acts. What is wrong in a proposal is corrected in its file first; a data map that
    is edited later does not act until it is confirmed.
    """
    from pipelines.cli.context import actor, console, load_estate, now
    from pipelines.counted import counted
    from pipelines.data_map.review import accept as accept_map
    from pipelines.data_map.review import confirm as confirm_map
    from pipelines.errors import UsageError

    estate = load_estate(ctx)
    out = console()
    if sure and (accept or confirm):
        raise UsageError("--accept-sure is the estate's own rule, not a person's choice", "ardoise review", "Do one.")
    if sure:
        _accept_sure(out, estate, [store] if store else list(estate.stores))
        _what_is_missing(ctx, out)
        return
    if not accept and not confirm:
        _show(ctx, out, estate, store, everything=everything, html=html)
        return
    if accept and confirm:
        raise UsageError("--accept takes the proposal, --confirm the data map", "ardoise review", "Do one of them.")
    if store is None:
        raise UsageError("an approval needs a store", "ardoise review", "Name the store whose datasets you approve.")
    approving, names = (accept_map, accept) if accept else (confirm_map, confirm or [])
    approved = approving(estate, store, [] if names == ["all"] else names, by=actor(by), at=now())
    said = counted(len(approved.active), "{n} dataset approved", "{n} datasets approved")
    out.print(f"data_map/{store}.yaml: {said} ({', '.join(approved.active)}).")
    _what_is_missing(ctx, out)


def _show(
    ctx: typer.Context, out: Console, estate: Estate, store: str | None, *, everything: bool, html: Path | None
) -> None:
    from pipelines.cli.context import engine_of
    from pipelines.cli.next_step import advise, command
    from pipelines.cli.reviewing import print_review, told_of, worth_accepting
    from pipelines.counted import counted
    from pipelines.scan import review as make_review
    from pipelines.scan.drift import coverage_of

    with engine_of(estate) as engine:
        estate = estate.acting(engine)
        shown = make_review(estate, store)
        told = told_of(estate, coverage_of(engine), shown)
    if html is not None:
        from pipelines.scan.page import render

        html.write_text(render(shown, estate.name, estate.language), encoding="utf-8")
    print_review(out, shown, told, everything=everything)
    for each in estate.unconfirmed:
        out.print(f"[yellow]Note:[/] {each.what}. {each.remedy}.")
    out.print(
        counted(
            len(shown.open),
            "{n} field differs from what was approved or waits for a decision.",
            "{n} fields differ from what was approved or wait for a decision.",
        )
    )
    if not shown.datasets:
        out.print("There is no proposal yet.")
        advise(out, command(ctx, "scan"))
        return
    waiting = worth_accepting(shown)
    if not waiting:
        advise(out, command(ctx, "plan"))
        return
    first = waiting[0].store
    accepts = " ".join(f"--accept {each.dataset}" for each in waiting if each.store == first)
    advise(
        out,
        f"correct proposals/{first}.yaml where it is wrong: categories, events, who a record concerns",
        f"accept what may act: {command(ctx, 'review', first, accepts, '--by ROLE')}",
    )


def _accept_sure(out: Console, estate: Estate, stores: list[str]) -> None:
    from pipelines.cli.context import engine_of, now
    from pipelines.counted import counted
    from pipelines.data_map.threshold import accept_sure

    taken = 0
    with engine_of(estate) as engine:
        for store in stores:
            for dataset, columns in accept_sure(estate, engine, store, at=now()).items():
                taken += len(columns)
                out.print(f"data_map/{store}.yaml: {dataset} now has {', '.join(columns)}.", markup=False)
    said = counted(taken, "{n} column approved", "{n} columns approved")
    out.print(f"{said} by the rule of [review] in ardoise.toml.", markup=False)


def _what_is_missing(ctx: typer.Context, out: Console) -> None:
    """What still stands between the approved datasets and a plan."""
    from pipelines.cli.context import load_estate
    from pipelines.cli.next_step import advise, command
    from pipelines.errors import EstateInvalid

    try:
        load_estate(ctx).check()
    except EstateInvalid as error:
        out.print("\n[yellow]Before a plan can be made:[/]")
        for problem in error.problems:
            out.print(f"  {problem}", markup=False, soft_wrap=True)
    else:
        advise(out, command(ctx, "plan"))
