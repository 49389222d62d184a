"""The tasks of the DAGs: plain functions over the use cases. Only digests, names and counts go from one to the next."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from dags.endings import spoken
from dags.estate import load_estate, now

if TYPE_CHECKING:
    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan

FRESH = dt.timedelta(minutes=5)
"""How old the index of mail and calendars may be when a plan is made; `apply` looks again."""

CONFIGURABLE = frozenset({"as_of", "controller"})
log = logging.getLogger("ardoise")


# -- scan


def all_stores() -> list[str]:
    """The estate's stores."""
    with spoken():
        return list(load_estate().stores)


def scan_store(store: str) -> dict[str, int]:
    """Inspect and classify one store, propose its data map, index its items.

    Raises:
        AirflowFailException: part of the store was not seen.
    """
    with spoken():
        from pipelines.progress import from_environment
        from pipelines.scan import scan

        (found,) = scan(load_estate(), [store], from_environment(), now=now(), processes=1).stores
        for finding in found.findings:
            log.info("%s", finding)
        if not found.complete:
            raise AirflowFailException(f"{store}: the scan is incomplete. {found.reason}")
        return {
            "datasets": found.datasets,
            "records": found.records,
            "personal": found.personal,
            "review": found.review,
        }


# -- retention


def refresh() -> dict[str, int]:
    """Bring the index of mail and calendars up to date: what it does not know would be missing from the plan.

    Raises:
        AirflowFailException: part of a store was not seen.
    """
    with spoken():
        from pipelines.progress import from_environment
        from pipelines.scan.refresh import refresh as refresh_index

        found = refresh_index(load_estate(), progress=from_environment(), now=now(), fresh=FRESH)
        for each in found:
            if not each.complete:
                raise AirflowFailException(f"{each.store}: the index is incomplete. {each.reason}")
        return {f"{each.store}.{each.dataset}": each.items for each in found}


def make_plan() -> str:
    """Plan for the run's as-of date; the plan's digest.

    Raises:
        AirflowFailException: the plan refuses to be applied, with the first of its reasons.
    """
    with spoken():
        from dags.as_of import as_of_date
        from pipelines.plan import make_plan as plan_for
        from pipelines.progress import from_environment

        context = get_current_context()
        run = context["dag_run"]
        estate = load_estate()
        controller = _controller(estate, _asked(context, "controller"))
        zone = estate.policy(controller).time_zone
        moment = now()
        today = estate.today(controller, moment)
        try:
            as_of = as_of_date(
                requested=_asked(context, "as_of"),
                partition_date=run.partition_date,
                data_interval_end=run.data_interval_end,
                run_after=run.run_after,
                zone=zone,
                today=today,
            )
        except ValueError as error:
            raise AirflowFailException(str(error)) from None
        by = actor(estate, run.triggering_user_name, run.run_type.value)
        plan = plan_for(estate, controller, as_of=as_of, today=today, now=moment, by=by, progress=from_environment())
        _told(plan)
        return plan.digest


def stores_of(digest: str, *, last: bool) -> list[str]:
    """The stores in which the plan has steps: those that anchor identities, or the others before them."""
    with spoken():
        estate = load_estate()
        with opened(estate) as engine:
            acting = {step.store for step in engine.plans.load(digest).steps}
        return [name for name, config in estate.stores.items() if name in acting and config.last == last]


def apply_store(store: str, digest: str) -> dict[str, int]:
    """Carry out an approved plan in one store, or resume it there; records by outcome.

    Raises:
        AirflowFailException: it is not approved, or something is left to do or to be looked at.
    """
    with spoken():
        from pipelines.apply import apply
        from pipelines.progress import from_environment

        context: Any = get_current_context()
        context["store"] = store  # what the UI shows in the place of the map index
        run = context["dag_run"]
        estate = load_estate()
        moment = now()
        summary = apply(
            estate,
            digest,
            now=moment,
            today=_today(estate, digest, moment),
            actor=actor(estate, run.triggering_user_name, run.run_type.value),
            stores=[store],
            progress=from_environment(),
        )
        if not summary.complete:
            left = sum(step.left for step in summary.steps)
            raise AirflowFailException(
                f"{store}: {left} records are left to do or to be looked at ({_counted(summary.counts)}). "
                "Clear this task to resume it; what is done is not done twice."
            )
        return summary.counts


