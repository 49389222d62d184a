"""The demonstration's contacts before and after a run over its four stores, as an attacker of the CRM sees them.

Beside them the customers of the billing system, with the first of everything that points at either: what is numbered
and dated in the same order in both tells who is who, though no value is shared.

What was invented was drawn independently, column by column, so that nothing tells one column from another: there is
nothing to infer but from the person's own row, and a control as good as the persons themselves.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from psycopg.rows import dict_row

from benchmarks.attack.following import JUDGE, follow
from benchmarks.attack.joins import PERSON
from benchmarks.attack.known import LEADS, nearest
from benchmarks.attack.question import Question
from benchmarks.attack.ranks import NOBODY, Guess, ranks
from pipelines.apply import apply
from pipelines.demo.crm import JULIEN
from pipelines.demo.moments import AS_OF
from pipelines.demo.running import CONTROLLER, open_case
from pipelines.demo.seeding import connect_crm, open_billing
from pipelines.demo.stores import OFFICER, DemoStores
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.scan.refresh import refresh

NOW = dt.datetime(2026, 6, 30, 8, tzinfo=dt.UTC)
DAYS = ["created_at", "birth_date"]
COLUMNS = ["region", "segment", "locale", *DAYS, "postcode", "company_id"]
"""What the policy lets stay in an anonymised contact, if coarser."""
CRM_CHILDREN = {
    "prospects": "collected_at", "memberships": "service_end", "interactions": "occurred_at", "notes": "created_at",
    "consents": "given_at", "web_logs": "at",
}  # fmt: skip
BILLING_CHILDREN = {"contracts": "started_on", "invoices": "issued_on"}
"""What points at a contact or a customer, with its day."""
PAPERS = ["started_on", "ended_on", "delivered_on", "amount_euros"]
"""What stays, if coarser, in a contract that names nobody any more."""


@dataclass(frozen=True)
class Contacts:
    """Contacts who are nobody any more: as they were, as they are, and those who were not due as they were.

    ``papers``: the contracts that are nobody's any more, before the run and after it.
    """

    original: pd.DataFrame
    released: pd.DataFrame
    control: pd.DataFrame
    orders: tuple[tuple[pd.DataFrame, pd.DataFrame], ...]
    papers: tuple[pd.DataFrame, pd.DataFrame]

    def guesses(self) -> tuple[list[Guess], ...]:
        """What the orders of CRM and billing tell of persons who are nobody: before the run, and after it."""
        found = []
        for crm, billing in self.orders:
            found.append([*ranks(crm, billing, ["region"]), *ranks(billing, crm, ["region"])])
        return tuple(found)

    def found_by_papers(self) -> tuple[Guess, Guess]:
        """How many customers' rows are found by days and amounts of their contracts: before the run, and after it."""
        known = self.papers[0].rename(columns={LEADS: PERSON})
        before, after = (nearest(known, each, PAPERS) for each in self.papers)
        return before, after

    @property
    def question(self) -> Question:
        """What the attacker knows (since when a contact, born when, of which kind) and wants to know: where they live.

        Of ten regions none is likely. Of a segment that two in three have, the control is guessed as well as that, and
        what is left to be found would be told by three times as wide an interval as of these persons can be had.
        """
        return Question(
            self.original,
            self.control,
            secret="region",  # noqa: S106 - what the attacker wants to know
            known=["segment", "locale", *DAYS, "postcode"],
            halves=[["region", "postcode", "birth_date"], ["segment", "locale", "created_at", "company_id"]],
        )


