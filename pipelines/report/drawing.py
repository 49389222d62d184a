"""Figures as SVG text for one self-contained page: no request, no script, readable in light, dark and print."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Final

from pipelines.report.wording import Wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#010203"
BEFORE: Final = "#040506"
LIVE: Final = "#070809"
LEDGER: Final = "#0a0b0c"
KEPT: Final = "#0d0e0f"
ARCHIVED: Final = "#101112"
HELD: Final = "#131415"
UNDETERMINED: Final = "#161718"
GONE: Final = "#191a1b"
"""Stand-ins that the page's own colours replace, so that a plot follows the reader's light or dark scheme."""

_VARIABLES: Final = {
    INK: "currentColor", BEFORE: "var(--before)", LIVE: "var(--live)", LEDGER: "var(--ledger)", KEPT: "var(--kept)",
    ARCHIVED: "var(--archived)", HELD: "var(--held)", UNDETERMINED: "var(--undetermined)", GONE: "var(--gone)",
}  # fmt: skip
WIDTH: Final = 8.5
"""Inches; the page scales it."""

SMALL: Final = 8
"""Points of the labels."""

_TICKS: Final = 12
"""How many labels an axis has room for."""


@contextmanager
def figure(height: float, rows: int = 1, columns: int = 1) -> Iterator[tuple[Figure, list[list[Axes]]]]:
    """A figure of so many inches, with a grid of axes; what is drawn must be taken (`svg`) before the block ends."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ardoise", "path.simplify": False}):
        made = Figure(figsize=(WIDTH, height), layout="constrained")
        grid = made.subplots(rows, columns, squeeze=False)
        made.patch.set_alpha(0)
        for axes in grid.flat:
            _plain(axes)
        yield made, grid.tolist()


def _plain(axes: Axes) -> None:
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, labelsize=SMALL, length=3, width=0.6)
    for name, side in axes.spines.items():
        side.set_color(INK)
        side.set_alpha(0.35)
        side.set_visible(name in {"left", "bottom"})


def counted(axes: Axes, wording: Wording, *, integer: bool = True) -> None:
    """A value axis with few ticks, in the language's numbers, and faint lines to read them by."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=integer))
    axes.yaxis.set_major_formatter(lambda value, _: wording.number(round(value, 6)))
    axes.grid(axis="y", color=INK, alpha=0.12, linewidth=0.6)
    axes.set_axisbelow(True)


def titled(axes: Axes, x: str = "", y: str = "", title: str = "") -> None:
    """What the axes measure, and what they show."""
    axes.set_xlabel(_escaped(x), color=INK, fontsize=SMALL)
    axes.set_ylabel(_escaped(y), color=INK, fontsize=SMALL)
    if title:
        axes.set_title(_escaped(title), color=INK, fontsize=SMALL + 1, loc="left")


def labelled(axes: Axes, labels: Sequence[str]) -> None:
    """Names under the positions 0, 1, 2 …: all of them, or as many as there is room for."""
    every = max(1, -(-len(labels) // _TICKS))
    shown = [literal(label) if position % every == 0 else "" for position, label in enumerate(labels)]
    axes.set_xticks(range(len(labels)), shown, rotation=30, ha="right", color=INK, fontsize=SMALL)


def legend(axes: Axes) -> None:
    """The legend above the axes, in one line."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, labelcolor=INK, fontsize=SMALL,
        handlelength=1.2, handleheight=0.9, borderaxespad=0.2, columnspacing=1.4,
    )  # fmt: skip


def literal(text: str) -> str:
    """A name as a label: not longer than one may be, and nothing in it means mathematics."""
    return _escaped(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _escaped(text: str) -> str:
    return text.replace("$", r"\$")


_LONGEST: Final = 40


def svg(made: Figure, says: str, name: str) -> str:
    """The figure as SVG.

    Args:
        made: the figure.
        says: what it shows, for whoever does not see it.
        name: a name of letters, digits and dashes that no other figure of the page has.
    """
    buffer = io.StringIO()
    made.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = _own_names(text, name)
    for stand_in, variable in _VARIABLES.items():
        text = text.replace(stand_in, variable)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(says, quote=True)}"', 1)


def _own_names(text: str, name: str) -> str:
    """Only what is referred to keeps a name, and one that is this figure's alone: a page holds many."""
    used = set(re.findall(r"""(?:url\(|href=")#([^)"]+)""", text))

    def renamed(found: re.Match[str]) -> str:
        return f' id="{name}-{found[1]}"' if found[1] in used else ""

    text = re.sub(r' id="([^"]+)"', renamed, text)
    return re.sub(r"""(url\(|href=")#""", rf"\1#{name}-", text)
