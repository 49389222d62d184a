"""Commands about legal holds: `hold open`, `hold list`, `hold release`, `hold withdraw`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.estate import Estate

hold = typer.Typer(help="Legal holds: a case keeps what would be due.", no_args_is_help=True)

By = Annotated[str, typer.Option(help="Who acts: a role or an id, as the ledger will name it.")]
Number = Annotated[int, typer.Option("--hold", help="Only this hold of the case, as `hold list` numbers it.")]
Case = Annotated[str, typer.Argument(help="The case's reference; no name of a person.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(hold, name="hold")


@hold.command("open")
def open_hold(
    ctx: typer.Context,
    case: Case,
    store: Annotated[str | None, typer.Option(help="Only records of this store.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only records of this dataset.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only these categories.")] = None,
    subject: Annotated[
        bool,
        typer.Option("--subject", help="Only one person: asks for the e-mail address, and keeps its digest alone."),
    ] = False,
    record: Annotated[
        bool,
        typer.Option("--record", help="Only one record of --store and --dataset: asks for its key, keeps its digest."),
    ] = False,
    controller: Annotated[str, typer.Option(help="The person's controller or tenant, with --subject.")] = "",
    since: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD; today by default.")] = None,
    by: By = "",
) -> None:
    """Open a hold: what it covers is kept, in the archive, until its release."""
    from pipelines.cli.context import actor, console, day, engine_of, load_estate, now, sole_controller, today
    from pipelines.cli.persons import ask_for_person
    from pipelines.engine.holds import HoldScope

    estate = load_estate(ctx)
    _known(estate, store, dataset, category or ())
    persons: list[str | None] = [*ask_for_person(estate, sole_controller(estate, controller))] if subject else [None]
    named = _record(estate, store, dataset) if record else None
    first = day(since, today(estate), "--since")
    with engine_of(estate) as engine:
        for digest in persons:
            scope = HoldScope(store, dataset, named, digest, frozenset(category or ()))
            made = engine.holds.open(case, scope, since=first, by=actor(by), at=now())
            console().print(f"Hold {made.id} opened for case {made.case} since {made.since}.", markup=False)


@hold.command("list")
def list_holds(
    ctx: typer.Context,
    case: Annotated[str, typer.Option(help="Only holds of this case.")] = "",
    keeping: Annotated[bool, typer.Option("--keeping", help="Only holds that are not released.")] = False,
) -> None:
    """List the holds, released ones too."""
    from pipelines.cli.context import console, engine_of, load_estate, today
    from pipelines.cli.tables import holds_table

    estate = load_estate(ctx)
    with engine_of(estate) as engine:
        found = engine.holds.list(today(estate) if keeping else None)
        console().print(holds_table([each for each in found if case in {"", each.case}]))


@hold.command("release")
def release_hold(
    ctx: typer.Context,
    case: Case,
    number: Number = 0,
    until: Annotated[str | None, typer.Option(help="Day of release, YYYY-MM-DD; today by default.")] = None,
    by: By = "",
) -> None:
    """Ask for the release of a case's holds, or confirm it.

    One person asks, another confirms with the same command; the holds keep until then. What is overdue then goes with
    the next plan.
    """
    from pipelines.cli.context import actor, console, day, engine_of, load_estate, now, today
    from pipelines.cli.next_step import advise, command

    estate = load_estate(ctx)
    last = day(until, today(estate), "--until")
    with engine_of(estate) as engine:
        done = engine.holds.release(case, until=last, by=actor(by), at=now(), number=number or None)
    out = console()
    for each in done:
        if each.until is None:
            said = f"{each.asked_by} asks for the release of hold {each.id} from {each.asked_until} on. It still keeps."
        else:
            said = f"Hold {each.id} released from {each.until}."
        out.print(said, markup=False)
    if any(each.until is None for each in done):
        advise(out, f"another person confirms: {command(ctx, 'hold', 'release', case, '--by ROLE')}")


@hold.command("withdraw")
def withdraw_release(ctx: typer.Context, case: Case, number: Number = 0, by: By = "") -> None:
    """Withdraw the request for the release of a case's holds, one's own or another's: they keep.

    What was withdrawn cannot be confirmed any more: a release has to be asked for, and confirmed, anew.
    """
    from pipelines.cli.context import actor, console, engine_of, load_estate, now

    estate = load_estate(ctx)
    with engine_of(estate) as engine:
        kept = engine.holds.withdraw(case, by=actor(by), at=now(), number=number or None)
    for each in kept:
        console().print(f"The request for the release of hold {each.id} is withdrawn. It keeps.", markup=False)


def _known(estate: Estate, store: str | None, dataset: str | None, categories: Sequence[str]) -> None:
    """See that the scope names what there is and can be held: a misspelt hold would keep nothing.

    Raises:
        UsageError: no data map has this store, dataset or category, or no hold may keep the category.
    """
    from pipelines.errors import UsageError
    from retention_rules.problems import suggestion

    maps = estate.data_maps
    if store is not None:
        estate.store(store)
    datasets = {name for place, each in maps.items() if store in {None, place} for name in each.datasets}
    if dataset is not None and dataset not in datasets:
        remedy = suggestion(dataset, datasets, "`ardoise review` shows what there is")
        raise UsageError(f"there is no dataset {dataset!r}", "--dataset", f"{remedy}.")
    policies = [estate.policy(name) for name in estate.controllers]
    mapped = {
        field.category for each in maps.values() for one in each.datasets.values() for field in one.fields.values()
    }
    for category in categories:
        if not any(policy.covers(frozenset({category}), each) for policy in policies for each in mapped):
            remedy = suggestion(category, mapped, "The data maps name them")
            raise UsageError(f"no dataset has the category {category!r}", "--category", f"{remedy}.")
        if all(policy.covers(policy.never_held, category) for policy in policies):
            raise UsageError(f"no hold may keep {category!r}", "--category", "The policy says `never_held`.")


def _record(estate: Estate, store: str | None, dataset: str | None) -> str:
    """The digest of a record whose key is asked for.

    Raises:
        UsageError: store or dataset are not given, or there is no such record.
    """
    from pipelines.cli.context import ask
    from pipelines.errors import UsageError
    from pipelines.records import holds_rows, key_columns, record_digest

    if store is None or dataset is None:
        raise UsageError("a record lies in a dataset", "--record", "Give --store and --dataset too.")
    if not holds_rows(estate, store, dataset):
        return _item(estate, store, dataset)
    values = [ask(f"Key of the record, {name}") for name in key_columns(estate, store, dataset)]
    return record_digest(estate, store, dataset, values)


def _item(estate: Estate, store: str, dataset: str) -> str:
    """The digest of a message or meeting whose key is asked for, and its folder where several have such a one.

    Raises:
        UsageError: the last scan saw no such record.
    """
    from pipelines.cli.context import ask
    from pipelines.errors import UsageError
    from pipelines.records import folders_of_item, item_digest

    name = ask("Key of the record, as `ardoise why` takes it")
    folders = folders_of_item(estate, store, dataset, name)
    folder = ask("Its folder or calendar") if len(folders) > 1 else next(iter(folders), "")
    if folder not in folders:
        raise UsageError("there is no such record", f"{store}.{dataset}", "Run `ardoise scan`, then give its key anew.")
    return item_digest(estate.key, store, dataset, folder, name)
