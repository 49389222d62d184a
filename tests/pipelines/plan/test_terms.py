"""A policy with terms, compiled, decides as the reference does: over tenants, contracts and what is unknown of them."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from pipelines.plan.compile import Code, EventColumns, Layout, decided, decision_columns, group_categories
from pipelines.plan.dialects import run
from pipelines.plan.facts import fact
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Known
from retention_rules.loading import load_policy
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.terms import Figure, Figures, TenantTerms

POLICY = """\
policy: service
controller: SERVICE
time_zone: Europe/Paris
events: {created: point}
supplied: {trial: boolean, plan: text}
terms: {long: DEFAULT, short: 1 month}
purposes:
  service:
    basis: contract
    source: §1
    keeps: [user.name]
    after: created
    for: [short when trial, 2 months when plan != "basic", long]
    then: delete
  evidence:
    basis: legal_claim
    source: §2
    keeps: [user.name, user.contact]
    when: plan in ("basic", "Basic") or plan = "gold"
    after: created
    for: long
    then: anonymise
"""
TENANTS = ("acme", "globex", "ACME", "other")
CONTRACTS = ("A-1", "a-1", "A-1 ", "G-1", "", None)
PLANS = ("basic", "Basic", "gold", "gold ", None)
STARTS = (dt.date(2024, 2, 29), dt.date(2024, 8, 31), dt.date(2025, 1, 31), dt.date(2025, 5, 31))
AS_OF = dt.date(2025, 8, 31)
CODES: dict[type[Decision], Code] = {
    Keep: Code.KEEP, Archive: Code.ARCHIVE, Due: Code.DUE, Held: Code.HELD, Undetermined: Code.UNDETERMINED,
}  # fmt: skip
RECORDS: list[tuple[Any, ...]] = list(itertools.product(TENANTS, CONTRACTS, PLANS, (True, False, None), STARTS))
TYPES = {"tenant": "TEXT", "contract": "TEXT", "plan": "TEXT", "trial": "BOOLEAN", "e_last": "DATE"}


@pytest.fixture(params=["", "1 year"])
def policy(request: pytest.FixtureRequest, tmp_path: Path) -> Policy:
    def figure(text: str) -> dict[str, Figure]:
        return {"long": Figure(Period.parse(text))}

    acme = TenantTerms("acme", figure("6 months"), {"A-1": figure("3 months"), "A-2": figure("15 months")})
    globex = TenantTerms("globex", {}, {"G-1": figure("3 months"), "A-1": figure("2 weeks")})
    path = tmp_path / "service.yaml"
    path.write_text(POLICY.replace("DEFAULT", request.param), encoding="utf-8")
    return load_policy(path, figures=Figures((acme, globex)))


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_what_is_compiled_decides_as_the_reference(engine: str, policy: Policy) -> None:
    answers = compiled(engine, policy)

    assert len(answers) == len(RECORDS)
    for (tenant, contract, plan, trial, start), answer in zip(RECORDS, answers, strict=True):
        values: dict[str, bool | Decimal | str | None] = {
            "tenant": tenant, "contract": contract, "plan": plan, "trial": trial,
        }  # fmt: skip
        decisions = decide(["user.name", "user.contact"], Facts({"created": Known(start)}, values), policy, as_of=AS_OF)
        expected = [CODES[type(decisions[each])] for each in ("user.name", "user.contact")]
        assert list(answer) == expected, (tenant, contract, plan, trial, start)


def compiled(engine: str, policy: Policy) -> Sequence[Sequence[int]]:
    """The codes of both categories of every record, in order."""
    rows = [(n, *record) for n, record in enumerate(RECORDS)]
    names = ("n", "tenant", "contract", "plan", "trial", "e_last")
    kinds = ", ".join(f"{name} {TYPES.get(name, 'INTEGER')}" for name in names)
    raw = sa.table(
        "raw", sa.column("n", sa.Integer()), *(sa.column(each, sa.Text()) for each in ("tenant", "contract", "plan")),
        sa.column("trial", sa.Boolean()), sa.column("e_last", sa.Date()),
    )  # fmt: skip
    relation = sa.select(
        raw.c.n,
        *(fact(raw.c[each], "text", engine).label(each) for each in ("tenant", "contract", "plan")),
        fact(raw.c.trial, "boolean", engine).label("trial"),
        sa.false().label("e_open"), sa.false().label("e_missing"), raw.c.e_last.label("e_first"), raw.c.e_last,
    ).cte()  # fmt: skip
    layout = Layout({"created": EventColumns.named("e")}, {each: each for each in policy.supplied_facts})
    groups = group_categories(policy, ["user.name", "user.contact"])
    result = decided(relation, layout, policy, groups, as_of=AS_OF)
    by_category = {category: group for group in groups for category in group.categories}
    wanted = [result.c[decision_columns(by_category[each]).code] for each in ("user.name", "user.contact")]
    query = sa.select(*wanted).order_by(result.c.n)
    insert = f"INSERT INTO raw VALUES ({', '.join('?' * len(names))})"
    if engine == "duckdb":
        with duckdb.connect() as native:
            native.execute(f"CREATE TABLE raw ({kinds})")
            native.executemany(insert, rows)
            return run(native, query).fetchall()
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE raw ({kinds})".replace("contract TEXT", "contract TEXT COLLATE NOCASE")
        )
        connection.exec_driver_sql(insert, [(*row[:-1], row[-1].isoformat()) for row in rows])
        return [tuple(row) for row in connection.execute(query)]
