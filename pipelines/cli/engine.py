"""Commands about the engine's own records: `ledger`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.codes import Exit

ledger = typer.Typer(help="The ledger: what was planned, approved, intended and done.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(ledger, name="ledger")


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
