"""Commands about persons' requests: `request objection`, `request withdrawal`, `request list`, `request retract`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from retention_rules.purposes import Right

request = typer.Typer(help="Requests of persons: what they ask ends purposes, at once.", no_args_is_help=True)

By = Annotated[str, typer.Option(help="Who acts: a role or an id, as the ledger will name it.")]
Purposes = Annotated[
    list[str] | None, typer.Option("--purpose", help="Only this purpose of the policy; all that it can end by default.")
]
On = Annotated[str | None, typer.Option(help="Day of the request, YYYY-MM-DD; today by default.")]
Controller = Annotated[str, typer.Option(help="The controller; the estate's only one by default.")]
Tenant = Annotated[str, typer.Option(help="Only as a person of this tenant; of all by default.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(request, name="request")


@request.command("objection")
def objection(
    ctx: typer.Context,
    purpose: Purposes = None,
    on: On = None,
    controller: Controller = "",
    tenant: Tenant = "",
    by: By = "",
) -> None:
    """Record that a person objects (GDPR Art. 21): asks for the e-mail address, and keeps its digest alone.

    The purposes on a legitimate interest or a public task end for her. What nothing else keeps is due with the next
    plan; law, claims and holds keep as before.
    """
    from retention_rules.purposes import Right

    _record(ctx, Right.OBJECTION, purpose or [], on, controller, tenant, by)


@request.command("withdrawal")
def withdrawal(
    ctx: typer.Context,
    purpose: Purposes = None,
    on: On = None,
    controller: Controller = "",
    tenant: Tenant = "",
    by: By = "",
) -> None:
    """Record that a person withdraws her consent (GDPR Art. 7(3)): asks for the address, and keeps its digest alone.

    The purposes that rest on consent end for her.
    """
    from retention_rules.purposes import Right

    _record(ctx, Right.WITHDRAWAL, purpose or [], on, controller, tenant, by)


@request.command("list")
def list_requests(ctx: typer.Context) -> None:
    """List the requests that were recorded, retracted ones too; persons are not named."""
    from pipelines.cli.context import console, engine_of, load_estate
    from pipelines.cli.tables import requests_table

    with engine_of(load_estate(ctx)) as engine:
        console().print(requests_table(engine.requests.list()))


@request.command("retract")
def retract(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(help="The request, as `request list` numbers it.")],
    by: By = "",
) -> None:
    """Take a request back: it was recorded by mistake, or the person no longer asks for it.

    What was done because of it stays done.
    """
    from pipelines.cli.context import actor, console, engine_of, load_estate, now

    with engine_of(load_estate(ctx)) as engine:
        engine.requests.retract(number, by=actor(by), at=now())
    console().print(f"Request {number} is retracted.", markup=False)


def _record(
    ctx: typer.Context, right: Right, purposes: list[str], on: str | None, controller: str, tenant: str, by: str
) -> None:
    from pipelines.cli.context import actor, console, day, engine_of, load_estate, now, sole_controller, today
    from pipelines.cli.next_step import advise, command
    from pipelines.cli.persons import ask_for_person
    from pipelines.requests import ended_purposes

    estate = load_estate(ctx)
    name = sole_controller(estate, controller)
    ended = ended_purposes(estate.policy(name), right, purposes)
    first = day(on, today(estate), "--on")
    out = console()
    with engine_of(estate) as engine:
        for digest in ask_for_person(estate, tenant or name):
            events = {each.ended_by for each in ended}
            made = engine.requests.record(name, digest, right, events, on=first, by=actor(by), at=now())
            what = f"Request {made.id} recorded, {right} from {made.on} on: it ends {', '.join(p.name for p in ended)}."
            out.print(what, markup=False)
    advise(out, f"see what is due by it: {command(ctx, 'plan')}")
