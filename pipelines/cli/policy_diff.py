"""`policy diff`: what a change of policy would do, before anyone adopts it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.codes import Exit
from pipelines.cli.policy import policy

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.simulate.difference import PolicyDiff


def register(_: typer.Typer) -> None:
    """Add the command to the group `policy`."""
    policy.command("diff")(diff)


def diff(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(help="A policy, by name or file.")],
    new: Annotated[str, typer.Argument(help="Another one.")],
    controller: Annotated[str, typer.Option(help="The controller; the estate's only one by default.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")] = False,
) -> None:
    """Say what a change of policy would do today; changes nothing.

    Counts, per dataset and category, the records that stand otherwise under the new policy than under the old one.
    Ends with 5 when a store or scan is missing.
    """
    import json

    from pipelines.cli.context import console, load_estate, sole_controller, today
    from pipelines.cli.progress import shown
    from pipelines.simulate.difference import difference

    estate = load_estate(ctx)
    controller = sole_controller(estate, controller)
    with shown() as progress:
        found = difference(estate, controller, old, new, today=today(estate, controller), progress=progress)
    if as_json:
        typer.echo(json.dumps(found.document(), indent=1, ensure_ascii=False))
    else:
        _print(console(), found)
    if found.gaps:
        raise typer.Exit(Exit.UNAVAILABLE)


def _print(out: Console, found: PolicyDiff) -> None:
    from rich.markup import escape

    from pipelines.cli.layout import compact, number, table
    from pipelines.simulate.page import where

    title = f"{escape(found.controller)}, {found.as_of}: from {escape(found.old)} to {escape(found.new)}"
    columns = ("category", "from", "to", "records")
    made = table(title, columns, ("records",), whole=("from", "to"))
    alike: dict[tuple[str, str, str, int], list[str]] = {}
    for each in found.changes:
        change = (where(each), each.old.name.lower(), each.new.name.lower(), each.records)
        alike.setdefault(change, []).append(each.category)
    place = ""
    for (found_in, before, after, count), categories in sorted(alike.items(), key=lambda item: item[0][0]):
        if place != found_in:
            place = found_in
            made.add_row(f"[bold]{place}[/]", "", "", "")
        made.add_row("\n".join(f"  {escape(name)}" for name in compact(categories)), before, after, number(count))
    if alike:
        out.print(made)
    totals: Counter[str] = Counter()
    for each in found.transitions:
        kind = "go" if each.new.goes and not each.old.goes else "stay" if each.old.goes and not each.new.goes else ""
        totals[kind] += each.records
    out.print(
        f"Under {escape(found.new)}, {totals['go']:,} more would go, and {totals['stay']:,} would stay that are due "
        f"under {escape(found.old)}; counted once per category of a record."
        if alike
        else "Every record would stand as it does."
    )
    for problem in found.problems:
        out.print(f"[red]It could not be adopted as it is:[/] {escape(problem)}")
    for gap in found.gaps:
        out.print(f"[red]Incomplete:[/] {escape(gap)}.")
