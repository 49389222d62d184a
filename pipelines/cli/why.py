"""`why`: everything that decides on one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, assert_never

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pipelines.simulate.explained import Person, View
    from pipelines.simulate.why import Arrival, Why
    from retention_rules.decisions import Decision
    from retention_rules.events import Event
    from retention_rules.explain import Explanation, Reason


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("why")(why)


def why(
    ctx: typer.Context,
    store: Annotated[str, typer.Argument(help="The store.")],
    dataset: Annotated[str, typer.Argument(help="The dataset, as the data map names it.")],
    key: Annotated[
        list[str], typer.Argument(help="The row's key; of a mail or meeting its key, after its folder if needed.")
    ],
    as_of: Annotated[str | None, typer.Option(help="As-of date, YYYY-MM-DD; today by default.")] = None,
    controller: Annotated[str, typer.Option(help="The controller; the estate's only one by default.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")] = False,
) -> None:
    """Explain what decides on one record; changes nothing.

    Each purpose with its starting point, until when it keeps, the decision per category, holds and what blocks a
    deletion; in the active base and in the archive. Says days, states and categories, never a value. Ends with 1 if
    the reference and the plan's own query disagree: that is a defect.
    """
    import json

    from pipelines.cli.context import console, day, load_estate, sole_controller, today
    from pipelines.simulate.why import why as explain

    estate = load_estate(ctx)
    controller = sole_controller(estate, controller)
    current = today(estate, controller)
    found = explain(
        estate,
        controller,
        store,
        dataset,
        key,
        as_of=day(as_of, current),
        today=current,
    )
    if as_json:
        typer.echo(json.dumps(_document(found), indent=1, ensure_ascii=False))
    else:
        _print(console(), found)


def _print(out: Console, found: Why) -> None:
    from rich.markup import escape

    for number, person in enumerate(found.people, start=1):
        who = f", person {number} of {len(found.people)}" if len(found.people) > 1 else ""
        _views(out, found, person, who)
    for arrival in found.arrivals:
        _views(out, found, arrival.person, f", in the archive since {arrival.since}")
        out.print(f"In the archive: {escape(arrival.whole)}.")
    for category in found.done:
        out.print(f"{category} is anonymised, or in the archive, already.", markup=False)
    blocked = f" by {', '.join(found.blockers)}" if found.blockers else ""
    out.print(f"As a whole: {escape(found.whole + blocked)}.")
    for gap in found.gaps:
        out.print(f"[yellow]Note:[/] {escape(gap)}.")
    out.print("The plan's own query says the same of this record.")


def _views(out: Console, found: Why, person: Person, which: str) -> None:
    for view in person.views:
        out.print(f"[bold]{found.store}.{found.dataset}[/], as of {view.as_of}{which}: policy {found.policy.name}")
        out.print(_decisions(view))
        out.print(_purposes(view))
        for event in view.doubtful:
            out.print(f"[yellow]Note:[/] `{event}` is uncertain: a match that is not exact may prolong it.")


def _decisions(view: View) -> Table:
    from rich.markup import escape

    from pipelines.cli.layout import compact, table

    made = table("What is decided", ("category", "decision", "holds"))
    for several in _alike(view):
        first = several[0]
        categories = "\n".join(map(escape, compact(each.category for each in several)))
        made.add_row(categories, escape(_said(first.decision)), escape(", ".join(first.cases)))
    return made


def _alike(view: View) -> list[list[Explanation]]:
    """The categories that are decided alike, together."""
    found: dict[Any, list[Explanation]] = {}
    for each in view.categories:
        found.setdefault((each.decision, each.reasons, each.cases), []).append(each)
    return list(found.values())


def _purposes(view: View) -> Table:
    from rich.markup import escape

    from pipelines.cli.layout import compact, table

    made = table("The purposes", ("purpose", "state", "starts from", "until"), whole=("until",))
    kept: dict[Reason, list[str]] = {}
    for each in view.categories:
        for reason in each.reasons:
            kept.setdefault(reason, []).append(each.category)
    for reason, categories in kept.items():
        name = f"[bold]{escape(reason.purpose.name)}[/] ({reason.purpose.basis})"
        keeps = "\n".join(f"[dim]{escape(each)}[/]" for each in compact(categories))
        starts = "\n".join(escape(f"{event}: {_state(state)}") for event, state in reason.events)
        made.add_row(f"{name}\n{keeps}", escape(_stand(reason)), starts, _until(reason))
    return made


def _stand(reason: Reason) -> str:
    if reason.missing:
        return f"{reason.stand}: {', '.join(reason.missing)} missing"
    if reason.applies is False:
        return f"{reason.stand}: its `when` is false"
    return str(reason.stand)


def _until(reason: Reason) -> str:
    from retention_rules.explain import Stand

    return reason.last.isoformat() if reason.last else "open" if reason.stand is Stand.KEEPS else ""


def _state(event: Event) -> str:
    from retention_rules.events import Absent, Known, Missing, Open

    match event:
        case Known(day):
            return day.isoformat()
        case Open():
            return "open"
        case Missing():
            return "missing"
        case Absent():
            return "absent"
        case _ as never:
            assert_never(never)


def _said(decision: Decision) -> str:
    """A decision in words."""
    from retention_rules.decisions import Archive, Due, Held, Keep, Undetermined

    match decision:
        case Keep(until, purposes):
            return f"keep {_through(until)}: {', '.join(purposes)}"
        case Archive(_, until, purposes):
            return f"archive {_through(until)}: {', '.join(purposes)}"
        case Due(since, purposes, action):
            return f"due since {since}: {action}; {', '.join(purposes)} ended last"
        case Held(since, cases):
            return f"held since {since} for {', '.join(cases)}"
        case Undetermined(missing):
            return f"undetermined: {', '.join(missing)} missing" if missing else "undetermined: no purpose ever matched"
        case _ as never:
            assert_never(never)


def _through(until: Any) -> str:
    return f"through {until}" if until else "without an end date"


def _document(found: Why) -> dict[str, Any]:
    return {
        "store": found.store,
        "dataset": found.dataset,
        "policy": found.policy.name,
        "policy_digest": found.policy.digest,
        "as_of": found.as_of.isoformat(),
        "whole": found.whole,
        "blockers": list(found.blockers),
        "done": list(found.done),
        "gaps": list(found.gaps),
        "people": [[_view(view) for view in person.views] for person in found.people],
        "arrivals": [_arrival(each) for each in found.arrivals],
    }


def _arrival(arrival: Arrival) -> dict[str, Any]:
    return {
        "since": arrival.since.isoformat(),
        "whole": arrival.whole,
        "views": [_view(view) for view in arrival.person.views],
    }


def _view(view: View) -> dict[str, Any]:
    return {
        "as_of": view.as_of.isoformat(),
        "doubtful": list(view.doubtful),
        "categories": [
            {
                "category": each.category,
                "decision": _said(each.decision),
                "holds": list(each.cases),
                "purposes": list(map(_reason, each.reasons)),
            }
            for each in view.categories
        ],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "purpose": reason.purpose.name,
        "basis": str(reason.purpose.basis),
        "source": reason.purpose.source,
        "state": str(reason.stand),
        "when": reason.applies,
        "starts_from": {name: _state(event) for name, event in reason.events},
        "until": _until(reason) or None,
        "missing": list(reason.missing),
    }
