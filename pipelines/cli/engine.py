"""Commands about the engine's own records: `ledger` and `hold`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.codes import Exit

ledger = typer.Typer(help="The ledger: what was planned, approved, intended and done.", no_args_is_help=True)
hold = typer.Typer(help="Legal holds: a case keeps what would be due.", no_args_is_help=True)

By = Annotated[str, typer.Option(help="Who acts: a role or an id, as the ledger will name it.")]


def register(app: typer.Typer) -> None:
    """Add the groups to the application."""
    app.add_typer(ledger, name="ledger")
    app.add_typer(hold, name="hold")


@ledger.command("verify")
def verify(
    ctx: typer.Context,
    head: Annotated[str, typer.Option(help="SEQUENCE:DIGEST of a head that a report printed.")] = "",
) -> None:
    """Find every changed, removed, inserted or moved entry."""
    from pipelines.cli.context import console, engine_of, load_estate
    from pipelines.engine.chain import Head
    from pipelines.errors import UsageError

    known = None
    if head:
        sequence, _, digest = head.partition(":")
        if not sequence.isdigit() or not digest:
            raise UsageError(f"{head!r} is no head", "--head", "Write it as SEQUENCE:DIGEST, as the report does.")
        known = Head(int(sequence), digest)
    out = console()
    with engine_of(load_estate(ctx)) as engine:
        defects = engine.ledger.verify(known)
        for defect in defects:
            out.print(f"entry {defect.sequence} {defect.what}", markup=False)
        if defects:
            raise typer.Exit(Exit.BROKEN)
        last = engine.ledger.head()
    out.print(f"The ledger is whole: {last.sequence} entries, head {last.sequence}:{last.digest}", soft_wrap=True)


@ledger.command("show")
def entries(
    ctx: typer.Context,
    kind: Annotated[str, typer.Option(help="Only entries of this kind.")] = "",
    after: Annotated[int, typer.Option(help="Only entries behind this sequence.")] = 0,
) -> None:
    """Print the entries, one a line, as JSON."""
    import json

    from pipelines.cli.context import engine_of, load_estate

    with_kind = (kind,) if kind else ()
    with engine_of(load_estate(ctx)) as engine:
        for entry in engine.ledger.entries(*with_kind, after=after):
            line = {
                "sequence": entry.sequence,
                "at": entry.at.isoformat(),
                "kind": entry.kind,
                "body": dict(entry.body),
            }
            typer.echo(json.dumps(line))


@hold.command("open")
def open_hold(
    ctx: typer.Context,
    case: Annotated[str, typer.Argument(help="The case's reference; no name of a person.")],
    store: Annotated[str | None, typer.Option(help="Only records of this store.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only records of this dataset.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only these categories.")] = None,
    subject: Annotated[
        bool,
        typer.Option("--subject", help="Only one person: asks for the e-mail address, and keeps its digest alone."),
    ] = False,
    controller: Annotated[str, typer.Option(help="The person's controller or tenant, with --subject.")] = "",
    since: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD; today by default.")] = None,
    by: By = "",
) -> None:
    """Open a hold: what it covers is kept, in the archive, until its release."""
    from pipelines.cli.context import actor, ask, console, day, engine_of, load_estate, now, sole_controller, today
    from pipelines.engine.holds import HoldScope
    from pipelines.subjects import canonical_email, subject_digest

    estate = load_estate(ctx)
    digests: list[str | None] = [None]
    if subject:
        address = canonical_email(ask("E-mail address of the person"))
        scopes = estate.scopes(sole_controller(estate, controller))
        digests = [subject_digest(estate.key, each, "email", address) for each in scopes]
    first = day(since, today(estate), "--since")
    with engine_of(estate) as engine:
        for digest in digests:
            scope = HoldScope(store, dataset, subject=digest, categories=frozenset(category or ()))
            record = engine.holds.open(case, scope, since=first, by=actor(by), at=now())
            console().print(f"Hold {record.id} opened for case {record.case} since {record.since}.", markup=False)


@hold.command("list")
def list_holds(ctx: typer.Context) -> None:
    """List every hold, released ones too."""
    from pipelines.cli.context import console, engine_of, load_estate
    from pipelines.cli.tables import holds_table

    with engine_of(load_estate(ctx)) as engine:
        console().print(holds_table(engine.holds.list()))


@hold.command("release")
def release_hold(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(help="The hold's number, as `ardoise hold list` shows it.")],
    until: Annotated[str | None, typer.Option(help="Day of release, YYYY-MM-DD; today by default.")] = None,
    by: By = "",
) -> None:
    """Release a hold: what is overdue goes with the next run."""
    from pipelines.cli.context import actor, console, day, engine_of, load_estate, now, today

    estate = load_estate(ctx)
    with engine_of(estate) as engine:
        record = engine.holds.release(number, until=day(until, today(estate), "--until"), by=actor(by), at=now())
    console().print(f"Hold {record.id} released from {record.until}.")
