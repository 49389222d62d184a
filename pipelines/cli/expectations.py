"""The command `expectations`: what a run will be held against, before it and after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipelines.engine.database import EngineDatabase
    from pipelines.plan.artefact import Plan


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("expectations")(expectations)


def expectations(
    ctx: typer.Context,
    stores: Annotated[list[str] | None, typer.Argument(help="SQL stores; all by default.")] = None,
    digest: Annotated[str, typer.Option("--plan", help="For this plan's run; the newest plan's by default.")] = "",
    controller: Annotated[str, typer.Option(help="The controller; the estate's only one by default.")] = "",
    write: Annotated[
        bool, typer.Option("--write", help="Write each suite as Great Expectations' JSON to expectations/generated/.")
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="Write them to another folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the suites as JSON, and nothing else.")] = False,
) -> None:
    """Show what is expected of the stores before a run and after it.

    Generated from the data map and the plan, and your own of expectations/*.yaml. Evaluates none of it, and changes
    nothing in a store.
    """
    from pipelines.cli.context import console, engine_of, load_estate, sole_controller, today
    from pipelines.expect.own import FOLDER
    from pipelines.expect.showing import GENERATED, suites
    from pipelines.expect.showing import write as write_suites

    estate = load_estate(ctx)
    with engine_of(estate) as engine:
        acting = estate.acting(engine)
        plan = _plan(engine, digest)
        name = plan.controller if plan else sole_controller(estate, controller)
        found = list(suites(acting, engine, name, plan, stores or [], today(estate, name)))
    if as_json:
        import json

        from expectations.suites import written

        typer.echo(json.dumps([written(each) for each in found], indent=1, ensure_ascii=False))
        return
    out = console()
    if write or folder:
        paths = write_suites(folder or estate.folder / FOLDER / GENERATED, found)
        for path in paths:
            out.print(f"wrote {path}", soft_wrap=True, markup=False)
        return
    from pipelines.cli.tables import suites_table

    out.print(suites_table(found))


def _plan(engine: EngineDatabase, digest: str) -> Plan | None:
    """The plan that is meant: the newest one where none is named, and none where there is none."""
    record = engine.plans.record(digest) if digest else engine.plans.latest()
    return None if record is None else engine.plans.load(record.digest)
