"""Commands of a run, in its order: `plan`, `show`, `approve`, `apply`, `verify`, `report`."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.codes import Exit
from pipelines.cli.policy import Spoken

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan

AsOf = Annotated[str | None, typer.Option(help="As-of date, YYYY-MM-DD; today by default.")]
Controller = Annotated[str, typer.Option(help="The controller; the estate's only one by default.")]
Digest = Annotated[str, typer.Argument(help="The plan's digest, or its first digits; the newest plan by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")]
By = Annotated[str, typer.Option(help="Who acts: a role or an id, as the ledger will name it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (plan, show, approve, apply, verify, report):
        app.command(command.__name__)(command)


def plan(
    ctx: typer.Context,
    as_of: AsOf = None,
    controller: Controller = "",
    by: By = "",
    staged: Annotated[
        bool, typer.Option("--staged", help="Where more is due than the limits allow: only the oldest, within them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what is due on a date; changes nothing.

    A past date acts only on what was due then and still is; a future one only plans. A plan that waits for a person
    (over a limit, a store suddenly empty) ends with 4, one that lacks a store or a scan with 5.
    """
    from pipelines.cli.context import actor, console, day, load_estate, now, sole_controller, today
    from pipelines.cli.plans import print_plan
    from pipelines.cli.progress import shown
    from pipelines.plan import make_plan

    estate = load_estate(ctx)
    controller = sole_controller(estate, controller)
    current = today(estate, controller)
    with shown() as progress:
        made = make_plan(
            estate,
            controller,
            as_of=day(as_of, current),
            today=current,
            now=now(),
            by=actor(by),
            staged=staged,
            progress=progress,
        )
    if as_json:
        _print_json({"digest": made.digest, **made.document()})
    else:
        out = console()
        print_plan(out, made)
        if estate.config.controllers[made.controller].role == "processor":
            out.print(f"You are the processor of {made.controller}: act on its instruction.", markup=False)
        _what_next(ctx, out, estate, made)
    code = _code(made)
    if code:
        raise typer.Exit(code)


