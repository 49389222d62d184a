"""`simulate`: what a policy will release in the months to come."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.codes import Exit

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.simulate.forecast import Forecast

_BAR = 40


class Period(enum.StrEnum):
    """The width of a line of the chart."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Format(enum.StrEnum):
    """What is printed."""

    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("simulate")(simulate)


def simulate(
    ctx: typer.Context,
    policy: Annotated[str, typer.Option(help="Another policy, by name or file; the one in force by default.")] = "",
    months: Annotated[int, typer.Option(help="How many months, the current one included.")] = 36,
    by: Annotated[Period, typer.Option(help="The width of a period.")] = Period.MONTH,
    controller: Annotated[str, typer.Option(help="The controller; the estate's only one by default.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write the plot as one HTML file, too.")] = None,
    output: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TABLE,
) -> None:
    """Show what a policy will release, and when; changes nothing.

    Counts, per dataset and category, the records that become due in each month to come, what is overdue now, and what
    has no day. Ends with 5 when a store or scan is missing.
    """
    import json

    from pipelines.cli.context import console, load_estate, sole_controller, today
    from pipelines.cli.progress import shown
    from pipelines.simulate.forecast import By
    from pipelines.simulate.forecast import simulate as run_simulation
    from pipelines.simulate.page import render

    estate = load_estate(ctx)
    controller = sole_controller(estate, controller)
    with shown() as progress:
        made = run_simulation(
            estate,
            controller,
            today=today(estate, controller),
            policy=policy,
            months=months,
            by=By(by.value),
            progress=progress,
        )
    if html is not None:
        html.write_text(render(made), encoding="utf-8")
    if output is Format.JSON:
        typer.echo(json.dumps(made.document(), indent=1, ensure_ascii=False))
    else:
        _print(console(), made)
    if made.gaps:
        raise typer.Exit(Exit.UNAVAILABLE)


def _print(out: Console, made: Forecast) -> None:
    from rich.markup import escape

    from pipelines.cli.layout import number, table
    from pipelines.simulate.page import per_period, totals

    for line in _chart([("overdue", totals(made.outlooks)["overdue"]), *per_period(made, made.outlooks)]):
        out.print(line, markup=False)
    states = ("overdue", "released", "later", "open", "held", "undetermined", "conditional", "done")
    found = totals(made.outlooks)
    shown = [each for each in states if each in {"overdue", "released", "open"} or found[each]]
    title = (
        f"{escape(made.controller)}: what {escape(made.policy)} will release, {made.periods[0]} to {made.periods[-1]}"
    )
    listed = table(title, ("category", *shown), shown)
    place = ""
    for each in made.outlooks:
        if place != f"{each.store}.{each.dataset}":
            place = f"{each.store}.{each.dataset}"
            listed.add_row(f"[bold]{place}[/]: {each.records:,} records", *("" for _ in shown))
        counts = totals([each])
        listed.add_row(f"  {escape(each.category)}", *(number(counts[state]) for state in shown))
    out.print(listed)
    for gap in made.gaps:
        out.print(f"[red]Incomplete:[/] {escape(gap)}.")
    for remark in made.remarks:
        out.print(f"[yellow]Note:[/] {escape(remark)}")
    out.print("Counted once per category of a record, with what is known today. Nothing was written.")


def _chart(bars: list[tuple[str, int]]) -> Iterator[str]:
    """One line per period, as long as its share of the greatest; a period that releases anything shows something."""
    most = max(count for _, count in bars)
    width = max(len(name) for name, _ in bars)
    for name, count in bars:
        eighths = -(-count * _BAR * 8 // most) if most else 0
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
        yield f"{name:>{width}} {bar} {count:,}" if count else f"{name:>{width}} ·"
