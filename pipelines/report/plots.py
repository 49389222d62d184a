"""Plots as SVG text for one self-contained page: no request, no script, readable in light, dark and print."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.report.model import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, BEFORE, LIVE, LEDGER = "#010203", "#040506", "#070809", "#0a0b0c"
"""Stand-ins that the page's own colours replace, so that a plot follows the reader's light or dark scheme."""

_VARIABLES = {INK: "currentColor", BEFORE: "var(--before)", LIVE: "var(--live)", LEDGER: "var(--ledger)"}
_MOST_GROUPS = 40


def statistic_plot(series: Series) -> str:
    """Before against after for each group: the outline is what was, the bars are live rows and ledger stacked."""
    cells = series.cells[-_MOST_GROUPS:]
    figure, axes = _figure(height=2.4)
    positions = range(len(cells))
    live = [float(cell.live) for cell in cells]
    axes.bar(positions, live, color=LIVE, width=0.7, label="live rows")
    axes.bar(positions, [float(cell.ledger) for cell in cells], bottom=live, color=LEDGER, width=0.7, label="ledger")
    before = [float(cell.before) for cell in cells]
    axes.bar(positions, before, fill=False, edgecolor=BEFORE, width=0.9, label="before the run")
    _label(axes, [cell.label for cell in cells])
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, labelcolor=INK, fontsize=8)
    return _svg(figure, f"{series.name}: before and after the run, per group")


def decision_plot(rows: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> str:
    """How the records of each dataset stand: one stacked bar of shares per dataset."""
    figure, axes = _figure(height=max(1.6, 0.5 + 0.32 * len(rows)))
    shades = {"kept": 0.30, "archived": 0.45, "gone": 1.0, "held": 0.6, "undetermined": 0.8}
    seen: set[str] = set()
    for position, (_, parts) in enumerate(reversed(rows)):
        total = sum(count for _, count in parts) or 1
        left = 0.0
        for name, count in parts:
            share = count / total
            colour = LIVE if name != "undetermined" else LEDGER
            label = name if name not in seen else None
            seen.add(name)
            axes.barh(position, share, left=left, color=colour, alpha=shades.get(name, 0.5), label=label)
            left += share
    axes.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)], color=INK, fontsize=8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.tick_params(colors=INK, labelsize=8)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, labelcolor=INK, fontsize=8)
    return _svg(figure, "How the records of each dataset stand")


def release_plot(title: str, bars: Sequence[tuple[str, int]]) -> str:
    """How many records something happens to in each period to come; the first bar is what should have happened."""
    figure, axes = _figure(height=2.6)
    (_, now), *periods = bars
    axes.bar([0], [now], color=LEDGER, width=0.8)
    axes.bar(range(1, len(bars)), [count for _, count in periods], color=LIVE, width=0.8)
    _label(axes, [name for name, _ in bars])
    return _svg(figure, title)


def _figure(height: float) -> tuple[Figure, Axes]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["svg.hashsalt"] = "ardoise"
    figure = Figure(figsize=(8.5, height), layout="constrained")
    axes = figure.add_subplot()
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    for side in axes.spines.values():
        side.set_color(INK)
        side.set_alpha(0.3)
    return figure, axes


def _label(axes: Axes, labels: Sequence[str]) -> None:
    every = max(1, len(labels) // 12)
    shown = [label if position % every == 0 else "" for position, label in enumerate(labels)]
    axes.set_xticks(range(len(labels)), shown, rotation=30, ha="right", color=INK, fontsize=8)
    axes.tick_params(colors=INK, labelsize=8)


def _svg(figure: Figure, title: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    for stand_in, variable in _VARIABLES.items():
        text = text.replace(stand_in, variable)
    return text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
