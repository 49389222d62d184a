"""Approved portions over a mailbox and MariaDB end where one run would have ended, each person's records together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apply_states import state
from estates import AS_OF, DUE, NOW, SmallEstate, address, small_estate
from fixtures_items import MailAccount
from fixtures_mariadb import MariaDatabase, MariaServer, fresh_mariadb

from pipelines.apply import apply
from pipelines.demo.servers.imap import ImapServer
from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan
from pipelines.scan import scan

pytestmark = pytest.mark.slow

LIMIT = 4
"""Messages of a portion. Everybody who is due has two, and all are due since the same day."""


@pytest.fixture
def twins(tmp_path: Path, mariadb_server: MariaServer, imap_server: ImapServer) -> Iterator[tuple[SmallEstate, ...]]:
    """The same estate twice, each in a database and a mailbox of its own."""
    with fresh_mariadb(mariadb_server) as one, fresh_mariadb(mariadb_server) as other:
        accounts = (MailAccount(imap_server, f"account{number}") for number in (280, 281))
        folders = (tmp_path / "one", tmp_path / "other")
        yield tuple(made(*each) for each in zip(folders, (one, other), accounts, strict=True))


def made(folder: Path, database: MariaDatabase, account: MailAccount) -> SmallEstate:
    return small_estate(folder, (database.admin, database.read, database.write), account)


def planned(small: SmallEstate, *, staged: bool) -> Plan:
    """Scan, plan and approve."""
    assert scan(small.estate, now=NOW).complete
    plan = make_plan(small.estate, "JULIEN", as_of=AS_OF, today=AS_OF, now=NOW, by="tests", staged=staged)
    engine = small.estate.engine()
    engine.approvals.approve(plan.digest, by="dpo", at=NOW, expires=NOW + dt.timedelta(days=30))
    engine.close()
    return plan


def carried_out(small: SmallEstate, plan: Plan) -> None:
    assert apply(small.estate, plan.digest, now=NOW, today=AS_OF, retries=(), actor="tests").complete


def known(small: SmallEstate) -> dict[str, set[int]]:
    """By place, of whom it still knows."""
    messages = b"".join(small.messages())
    names = {row["last_name"] for row in small.rows("crm", "contacts")}
    notes = {row["contact_id"] for row in small.rows("crm", "notes") if "Lastname" in row["body"]}
    customers = {row["last_name"] for row in small.rows("billing", "customers")}
    return {
        "contacts": {n for n in DUE if f"Lastname{n}" in names},
        "notes": notes & set(DUE),
        "customers": {n for n in DUE if f"Lastname{n}" in customers},
        "mail": {n for n in DUE if address(n).encode() in messages},
    }


def final(small: SmallEstate, plan: Plan) -> dict[str, Any]:
    return {place: found for place, found in state(small, plan).items() if place != "receipts"}


@pytest.mark.timeout(900)
def test_portions_leave_what_one_run_leaves_and_a_persons_records_go_together(twins: tuple[SmallEstate, ...]) -> None:
    small, other = twins
    whole = planned(other, staged=False)
    carried_out(other, whole)
    toml = small.folder / "ardoise.toml"
    toml.write_text(f"{toml.read_text()}[limits.mail.messages]\ncount = {LIMIT}\n")

    seen = [known(small)]
    while (plan := planned(small, staged=True)).steps:
        assert plan.refusals == ()
        assert sum(step.count for step in plan.steps if step.store == "mail") <= LIMIT
        carried_out(small, plan)
        seen.append(known(small))
        assert len(seen) < 8, plan

    assert all(len({frozenset(people) for people in places.values()}) == 1 for places in seen), seen
    assert len({frozenset(places["mail"]) for places in seen}) > 2
    assert seen[-1]["mail"] == set()
    assert final(small, whole) == final(other, whole)