def verify(digest: str) -> dict[str, int]:
    """Prove the outcome over connections of its own; how many expectations were checked.

    Raises:
        AirflowFailException: an expectation was not met. The report that says which is written all the same.
    """
    with spoken():
        from pipelines.progress import from_environment
        from pipelines.report import write_report
        from pipelines.verify import verify as verify_plan

        estate = load_estate()
        moment = now()
        today = _today(estate, digest, moment)
        findings = verify_plan(estate, digest, now=moment, today=today, progress=from_environment())
        failed = sum(finding.blocking for finding in findings)
        if failed:
            path, _ = write_report(estate, digest, now=moment)
            raise AirflowFailException(
                f"{failed} of {len(findings)} expectations were not met; {path.name} in the estate's reports says which"
            )
        return {"checked": len(findings), "failed": failed}


def report(digest: str) -> str:
    """Write the report; the name of its file among the estate's reports."""
    with spoken():
        from pipelines.report import write_report

        path, unreached = write_report(load_estate(), digest, now=now())
        log.info("The report is at %s", path)
        if unreached:
            log.warning("It says nothing of %s, which did not answer: write it again", ", ".join(unreached))
        return path.name


# -- what they share


@contextlib.contextmanager
def opened(estate: Estate) -> Iterator[EngineDatabase]:
    """The engine database, closed at the end of the block."""
    with contextlib.closing(estate.engine()) as engine:
        yield engine


def actor(estate: Estate, user: str | None, run_type: str) -> str:
    """How the ledger names who is behind a run: Airflow's user, or what started a run that nobody did.

    A user name that may be an address or a name in full is told by its keyed digest: the ledger takes neither.
    """
    if not user:
        return f"airflow:{run_type}"
    plain = user.isascii() and user.replace("_", "").replace("-", "").isalnum() and len(user) <= 32  # noqa: PLR2004
    return f"airflow:{user}" if plain else f"airflow:user-{estate.key.digest(user)[:16]}"


def _asked(context: Context, name: str) -> str | None:
    """A parameter of the run.

    Raises:
        AirflowFailException: the run has a key that means nothing: it would be ignored in silence.
    """
    unknown = set(context["dag_run"].conf or {}) - CONFIGURABLE
    if unknown:
        raise AirflowFailException(
            f"the run's configuration has {len(unknown)} keys that mean nothing here; known are "
            f"{', '.join(sorted(CONFIGURABLE))}"
        )
    value = context["params"].get(name)
    return None if value is None else str(value)


def _controller(estate: Estate, asked: str | None) -> str:
    if asked:
        return asked
    if len(estate.controllers) != 1:
        raise AirflowFailException(f"the estate has {len(estate.controllers)} controllers: name one in the parameters")
    return estate.controllers[0]


def _today(estate: Estate, digest: str, moment: dt.datetime) -> dt.date:
    """Today in the zone of the plan's controller."""
    with opened(estate) as engine:
        controller = engine.plans.record(digest).controller
    return estate.today(controller, moment)


def _told(plan: Plan) -> None:
    """Log what the plan would do.

    Raises:
        AirflowFailException: it refuses to be applied.
    """
    log.info("Plan %s for %s as of %s", plan.digest, plan.controller, plan.as_of)
    for step in plan.steps:
        log.info("%s.%s: %s %d records", step.store, step.dataset, step.action, step.count)
    if plan.refusals:
        first = plan.refusals[0]
        raise AirflowFailException(
            f"the plan refuses to be applied, {len(plan.refusals)} times; first {first.store}.{first.dataset}: "
            f"{first.reason}. {first.remedy}"
        )


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
