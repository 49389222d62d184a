"""The demonstration's contacts before and after a run over its four stores, as an attacker of the CRM sees them.

What was invented was drawn independently, column by column, so that nothing tells one column from another: there is
nothing to infer but from the person's own row, and a control as good as the persons themselves.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from psycopg.rows import dict_row

from benchmarks.attack.question import Question
from pipelines.apply import apply
from pipelines.demo.crm import JULIEN
from pipelines.demo.moments import AS_OF
from pipelines.demo.running import CONTROLLER, open_case
from pipelines.demo.seeding import connect_crm
from pipelines.demo.stores import OFFICER, DemoStores
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.scan.refresh import refresh

NOW = dt.datetime(2026, 6, 30, 8, tzinfo=dt.UTC)
DAYS = ["created_at", "birth_date"]
COLUMNS = ["region", "segment", "locale", *DAYS, "postcode", "company_id"]
"""What the policy lets stay in an anonymised contact, if coarser."""


@dataclass(frozen=True)
class Contacts:
    """Contacts who are nobody any more: as they were, as they are, and those who were not due as they were."""

    original: pd.DataFrame
    released: pd.DataFrame
    control: pd.DataFrame

    @property
    def question(self) -> Question:
        """What the attacker knows (where somebody lives, since when a contact, born when) and wants to know."""
        return Question(
            self.original,
            self.control,
            secret="segment",  # noqa: S106 - what the attacker wants to know
            known=["region", "locale", *DAYS, "postcode"],
            halves=[["region", "postcode", "birth_date"], ["segment", "locale", "created_at", "company_id"]],
        )


def contacts(folder: Path, scale: float) -> Contacts:
    """Seed the stores, run the demonstration's plan, and look at the CRM before and after."""
    with DemoStores(folder, scale=scale) as stores:
        before = _look(stores)
        _run(stores)
        after = _look(stores)
    anonymous = after["email"].str.endswith(".invalid")
    nobody = anonymous & after["last_ip"].isna()
    control = before[~anonymous].sample(int(nobody.sum()), random_state=1)
    return Contacts(before[nobody][COLUMNS], after[nobody][COLUMNS].sample(frac=1), control[COLUMNS])


def _look(stores: DemoStores) -> pd.DataFrame:
    """The contacts, in the order of their keys; days as numbers, so that near ones are near."""
    with connect_crm(stores.crm_admin) as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        found = pd.DataFrame(cursor.execute("SELECT * FROM contacts WHERE tenant = %s ORDER BY id", [JULIEN]))
    for name in DAYS:
        found[name] = pd.Series([day.toordinal() if day else None for day in found[name]], dtype="Int64")
    return found.astype({"company_id": "string"})


def _run(stores: DemoStores) -> None:
    """Plan, approve, apply."""
    estate = Estate.load(stores.estate)
    open_case(estate, stores, lambda _: None, NOW)
    refresh(estate, now=NOW)
    plan = make_plan(estate, CONTROLLER, as_of=AS_OF, today=AS_OF, now=NOW, by="benchmark")
    with contextlib.closing(estate.engine()) as engine:
        engine.approvals.approve(plan.digest, by=OFFICER, at=NOW, expires=NOW + dt.timedelta(days=1))
    apply(estate, plan.digest, now=NOW, today=AS_OF, actor="benchmark", retries=())
