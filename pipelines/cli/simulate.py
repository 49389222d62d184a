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
_STATES = (
    "overdue", "released", "later", "open", "held", "undetermined", "conditional", "done", "moving", "moved",
    "moved_later",
)  # fmt: skip


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

    Counts, per dataset and category, the records that become due in each month to come, what is overdue now, what has
    no day, and what moves to an archive. Ends with 5 when a store or scan is missing.
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
        html.write_text(render(made, estate.language), encoding="utf-8")
    if output is Format.JSON:
        typer.echo(json.dumps(made.document(), indent=1, ensure_ascii=False))
    else:
        _print(console(), made)
    if made.gaps:
        raise typer.Exit(Exit.UNAVAILABLE)


def _print(out: Console, made: Forecast) -> None:
    from rich.markup import escape

    from pipelines.cli.layout import number, table
    from pipelines.counted import counted
    from pipelines.simulate.page import moved_per_period, per_period, totals, where

    found = totals(made.outlooks)
    for line in _chart([("overdue", found["overdue"]), *per_period(made, made.outlooks)]):
        out.print(line, markup=False)
    if found["moving"] or found["moved"]:
        out.print("To the archive:")
        for line in _chart([("now", found["moving"]), *moved_per_period(made)]):
            out.print(line, markup=False)
    shown = [each for each in _STATES if each in {"overdue", "released", "open"} or found[each]]
    title = (
        f"{escape(made.controller)}: what {escape(made.policy)} will release, {made.periods[0]} to {made.periods[-1]}"
    )
    listed = table(title, ("category", *shown), shown)
    place = ""
    for each in made.outlooks:
        if place != where(each):
            place = where(each)
            said = counted(each.records, "{n} record", "{n} records")
            listed.add_row(f"[bold]{place}[/]: {said}", *("" for _ in shown))
        counts = totals([each])
        listed.add_row(f"  {escape(each.category)}", *(number(counts[state]) for state in shown))
    out.print(listed)
    for gap in made.gaps:
        out.print(f"[red]Incomplete:[/] {escape(gap)}.")
    for remark in made.remarks:
        out.print(f"[yellow]Note:[/] {escape(remark)}")
    if found["moving"] or found["moved"] or found["moved_later"]:
        out.print(
            "What moves to the archive (moving now, moved in these periods or later) is counted as released, too: on "
            "the day when it leaves the archive."
        )
    out.print("Counted once per category of a record, with what is known today. Nothing was written.")


def _chart(bars: list[tuple[str, int]]) -> Iterator[str]:
    """One line per period, as long as its share of the greatest; a period that releases anything shows something."""
    most = max(count for _, count in bars)
    width = max(len(name) for name, _ in bars)
    for name, count in bars:
        eighths = -(-count * _BAR * 8 // most) if most else 0
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
        yield f"{name:>{width}} {bar} {count:,}" if count else f"{name:>{width}} ·"
