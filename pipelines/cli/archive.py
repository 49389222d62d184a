"""`archive`: what records only law and claims keep, seen for a motive."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

archive = typer.Typer(
    help="The intermediate archives: read for a motive, each access in the ledger.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(archive, name="archive")


@archive.command("read")
def read(
    ctx: typer.Context,
    store: Annotated[str, typer.Argument(help="The store.")],
    dataset: Annotated[str, typer.Argument(help="The dataset, as the data map names it.")],
    motive: Annotated[Literal["litigation", "accounting", "authority", "subject_request"], typer.Option(help="Why.")],
    key: Annotated[list[str] | None, typer.Argument(help="The key of one record; all records without it.")] = None,
    case: Annotated[str, typer.Option(help="The case's reference; the ledger keeps a keyed digest of it.")] = "",
    by: Annotated[str, typer.Option(help="Who reads: a role or an id, as the ledger will name it.")] = "",
) -> None:
    """Show archived records, one a line, as JSON: personal data, on the terminal alone.

    Uses the archive's own credentials. Who, why and how many is in the ledger before the first record is shown.
    """
    import json

    from pipelines.archives.motives import Motive
    from pipelines.archives.reading import Request, read_archive
    from pipelines.cli.context import actor, console, engine_of, load_estate, now

    estate = load_estate(ctx)
    request = Request(store, dataset, Motive(motive), actor(by), case, tuple(key or ()))
    with engine_of(estate) as engine, read_archive(estate, engine, request, at=now()) as (count, rows):
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False, default=str))
    if not count:
        console().print("Nothing is held.")


@archive.command("accesses")
def list_accesses(
    ctx: typer.Context,
    case: Annotated[str, typer.Option(help="Only those of the case with this reference.")] = "",
    store: Annotated[str, typer.Option(help="Only those to this store's archive.")] = "",
    dataset: Annotated[str, typer.Option(help="Only those to this dataset.")] = "",
    key: Annotated[
        list[str] | None, typer.Option(help="Only those that saw the record of this key (once for each part of it).")
    ] = None,
) -> None:
    """List every access to an archive: when, who, what, why, how many records."""
    from pipelines.archives.reading import accesses
    from pipelines.cli.context import console, engine_of, load_estate
    from pipelines.cli.layout import number, table

    estate = load_estate(ctx)
    made = table("Accesses to the archives", ("when", "who", "what", "motive", "records"), ("records",))
    with engine_of(estate) as engine:
        for each in accesses(estate, engine, case=case, store=store, dataset=dataset, key=key or ()):
            what = f"{each.store}.{each.dataset}{', one record' if each.narrow else ''}"
            made.add_row(f"{each.at:%Y-%m-%d %H:%M}", each.by, what, each.motive.value, number(each.count))
    console().print(made)
