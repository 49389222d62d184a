"""Reports to render: one of an ordinary run, one of a large estate whose names try to break out of the page."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from connectors.sql.strategy import Strategy
from expectations.findings import Finding, Severity, Stage
from pipelines.plan.artefact import Action, Declined, EvidenceNote, Place, Plan, Refusal, Step, Tally
from pipelines.report.model import (
    Anonymity,
    Approver,
    Cell,
    Done,
    HoldInForce,
    Impeded,
    Leading,
    Past,
    Registration,
    ReportData,
    Residue,
    Series,
    Stopped,
    Unclassified,
    Way,
)  # fmt: skip
from pipelines.scan.review import ReviewDataset, ReviewPath, ReviewRow, ReviewTable, State
from pipelines.simulate.forecast import Forecast, Outlook
from retention_rules.loading import load_policy

NOW = dt.datetime(2026, 6, 30, 12, 0, tzinfo=dt.UTC)
AS_OF = dt.date(2026, 6, 30)
OVERDUE_SINCE = dt.date(2025, 3, 16)
NO_ARCHIVE = (
    "crm has no archive: 8 fields that law and claims alone keep stay in place; give it one ([stores.crm.archive])"
)
COPIED = Finding(
    "no copy in the store holds what was acted on", "crm", "contacts",
    "rows of public.contacts_history with former values of anonymised records", 0, 7,
    "Map public.contacts_history, or empty it by hand.", severity=Severity.WARNING,
)  # fmt: skip
HOSTILE = (
    "</title><script>alert(1)</script>", '"><img src="https://evil.example/x" onerror=alert(1)>', "$x^2$ \\frac{1}",
    "{{ 7 * 7 }}{% raw %}", "%(n)s %s", "l'« été » & co", "a" * 120, "</svg><iframe src=//evil.example>",
)  # fmt: skip
"""Names that a column, a category or a statistic of a stranger's store may have."""


def ordinary() -> ReportData:
    """A run that went well: two stores, a hold, something undetermined, a dataset that nobody has mapped."""
    steps = (
        replace(
            _step("s1", "crm", "contacts", Action.ANONYMISE, ("prospecting", 12), fields=("name", "email")),
            strategy=Strategy.RANGES,
            declined=(Declined(Strategy.REWRITE, "foreign keys point at it (notes, calls); it has triggers (tell)"),),
        ),
        replace(
            _step("s2", "crm", "web_logs", Action.DELETE, ("technical_year", 1400)),
            strategy=Strategy.REWRITE,
            declined=(Declined(Strategy.DROP_PARTITION, "no partition is due as a whole"),),
        ),
        _step("s3", "mail", "messages", Action.REDACT, ("prospecting", 30)),
    )
    plan = Plan(
        as_of=AS_OF, controller="JULIEN", policy="julien", policy_digest="a" * 64, data_map_digest="b" * 64,
        schema_digest="c" * 64, holds_digest="d" * 64, requests_digest="e" * 64, steps=steps,
        tallies=(
            Tally("crm", "contacts", "user.name", 100, 60, 8, 12, 1, 4, 15),
            Tally("crm", "web_logs", "technical.ip", 3000, 1600, 0, 1400, 0, 0, 0),
            Tally("mail", "messages", "correspondence", 500, 470, 0, 30, 0, 0, 0),
        ),
        evidence=(EvidenceNote("last_inbound_contact", "mail", "messages", 80, complete=True),),
        warnings=(NO_ARCHIVE,),
    )  # fmt: skip
    months = tuple(Cell(f"2025-{month:02}", Decimal(month * 10), Decimal(month * 20)) for month in range(1, 13))
    joint = Cell("2024-11", None, None, both=Decimal(4321))
    unread = (Cell.hidden(holds=True, pending=True, held_back=True), Cell.hidden(holds=True, few=True))
    return ReportData(
        estate="Demo",
        made_at=NOW,
        plan=plan,
        plan_digest=plan.digest,
        approver=Approver("demo-dpo", "standing_approval", NOW, NOW + dt.timedelta(days=1), 9, "airflow"),
        done=(
            Done("s1", "crm", "contacts", anonymised=12, lateness=471, ways=(Way("ranges", 12),)),
            Done(
                "s2",
                "crm",
                "web_logs",
                deleted=1400,
                lateness=471,
                ways=(Way("rewrite", 900), Way("ranges", 500)),
                impeded=(Impeded("rewrite", "lock"), Impeded("rewrite", "error_XX000")),
            ),
            Done("s3", "mail", "messages", redacted=30, lateness=471),
        ),
        findings=(
            Finding("rows are few", "crm", "notes", "rows", 90, 120, "look", Stage.BEFORE, Severity.WARNING, 80, 100),
            Finding("what was due is gone", "crm", "contacts", "records still due", 0, 0, "run it again"),
            Finding("the ledger is whole", "ledger", "", "entries changed, removed or moved", 0, 0, "restore it"),
            Finding("no drift", "crm", "contacts", "columns", 4, 4, "look", Stage.BEFORE),
        ),
        statistics=(Series("crm", "web_logs", "visits", "count", (*months, joint, *unread)),),
        residue=(
            Residue("crm", "write ahead log", "kept until the store's own schedule removes it", dt.date(2026, 7, 7)),
            Residue("mail", "backups", "how long it is kept is not declared: backups in [stores.mail.residue]"),
        ),
        ledger_head=f"77:{'f' * 64}",
        kept_exactly=("crm.contacts.created_at", "crm.notes.created_at"),
        registered=(Registration("crm", "web_logs", "visits"),),
        policy=load_policy("julien"),
        unclassified=(
            Unclassified("crm", "contacts", "telephone", "user.contact.phone_number", personal=1),
            Unclassified("crm", "contacts", "zz", "user.name", review=1),
            Unclassified("crm", "public.leads", personal=3, review=2),
            Unclassified("mail", "", personal=2),
        ),
        holds=(HoldInForce(3, "crm", "", ("user.name",), True, dt.date(2026, 1, 15)),),
        anonymity=(Anonymity("crm", "contacts", 13, 11, 13, (("11-21", 3), ("22-43", 9), ("88 and more", 1)), 2),),
        leading=(Leading("crm", "consents", "contacts", 1_204, 77),),
        runs=tuple(past(day) for day in range(5)),
        began=NOW,
    )


