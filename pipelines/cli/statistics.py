"""The command about registered statistics: the questions, their answers, views of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.estate import Estate
    from pipelines.statistics.answering import Answer, Listed


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("statistics")(statistics)


def statistics(
    ctx: typer.Context,
    place: Annotated[str, typer.Argument(metavar="STORE.DATASET", help="Whose statistic.")] = "",
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which of them.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For machines: one JSON document.")] = False,
    views: Annotated[str, typer.Option(metavar="STORE", help="Make a view of every answer in this store.")] = "",
    release: Annotated[
        str, typer.Option(metavar="STORE", help="Release what may be released of this store's ledger, without a run.")
    ] = "",
) -> None:
    """List the registered statistics, or answer one over live rows and ledger together."""
    from pipelines.cli.context import console, load_estate, today
    from pipelines.errors import UsageError
    from pipelines.statistics.answering import answer, make_views, questions
    from pipelines.statistics.ledger import settle_store

    estate = load_estate(ctx)
    for store in filter(None, (views, release)):
        _refuse_other(estate, store)
    if views:
        for made in make_views(estate, views):
            console().print(f"{views}: {made}", markup=False)
    if release:
        for dataset, outcome in settle_store(estate, release, today(estate)):
            console().print(f"{release}.{dataset}: {outcome}", markup=False)
    if views or release:
        return
    if bool(place) != bool(name):
        raise UsageError("a statistic has a dataset and a name", "statistics", "`ardoise statistics` lists them.")
    if name:
        _print_answer(answer(estate, place, name), as_json=as_json)
    else:
        _print_questions(list(questions(estate)), as_json=as_json)


def _refuse_other(estate: Estate, store: str) -> None:
    from pipelines.errors import UsageError
    from pipelines.scan.refresh import ITEM_STORES

    known = [each for each in estate.data_maps if estate.stores[each].kind not in ITEM_STORES]
    if store not in known:
        raise UsageError(
            f"there is no SQL store {store}", "statistics", f"Its name is one of: {', '.join(known) or 'none'}."
        )


def _print_questions(found: list[Listed], *, as_json: bool) -> None:
    import json

    from pipelines.cli.context import console
    from pipelines.cli.layout import table

    if as_json:
        console().print_json(json.dumps([_described(each) for each in found]))
        return
    columns = ("dataset", "name", "measures", "by", "subjects", "from", "merges after")
    made = table("Registered statistics", columns, ("from",), whole=("dataset",))
    for each in found:
        row = _described(each)
        made.add_row(
            *(str(row[name]) for name in ("dataset", "name", "measures", "by", "subjects", "minimum", "deadline"))
        )
    console().print(made)
    for each in found:
        if each.overlaps:
            console().print(
                f"{each.store}.{each.dataset}: {each.statistic.name} and {', '.join(each.overlaps)} group the same "
                "rows differently: what one folds, the other may show.",
                markup=False,
            )


def _described(each: Listed) -> dict[str, object]:
    of = each.statistic
    sums = [f"sum of {of.sum}"] if of.sum else []
    squares = [f"sum of {of.sum} squared"] if of.squares else []
    return {
        "dataset": f"{each.store}.{each.dataset}",
        "name": of.name,
        "measures": ", ".join(["n", "subjects", *sums, *squares]),
        "by": ", ".join(one.column if one.by == "value" else f"{one.column} by {one.by}" for one in of.by),
        "subjects": each.counts,
        "minimum": of.minimum,
        "deadline": of.deadline,
    }


def _print_answer(found: Answer, *, as_json: bool) -> None:
    import json

    from pipelines.apply.statistics import text
    from pipelines.cli.context import console
    from pipelines.cli.layout import number, table

    amounts = [name for name, there in _amounts(found) if there]
    if as_json:
        cells = [
            {
                "by": dict(zip(found.names, each.values, strict=True)),
                "folded": each.folded,
                "n": each.n,
                "subjects": each.subjects,
                **{name: text(getattr(each, name)) for name in amounts},
            }
            for each in found.cells
        ]
        document = {**_described(found.listed), "cells": cells, "held_back": found.held_back}
        console().print_json(json.dumps(document))
        return
    columns = (*found.names, "n", "subjects", *amounts)
    title = f"{found.listed.statistic.name} of {found.listed.store}.{found.listed.dataset}"
    made = table(title, columns, columns[len(found.names) :])
    for each in found.cells:
        values = ("none" if value is None else value for value in each.values)
        made.add_row(*values, number(each.n), number(each.subjects), *(text(getattr(each, name)) for name in amounts))
    console().print(made)
    for line in _notes(found):
        console().print(line, markup=False)


def _amounts(found: Answer) -> Iterator[tuple[str, bool]]:
    yield "total", found.listed.statistic.sum is not None
    yield "squares", found.listed.statistic.squares


def _notes(found: Answer) -> Iterator[str]:
    least = found.listed.statistic.minimum
    if any(each.folded for each in found.cells):
        yield f"* stands for all others: groups of fewer than {least} subjects, or that one dominates, together."
    if found.held_back:
        yield f"Held back: what is left concerns fewer than {least} subjects, or one of them dominates."
    yield f"What went of fewer than {least} subjects is pending: not counted here until more have gone."
    if found.readable:
        yield "The reading role can read what is pending: see docs/statistics.md for how to keep it from that."
