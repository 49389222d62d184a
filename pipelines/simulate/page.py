"""The simulation as one HTML file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pipelines.report.plots import release_plot
from pipelines.report.render import page
from pipelines.simulate.forecast import Forecast, Outlook


def render(forecast: Forecast) -> str:
    """Self-contained: no external request, light and dark, printable."""
    by_dataset: dict[str, list[Outlook]] = {}
    for each in forecast.outlooks:
        by_dataset.setdefault(f"{each.store}.{each.dataset}", []).append(each)
    view = {
        "f": forecast,
        "totals": totals(forecast.outlooks),
        "plot": _plot(forecast, forecast.outlooks),
        "plots": [
            (name, _plot(forecast, outlooks))
            for name, outlooks in by_dataset.items()
            if any(each.overdue or any(each.released) for each in outlooks)
        ],
    }
    return page("simulation.html.j2", view)


def totals(outlooks: Iterable[Outlook]) -> Counter[str]:
    """The parts of several outlooks together; ``released`` over all periods."""
    found: Counter[str] = Counter()
    for each in outlooks:
        found.update(
            overdue=each.overdue, released=sum(each.released), later=each.later, open=each.open, held=each.held,
            undetermined=each.undetermined, conditional=each.conditional, done=each.done,
        )  # fmt: skip
    return found


def per_period(forecast: Forecast, outlooks: Iterable[Outlook]) -> list[tuple[str, int]]:
    """How many records become due in each period."""
    several = list(outlooks)
    return [(name, sum(each.released[at] for each in several)) for at, name in enumerate(forecast.periods)]


def _plot(forecast: Forecast, outlooks: Iterable[Outlook]) -> str:
    several = list(outlooks)
    return release_plot(sum(each.overdue for each in several), per_period(forecast, several))