def show(
    ctx: typer.Context,
    digest: Digest = "",
    everything: Annotated[bool, typer.Option("--all", help="List every plan instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show a plan, and how it stands."""
    from pipelines.cli.context import console, engine_of, load_estate
    from pipelines.cli.plans import print_plan
    from pipelines.cli.tables import plans_table

    estate = load_estate(ctx)
    with engine_of(estate) as engine:
        if everything:
            console().print(plans_table(list(engine.plans.list())))
            return
        record = engine.plans.record(digest or newest(engine))
        stored = engine.plans.load(record.digest)
    if as_json:
        standing = {"status": record.status, "made_at": record.made_at.isoformat(), "made_by": record.made_by}
        _print_json({"digest": stored.digest, **standing, **stored.document()})
        return
    out = console()
    print_plan(out, stored)
    made = f"Made {record.made_at:%Y-%m-%d %H:%M} UTC by {record.made_by or 'unknown'}; {record.status}."
    out.print(made, markup=False)


def approve(
    ctx: typer.Context,
    digest: Digest = "",
    by: By = "",
    hours: Annotated[float, typer.Option(help="How long the approval counts, in hours.")] = 24,
    standing: Annotated[
        bool, typer.Option(help="Approve every plan under the current policy, within --max-count and --max-share.")
    ] = False,
    controller: Controller = "",
    max_count: Annotated[int, typer.Option(help="Standing: the most records in one plan.")] = 1000,
    max_share: Annotated[float, typer.Option(help="Standing: the largest share of a dataset, 0 to 1.")] = 0.1,
    requester: Annotated[str, typer.Option(help="Standing: who asked for it, where two persons are required.")] = "",
) -> None:
    """Approve one plan, or (--standing) plans to come.

    Written to the ledger. A standing approval is for runs that nobody attends: one policy, limits, an expiry.
    """
    from pipelines.cli.context import actor, console, engine_of, load_estate, now, sole_controller
    from pipelines.cli.next_step import advise, command

    estate = load_estate(ctx)
    at = now()
    expires = at + dt.timedelta(hours=hours)
    with engine_of(estate) as engine:
        if standing:
            name = sole_controller(estate, controller)
            entry = engine.approvals.grant_standing(
                name,
                estate.policy(name).digest,
                by=actor(by),
                at=at,
                expires=expires,
                max_count=max_count,
                max_share=max_share,
                requester=requester or None,
            )
        else:
            wanted = engine.plans.record(digest or newest(engine)).digest
            entry = engine.approvals.approve(wanted, by=actor(by), at=at, expires=expires)
    out = console()
    until = f"{expires:%Y-%m-%d %H:%M} UTC"
    out.print(f"Approved by {entry.body['by']} until {until} (ledger entry {entry.sequence}).", markup=False)
    if not standing:
        advise(out, command(ctx, "apply", wanted[:12]))


def apply(
    ctx: typer.Context,
    digest: Digest = "",
    store: Annotated[list[str] | None, typer.Option(help="Only these stores; all by default.")] = None,
    by: By = "",
) -> None:
    """Carry out an approved plan, or resume it.

    Refuses when the policy, a data map, a hold or a schema has changed since; decides on every record again.
    """
    from pipelines.apply import apply as run_apply
    from pipelines.cli.context import actor, console, engine_of, load_estate, now, today
    from pipelines.cli.next_step import advise, command
    from pipelines.cli.progress import shown
    from pipelines.cli.tables import outcome_table, residue_lines, unfit_lines

    estate = load_estate(ctx)
    with engine_of(estate) as engine:
        record = engine.plans.record(digest or newest(engine))
    wanted, current = record.digest, today(estate, record.controller)
    with shown() as progress:
        summary = run_apply(
            estate, wanted, now=now(), today=current, actor=actor(by), stores=store or None, progress=progress
        )
    out = console()
    out.print(outcome_table(summary))
    for line in (*unfit_lines(summary), *residue_lines(summary)):
        out.print(line, markup=False)
    if not summary.complete:
        advise(out, f"resume it: {command(ctx, 'apply', wanted[:12])}")
        raise typer.Exit(Exit.UNAVAILABLE)
    advise(out, command(ctx, "verify", wanted[:12]))


def verify(ctx: typer.Context, digest: Digest = "", as_json: Json = False) -> None:
    """Prove the outcome over separate connections.

    What was due is gone, what was not is untouched, the numbers are what they were.
    """
    from pipelines.cli.context import console, engine_of, load_estate, now, today
    from pipelines.cli.next_step import advise, command
    from pipelines.cli.progress import shown
    from pipelines.cli.tables import findings_table
    from pipelines.verify import verify as run_verify

    estate = load_estate(ctx)
    with engine_of(estate) as engine:
        record = engine.plans.record(digest or newest(engine))
    wanted, current = record.digest, today(estate, record.controller)
    with shown() as progress:
        findings = run_verify(estate, wanted, now=now(), today=current, progress=progress)
    if as_json:
        _print_json([{**dataclasses.asdict(finding), "passed": finding.passed} for finding in findings])
    else:
        console().print(findings_table(findings))
    if not findings or any(finding.blocking for finding in findings):
        raise typer.Exit(Exit.UNVERIFIED)
    if not as_json:
        advise(console(), command(ctx, "report", wanted[:12]))


def report(
    ctx: typer.Context,
    digest: Digest = "",
    language: Annotated[
        Spoken | None, typer.Option(help="The language of the file that is named; the estate's own by default.")
    ] = None,
) -> None:
    """Write the report, as HTML and JSON.

    In English and French: one file in the language asked for, the other beside it. Of
    a store that does not answer nothing is measured: then the exit code is 5, and a
    report that is whole stays beside the new one.
    """
    from pipelines.cli.context import console, engine_of, load_estate, now
    from pipelines.errors import Unavailable
    from pipelines.report import write_report
    from retention_rules.policy_table import Language

    estate = load_estate(ctx)
    with engine_of(estate) as engine:
        wanted = engine.plans.record(digest or newest(engine)).digest
    spoken = Language(language.value) if language else None
    path, unreached = write_report(estate, wanted, now=now(), language=spoken)
    console().print(str(path), soft_wrap=True)
    if unreached:
        raise Unavailable(
            "it did not answer, and nothing of it was measured", ", ".join(unreached), "Start it, then report again."
        )


def newest(engine: EngineDatabase) -> str:
    """The digest of the newest plan that nothing has superseded.

    Raises:
        UsageError: there is none.
    """
    from pipelines.errors import UsageError

    record = engine.plans.latest()
    if record is None:
        raise UsageError("there is no plan yet", "engine database", "Make one with `ardoise plan`.")
    return record.digest


def _what_next(ctx: typer.Context, out: Console, estate: Estate, made: Plan) -> None:
    from pipelines.cli.next_step import advise, command

    if made.refusals or not made.steps:
        return
    steps = [
        f'name a connection that may write: write = "…" in [stores.{store}] of ardoise.toml'
        for store in dict.fromkeys(step.store for step in made.steps)
        if estate.stores[store].write is None
    ]
    digest = made.digest[:12]
    advise(out, *steps, f"{command(ctx, 'approve', digest, '--by ROLE')}, then {command(ctx, 'apply', digest)}")


def _code(made: Plan) -> Exit:
    """A plan that waits for a person or for a store is not green; one for the future is what was asked for."""
    from pipelines.plan.gathering import DOWN

    reasons = [refusal.reason for refusal in made.refusals if refusal.store]
    if any(reason.startswith((DOWN, "it was never scanned", "its last scan is incomplete")) for reason in reasons):
        return Exit.UNAVAILABLE
    future = any(not refusal.store for refusal in made.refusals)
    return Exit.REFUSED if reasons and not future else Exit.DONE


def _print_json(document: Any) -> None:
    import json

    typer.echo(json.dumps(document, indent=1, ensure_ascii=False, default=str))