def contacts(folder: Path, scale: float) -> Contacts:
    """Seed the stores, run the demonstration's plan, and look at CRM and billing before and after."""
    with DemoStores(folder, scale=scale) as stores:
        follow(stores)
        looks, exact = [(_look(stores), _customers(stores))], _papers(stores)
        _run(stores)
        looks.append((_look(stores), _customers(stores)))
        coarse = _papers(stores)
    (before, _), (after, billing) = looks
    anonymous = after["email"].str.endswith(".invalid")
    nobody = anonymous & after["last_ip"].isna()
    control = before[~anonymous].sample(int(nobody.sum()), random_state=1)
    gone = billing["email"].str.endswith(".invalid") & (billing["named"] == 0)  # nor does a contract or an invoice
    unproven = nobody & after["consents_id"].isna()  # what proves a consent names its person
    whose = {each.id: each.email for each in stores.company.crm.contacts}
    payers = {each.id: each.email.lower() for each in stores.company.billing.customers}
    orders = tuple(
        (
            _judged(crm, crm[JUDGE].map(whose), unproven).drop(columns="company_id"),
            _judged(customers, customers[JUDGE].map(payers), gone).drop(columns="named"),
        )
        for crm, customers in looks
    )
    released = after[nobody][COLUMNS].sample(frac=1)
    nobodys = coarse.index[coarse["number"].isna()]
    exact, coarse = (each.loc[nobodys].drop(columns="number") for each in (exact, coarse))
    return Contacts(before[nobody][COLUMNS], released, control[COLUMNS], orders, (exact, coarse))


def _judged(rows: pd.DataFrame, persons: pd.Series, nobody: pd.Series) -> pd.DataFrame:
    """The rows as the attacker sees them, with whose each was and whether it is nobody's for whoever judges."""
    judged = rows.drop(columns=JUDGE)
    judged[PERSON], judged[NOBODY] = persons, nobody
    return judged


def _look(stores: DemoStores) -> pd.DataFrame:
    """The contacts, in the order that they had at first; days as numbers, so that near ones are near."""
    query = f"SELECT *, {_firsts(CRM_CHILDREN, 'contact_id', 'c')} FROM contacts c WHERE tenant = %s ORDER BY {JUDGE}"
    with connect_crm(stores.crm_admin) as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        found = pd.DataFrame(cursor.execute(query.encode(), [JULIEN]))
    for name in DAYS:
        found[name] = pd.Series([day.toordinal() if day else None for day in found[name]], dtype="Int64")
    return found.astype({"company_id": "string"})


def _customers(stores: DemoStores) -> pd.DataFrame:
    """The customers, in the order that they had at first, and whether papers name them that are kept for longer."""
    named = " + ".join(
        f"(SELECT count({column}) FROM {table} t WHERE t.customer_id = c.id)"
        for table, column in (("contracts", "signed_by"), ("invoices", "billed_to"))
    )
    firsts = _firsts(BILLING_CHILDREN, "customer_id", "c")
    query = f"SELECT *, {firsts}, {named} AS named FROM customers c ORDER BY {JUDGE}"
    with open_billing(stores.billing) as billing:
        return pd.read_sql_query(query, billing)


def _papers(stores: DemoStores) -> pd.DataFrame:
    """The contracts, by the key that they had at first, and to whose row each leads."""
    columns = ", ".join(f"k.{name}" for name in (JUDGE, "number", "status", *PAPERS))
    query = f"SELECT {columns}, c.{JUDGE} AS {LEADS} FROM contracts k JOIN customers c ON c.id = k.customer_id"
    with open_billing(stores.billing) as billing:
        return pd.read_sql_query(query, billing, index_col=JUDGE)


def _firsts(children: Mapping[str, str], link: str, parent: str) -> str:
    """The first key and the first day of whatever points at a row."""
    return ", ".join(
        f"(SELECT min({column}) FROM {table} t WHERE t.{link} = {parent}.id) AS {table}_{column}"
        for table, day in children.items()
        for column in ("id", day)
    )


def _run(stores: DemoStores) -> None:
    """Plan, approve, apply."""
    estate = Estate.load(stores.estate)
    open_case(estate, stores, lambda _: None, NOW)
    refresh(estate, now=NOW)
    plan = make_plan(estate, CONTROLLER, as_of=AS_OF, today=AS_OF, now=NOW, by="benchmark")
    with contextlib.closing(estate.engine()) as engine:
        engine.approvals.approve(plan.digest, by=OFFICER, at=NOW, expires=NOW + dt.timedelta(days=1))
    apply(estate, plan.digest, now=NOW, today=AS_OF, actor="benchmark", retries=())