def single() -> ReportData:
    """A run of which there is one of everything that the page counts."""
    run = ordinary()
    (step, *_), (done, *_), (tally, *_) = run.plan.steps, run.done, run.plan.tallies
    step = replace(step, count=1, purposes=(("prospecting", 1),), blocked=(("crm.notes", 1),))
    plan = replace(
        run.plan,
        steps=(step,),
        tallies=(
            replace(tally, found=7, kept=1, archived=1, due=1, held=1, undetermined=1, done=2, place=Place.ARCHIVE),
        ),
        refusals=(Refusal("crm", "contacts", "1 record is due, the limit is 0", "Look, then raise the limit."),),
        warnings=(
            NO_ARCHIVE.replace("8 fields", "1 field").replace("keep stay", "keep stays"),
            "crm.notes: 1 row will lead to an anonymised record of contacts",
        ),
    )  # fmt: skip
    return replace(
        run,
        plan=plan,
        done=(
            replace(done, step=step.id, anonymised=1, deleted=0, redacted=0, archived=0, stale=1, left=1, lateness=1),
        ),
        findings=run.findings[:1],
        statistics=(Series("crm", "web_logs", "visits", "count", (Cell("2025", Decimal(1), Decimal(0)),)),),
        anonymity=(Anonymity("crm", "contacts", 1, 11, 1, (("1-10", 1),), 1, 1),),
        unclassified=(Unclassified("crm", "public.leads", personal=1, review=1), Unclassified("mail", "", personal=1)),
    )


def past(day: int) -> Past:
    """One of several runs, a day after another; one was not verified, one failed."""
    failed = {0: None, 1: 2}.get(day, 0)
    return Past(
        f"{day:064x}", dt.date(2026, 6, 26) + dt.timedelta(days=day), 1400 - 200 * day, 1, 90 - day, 900, 40, 30, 0,
        day % 2, 471 - 100 * day, 40, failed,
    )  # fmt: skip


def bare() -> ReportData:
    """The ordinary run without what takes long to draw."""
    return replace(ordinary(), statistics=(), registered=(), runs=(), anonymity=())


def hostile() -> ReportData:
    """A small estate where much went wrong, and whose names try to break out of the page."""
    return _spoilt(stores=2, datasets=len(HOSTILE), cells=50)


def large() -> ReportData:
    """The same over thirty stores with thousands of tallies."""
    return _spoilt(stores=30, datasets=70, cells=1500)


