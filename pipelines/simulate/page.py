"""The simulation as one HTML file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pipelines.plan.artefact import Place
from pipelines.report.plots import release_plot
from pipelines.report.render import page
from pipelines.report.wording import Wording
from pipelines.simulate.difference import Transition
from pipelines.simulate.forecast import Forecast, Outlook
from retention_rules.policy_table import Language


def render(forecast: Forecast, language: Language = Language.ENGLISH) -> str:
    """Self-contained: no external request, light and dark, printable."""
    wording = Wording(language)
    by_dataset: dict[str, list[Outlook]] = {}
    for each in forecast.outlooks:
        by_dataset.setdefault(where(each), []).append(each)
    view = {
        "f": forecast,
        "totals": totals(forecast.outlooks),
        "plot": _plot(forecast, forecast.outlooks, wording, "everything"),
        "moves": _moves(forecast, wording),
        "plots": [
            (_place(outlooks[0], wording), _plot(forecast, outlooks, wording, f"dataset-{number}"))
            for number, outlooks in enumerate(by_dataset.values())
            if any(each.overdue or any(each.released) for each in outlooks)
        ],
    }
    return page("simulation.html.j2", view, language)


def where(counted: Outlook | Transition) -> str:
    """The place in words."""
    apart = ", in the archive" if counted.place is Place.ARCHIVE else ""
    return f"{counted.store}.{counted.dataset}{apart}"


def totals(outlooks: Iterable[Outlook]) -> Counter[str]:
    """The parts of several outlooks together; ``released`` and ``moved`` over all periods."""
    found: Counter[str] = Counter()
    for each in outlooks:
        found.update(
            overdue=each.overdue, released=sum(each.released), later=each.later, open=each.open, held=each.held,
            undetermined=each.undetermined, conditional=each.conditional, done=each.done, moving=each.moving,
            moved=sum(each.moved), moved_later=each.moved_later,
        )  # fmt: skip
    return found


def per_period(forecast: Forecast, outlooks: Iterable[Outlook]) -> list[tuple[str, int]]:
    """How many records become due in each period."""
    several = list(outlooks)
    return [(name, sum(each.released[at] for each in several)) for at, name in enumerate(forecast.periods)]


def moved_per_period(forecast: Forecast) -> list[tuple[str, int]]:
    """How many records move to an archive in each period."""
    moving = [each.moved for each in forecast.outlooks if each.moved]
    return [(name, sum(each[at] for each in moving)) for at, name in enumerate(forecast.periods)]


def _place(counted: Outlook, wording: Wording) -> str:
    name = f"{counted.store}.{counted.dataset}"
    return f"{name} ({wording.gettext('in the archive')})" if counted.place is Place.ARCHIVE else name


def _plot(forecast: Forecast, outlooks: Iterable[Outlook], wording: Wording, name: str) -> str:
    several = list(outlooks)
    overdue = wording.gettext("overdue"), sum(each.overdue for each in several)
    bars = [overdue, *per_period(forecast, several)]
    return release_plot(wording.gettext("What becomes due in each period"), bars, wording, name)


def _moves(forecast: Forecast, wording: Wording) -> str:
    """The plot of what moves to an archive; empty where nothing does."""
    found = totals(forecast.outlooks)
    if not found["moving"] and not found["moved"]:
        return ""
    bars = [(wording.gettext("now"), found["moving"]), *moved_per_period(forecast)]
    return release_plot(wording.gettext("What moves to the archive in each period"), bars, wording, "moves")
