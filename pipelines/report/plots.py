"""The plots of the pages: how records stand, statistics before and after, cell sizes, trends, releases to come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from connectors.sql.cells import ranges
from pipelines.report.drawing import (
    ARCHIVED,
    BEFORE,
    GONE,
    HELD,
    INK,
    KEPT,
    LEDGER,
    LIVE,
    SMALL,
    UNDETERMINED,
    counted,
    figure,
    labelled,
    legend,
    literal,
    svg,
    titled,
)  # fmt: skip
from pipelines.report.model import Anonymity, Cell, Past, Series
from pipelines.report.wording import Wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BARS: Final = 40
"""With more groups than that, they are drawn by rank, without names."""

_MOST_STEPS: Final = 400
_TOGETHER: Final = ARCHIVED
_COLOURS: Final = {"kept": KEPT, "archived": ARCHIVED, "held": HELD, "undetermined": UNDETERMINED, "gone": GONE}


def statistic_plot(series: Series, wording: Wording, name: str) -> str:
    """Before against after: the outline is what was there, the areas are live rows and the statistics ledger."""
    _ = wording.gettext
    with figure(height=2.6) as (made, grid):
        axes = grid[0][0]
        if len(series.shown) <= MOST_BARS:
            _bars(axes, series.shown, wording)
        else:
            _ranks(axes, series.shown, wording)
        counted(axes, wording, integer=all(cell.now == cell.now.to_integral() for cell in series.shown))
        axes.set_ylabel(literal(measure_in(series, wording)), color=INK, fontsize=SMALL)
        legend(axes)
        says = _("%(statistic)s of %(dataset)s before and after the run, for each of %(groups)s groups; %(result)s")
        result = _("live rows and ledger together are what was there before") if series.holds else _("it differs")
        said = says % {
            "statistic": series.name, "dataset": f"{series.store}.{series.dataset}",
            "groups": wording.number(len(series.shown)), "result": result,
        }  # fmt: skip
        return svg(made, said, name)


def measure_in(series: Series, wording: Wording) -> str:
    """What a statistic measures: records, or the sum of a column."""
    if series.measure == "count":
        return wording.gettext("records")
    return wording.gettext("sum of %(column)s") % {"column": series.measure.removeprefix("sum of ")}


def _bars(axes: Axes, cells: Sequence[Cell], wording: Wording) -> None:
    _ = wording.gettext
    at = range(len(cells))
    live = [float(cell.live or 0) for cell in cells]
    ledger = [float(cell.ledger or 0) for cell in cells]
    axes.bar(at, live, color=LIVE, width=0.7, label=_("live rows"))
    axes.bar(at, ledger, bottom=live, color=LEDGER, width=0.7, label=_("statistics ledger"))
    if any(cell.both is not None for cell in cells):
        both = [float(cell.both or 0) for cell in cells]
        axes.bar(at, both, width=0.7, color=_TOGETHER, label=_("live rows and ledger together"))
    before = [_known(cell.before) for cell in cells]
    axes.bar(at, before, fill=False, edgecolor=BEFORE, linewidth=0.9, width=0.92, label=_("before the run"))
    labelled(axes, [cell.label or "" for cell in cells])
    axes.margins(x=0.01)


def _ranks(axes: Axes, cells: Sequence[Cell], wording: Wording) -> None:
    _ = wording.gettext
    ordered = sorted(cells, key=lambda cell: -cell.now)
    each = -(-len(ordered) // _MOST_STEPS)
    steps = [ordered[start : start + each] for start in range(0, len(ordered), each)]
    at = [start * each + 1 for start in range(len(steps))]
    before = [_mean(_known(cell.before) for cell in step) for step in steps]
    live = [_mean(float(cell.live or 0) for cell in step) for step in steps]
    told = [_mean(float((cell.live or 0) + (cell.ledger or 0)) for cell in step) for step in steps]
    axes.fill_between(at, 0, live, step="post", color=LIVE, linewidth=0, label=_("live rows"))
    axes.fill_between(at, live, told, step="post", color=LEDGER, linewidth=0, label=_("statistics ledger"))
    if any(cell.both is not None for cell in cells):
        after, together = (
            [_mean(float(cell.now) for cell in step) for step in steps],
            _("live rows and ledger together"),
        )
        axes.fill_between(at, told, after, step="post", color=_TOGETHER, linewidth=0, label=together)
    axes.step(at, before, where="post", color=BEFORE, linewidth=0.9, label=_("before the run"))
    axes.margins(x=0)
    axes.xaxis.set_major_formatter(lambda value, _: wording.number(round(value)))
    axes.set_xlabel(_("groups, the largest first"), color=INK, fontsize=SMALL)


def _known(value: Decimal | None) -> float:
    return math.nan if value is None else float(value)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def cells_plot(each: Anonymity, wording: Wording, name: str) -> str:
    """How many cells there are of each size, with the line below which none may be; those that are stand out."""
    _ = wording.gettext
    sizes = size_counts(each)
    weak = [least < each.required for least, _most, _count in sizes]
    with figure(height=2.3) as (made, grid):
        axes = grid[0][0]
        colours = [LEDGER if below else LIVE for below in weak]
        bars = axes.bar(range(len(sizes)), [count for _least, _most, count in sizes], color=colours, width=0.75)
        numbers = [wording.number(count) for _least, _most, count in sizes]
        axes.bar_label(bars, numbers, color=INK, fontsize=SMALL, padding=1)
        axes.margins(y=0.3)  # so that no number meets what the line says
        edge = sum(weak) - 0.5
        axes.axvline(edge, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        least = _("at least %(required)s") % {"required": wording.number(each.required)}
        axes.annotate(
            least, (edge, 1), xycoords=("data", "axes fraction"), xytext=(5, -2), textcoords="offset points",
            color=INK, fontsize=SMALL, va="top",
        )  # fmt: skip
        axes.set_xticks(
            range(len(sizes)), [size_said(low, most, wording) for low, most, _count in sizes], color=INK, fontsize=SMALL
        )
        counted(axes, wording)
        titled(axes, x=_("persons in the group"), y=_("groups"))
        says = _(
            "How many groups of %(dataset)s there are of each size, in persons. The smallest holds %(k)s; at least "
            "%(required)s are required; %(weak)s are smaller than that"
        ) % {
            "dataset": f"{each.store}.{each.dataset}", "k": wording.number(each.k or 0),
            "required": wording.number(each.required), "weak": wording.number(
                sum(count for (_least, _most, count), below in zip(sizes, weak, strict=True) if below)
            ),
        }  # fmt: skip
        return svg(made, says, name)


def size_counts(each: Anonymity) -> list[tuple[int, int | None, int]]:
    """The least and the largest size of each range of cells, and how many there are, from what may not be on."""
    found = dict(each.sizes)
    return [(low, most, found.get(name, 0)) for name, low, most in ranges(each.required) if low or found.get(name)]


def size_said(least: int, most: int | None, wording: Wording) -> str:
    """A range of sizes: `11-21`, `88 and more`."""
    if most is None:
        return wording.gettext("%(least)s and more") % {"least": wording.number(least)}
    return wording.number(least) if least == most else f"{wording.number(least)}\N{EN DASH}{wording.number(most)}"


def standing_plot(rows: Sequence[tuple[str, Sequence[tuple[str, int]]]], wording: Wording, name: str) -> str:
    """How the records of each dataset stand: one stacked bar of shares per dataset."""
    _ = wording.gettext
    names = {
        "kept": _("kept"), "archived": _("archive phase"), "held": _("held"), "undetermined": _("undetermined"),
        "gone": _("due now or anonymised earlier"),
    }  # fmt: skip
    with figure(height=0.75 + 0.27 * len(rows)) as (made, grid):
        axes = grid[0][0]
        for position, (_dataset, parts) in enumerate(reversed(rows)):
            total = sum(count for _part, count in parts) or 1
            left = 0.0
            for part, count in parts:
                label = names[part] if not position else None
                axes.barh(position, count / total, left=left, color=_COLOURS[part], height=0.72, label=label)
                left += count / total
        axes.set_yticks(range(len(rows)), [literal(each) for each, _parts in reversed(rows)], color=INK)
        axes.xaxis.set_major_formatter(lambda value, _position: wording.share(value))
        axes.set_xlim(0, 1)
        axes.margins(y=0.01)
        titled(axes, x=_("share of the dataset's records, counted once per category"))
        legend(axes)
        return svg(made, _("How the records of each dataset stand, as shares"), name)


def trend_plots(runs: Sequence[Past], wording: Wording, name: str) -> str:
    """What each run met and did: six small panels over the same runs."""
    _ = wording.gettext
    with figure(height=4.0, rows=2, columns=3) as (made, grid):
        panels: list[tuple[str, str, Sequence[float | None], str]] = [
            (_("Overdue when planned"), _("records per category"), [run.due for run in runs], UNDETERMINED),
            (_("Acted on"), _("acts"), [_acted(run) for run in runs], LIVE),
            (_("Still to do afterwards"), _("acts"), [run.left for run in runs], LEDGER),
            (_("Undetermined"), _("records per category"), [run.undetermined for run in runs], UNDETERMINED),
            (_("Most days overdue"), _("days"), [run.lateness for run in runs], HELD),
            (_("Failed expectations"), _("number"), [run.failed for run in runs], LEDGER),
        ]
        at = range(len(runs))
        for axes, (title, unit, values, colour) in zip([*grid[0], *grid[1]], panels, strict=True):
            drawn = [float("nan") if value is None else float(value) for value in values]
            axes.plot(at, drawn, color=colour, linewidth=1.4, marker="o", markersize=3.5)
            axes.set_ylim(0, max([1.0, *(value for value in drawn if value == value)]) * 1.15)  # noqa: PLR0124 - no NaN
            axes.set_xlim(-0.06 * len(runs), 1.06 * len(runs) - 1)
            counted(axes, wording)
            titled(axes, y=unit, title=title)
            ends = [0, len(runs) - 1] if len(runs) > 1 else [0]
            axes.set_xticks(ends, [wording.short_day(runs[position].as_of) for position in ends], fontsize=SMALL - 1)
            first, *last = axes.get_xticklabels()
            first.set_horizontalalignment("left")
            for label in last:
                label.set_horizontalalignment("right")
        says = _("Trends over %(runs)s runs; the table below has the numbers")
        return svg(made, says % {"runs": wording.number(len(runs))}, name)


def _acted(run: Past) -> int:
    return run.deleted + run.anonymised + run.redacted + run.archived


def release_plot(title: str, bars: Sequence[tuple[str, int]], wording: Wording, name: str) -> str:
    """How many records something happens to in each period to come; the first bar is what should have happened."""
    with figure(height=2.6) as (made, grid):
        axes = grid[0][0]
        (_first, now), *periods = bars
        axes.bar([0], [now], color=LEDGER, width=0.8)
        axes.bar(range(1, len(bars)), [count for _period, count in periods], color=LIVE, width=0.8)
        labelled(axes, [each for each, _count in bars])
        axes.margins(x=0.01)
        counted(axes, wording)
        titled(axes, y=wording.gettext("records per category"))
        return svg(made, title, name)