def _spoilt(stores: int, datasets: int, cells: int) -> ReportData:
    places = [f"store_{number}" for number in range(stores)]
    tallies = tuple(
        Tally(store, f"dataset_{number}", f"{HOSTILE[number % len(HOSTILE)]}.{number}", 1000, 900, 20, 30, 10, 40, 0)
        for store in places
        for number in range(datasets)
    )
    steps = tuple(
        replace(
            _step(f"{store}.{number}", store, f"dataset_{number}", Action.DELETE, (HOSTILE[number], 30)),
            fields=HOSTILE, blocked=((HOSTILE[number], 3),), place=Place.ARCHIVE if number % 2 else Place.ACTIVE,
            strategy=Strategy.RANGES, declined=(Declined(Strategy.REWRITE, f"it has triggers ({HOSTILE[number]})"),),
        )
        for store in places
        for number in range(len(HOSTILE))
    )  # fmt: skip
    plan = replace(
        ordinary().plan,
        tallies=tallies,
        steps=steps,
        evidence=tuple(EvidenceNote(name, "crm", "contacts", 3, False, name) for name in HOSTILE),
        refusals=tuple(Refusal("crm", "contacts", name, name) for name in HOSTILE),
        warnings=HOSTILE,
    )
    groups = tuple(
        Cell(f"{HOSTILE[at % len(HOSTILE)]} {at}", Decimal(at), Decimal(at * 3) / 4, holds=at % 9 > 0)
        for at in range(cells)
    )
    return replace(
        ordinary(),
        estate=HOSTILE[0],
        plan=plan,
        plan_digest=plan.digest,
        policy=None,
        done=tuple(Done(step.id, step.store, step.dataset, deleted=20, left=10, lateness=4000) for step in steps),
        findings=(
            COPIED,
            *(
                Finding(name, "crm", name, name, 0, None if at % 3 else at % 2, name, stage)
                for at, name in enumerate(HOSTILE * max(1, stores // 2))
                for stage in Stage
            ),
        ),
        statistics=(
            Series("crm", "web_logs", HOSTILE[0], f"sum of {HOSTILE[2]}", groups),
            Series("crm", "web_logs", HOSTILE[2], "count", groups[: len(HOSTILE)]),
            Series("crm", "web_logs", "moved", "count", (Cell("2025", Decimal(1), Decimal(3), holds=False),)),
        ),
        residue=tuple(Residue("crm", name, name) for name in HOSTILE),
        kept_exactly=HOSTILE,
        unclassified=tuple(Unclassified("crm", name, name, name, review=1) for name in HOSTILE * stores),
        anonymity=(Anonymity("crm", "contacts", 2, 11, 9, (("1-10", 3), ("11-21", 6)), 4),),
    )


def forecast() -> Forecast:
    """What a policy will release over three years: rows that stay and rows that move, hostile names among them."""
    periods = tuple(f"{year}-{month:02}" for year in range(2026, 2029) for month in range(1, 13))
    released = tuple(range(len(periods)))
    return Forecast(
        estate=HOSTILE[0], controller="JULIEN", policy="julien", policy_digest="a" * 64, today=AS_OF, periods=periods,
        outlooks=(
            Outlook("crm", "contacts", HOSTILE[1], 2000, 40, released, 10, 900, 3, 4, 5, 6),
            Outlook("crm", "contacts", HOSTILE[2], 2000, 40, released, 10, 900, 3, 4, 5, 6, Place.ARCHIVE),
            Outlook("billing", "invoices", HOSTILE[6], 99, 1, released, 1, 9, 0, 0, 0, 0, Place.ACTIVE, 7, released, 8),
        ),
        gaps=HOSTILE[:2], remarks=HOSTILE[2:4],
    )  # fmt: skip


def reviewed() -> ReviewTable:
    """What a scan proposes: fields of each verdict, a path in JSON, hostile names and evidence."""
    verdicts = ("personal", "not personal", "for review", "")
    rows = tuple(
        ReviewRow(
            "crm", "contacts", name, "user.name", verdicts[at % 4], (name, "shape of a name: 98 %"), "user.contact",
            list(State)[at % 5], (ReviewPath(name, verdicts[at % 3], "user.name", (name,)),),
        )
        for at, name in enumerate(HOSTILE)
    )  # fmt: skip
    return ReviewTable((
        ReviewDataset("crm", "contacts", "public.contacts", True, rows, HOSTILE, HOSTILE),
        ReviewDataset("crm", "leads", HOSTILE[0], False, rows[:3], (), ()),
    ))  # fmt: skip


def not_applied() -> ReportData:
    """A plan that nobody has carried out: a run was stopped before it began."""
    return replace(
        ordinary(), began=None, stopped=Stopped(NOW, unmet=False), done=(), approver=None, findings=(), residue=(),
        statistics=(), runs=(),
    )  # fmt: skip


def _step(
    name: str, store: str, dataset: str, action: Action, purpose: tuple[str, int], fields: tuple[str, ...] = ()
) -> Step:
    return Step(
        name, store, dataset, action, ("user.name",), fields, (purpose,), purpose[1], OVERDUE_SINCE, AS_OF, 1
    )  # fmt: skip
