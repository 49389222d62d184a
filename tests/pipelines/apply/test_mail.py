"""A run over a real mailbox: items go, are redacted, or stay, and what arrives after the plan counts."""

from __future__ import annotations

import datetime as dt
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from apply_states import planned
from estates import AS_OF, NOW, SmallEstate, small_estate
from fixtures_items import MailAccount

from connectors.errors import ScanIncomplete, StoreDown
from pipelines.apply import RunSummary, apply
from pipelines.errors import LimitExceeded
from pipelines.plan.artefact import Plan
from pipelines.scan import scan
from pipelines.scan.index import read, scans

pytestmark = pytest.mark.slow

LATER = NOW + dt.timedelta(hours=1)
COMPANY = "support@julien-commerce.example"


@pytest.fixture
def small(tmp_path: Path, mail_account: MailAccount) -> SmallEstate:
    return small_estate(tmp_path / "estate", mailbox=mail_account)


def plan_of(small: SmallEstate) -> Plan:
    assert all(store.complete for store in scan(small.estate, stores=["mail"], now=NOW).stores)
    return planned(small)


def run(small: SmallEstate, plan: Plan, **options: Any) -> RunSummary:
    return apply(small.estate, plan.digest, now=LATER, today=AS_OF, actor="tests", retries=(), **options)


def arrives(small: SmallEstate, sender: str, at: dt.datetime) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Date"] = sender, COMPANY, "Again", at
    mail.set_content("Hello again.\n")
    assert small.mailbox is not None
    small.mailbox.server.seed(small.mailbox.user, "INBOX", [(mail.as_bytes(), at, [])])


def test_messages_go_or_are_redacted_and_bystanders_are_byte_identical(small: SmallEstate) -> None:
    before = small.messages()
    plan = plan_of(small)
    summary = run(small, plan, stores=["mail"])
    after = small.messages()
    assert summary.counts == {"deleted": 5, "redacted": 5}
    kept = [each for each in before if not any(f"person{n}@".encode() in each for n in (1, 3, 5, 7, 9))]
    assert len(kept) == 5
    assert set(kept) <= set(after)
    assert len(after) == 10
    assert {each.kind for each in summary.residue}
    assert run(small, plan, stores=["mail"]).nothing_to_do


def test_a_message_that_arrives_after_the_plan_keeps_its_sender_everywhere(small: SmallEstate) -> None:
    plan = plan_of(small)
    arrives(small, "Person One <PERSON1@acme.example>", NOW - dt.timedelta(days=3))
    summary = run(small, plan)
    assert summary.complete
    assert small.rows("crm", "contacts")[0]["email"] == "person1@acme.example"
    stale = {step.step: step.outcomes.get("stale", 0) for step in summary.steps}
    assert stale["mail.messages.delete"] == 1
    assert stale["crm.contacts.anonymise.g0"] == 1


def test_more_old_mail_than_planned_is_refused_before_anything_goes(small: SmallEstate) -> None:
    plan = plan_of(small)
    arrives(small, "person1@acme.example", dt.datetime(2018, 9, 1, tzinfo=dt.UTC))
    before = small.messages()
    with pytest.raises(LimitExceeded, match=r"mail\.messages"):
        run(small, plan)
    assert small.messages() == before
    assert len(small.rows("billing", "contracts")) == 10


def test_a_run_looks_again_into_the_mailbox_in_which_it_has_acted_and_into_no_other(small: SmallEstate) -> None:
    plan = plan_of(small)
    scanned = {}
    for minute, store in enumerate(("billing", "mail", "crm"), start=1):
        now = NOW + dt.timedelta(minutes=minute)
        assert apply(small.estate, plan.digest, now=now, today=AS_OF, actor="tests", stores=[store]).complete
        with read(small.estate.index_file) as index:
            scanned[store] = [each.at for each in scans(index)]
    # Billing and mail rely on the plan's scan. After mail was acted on, what is left of it is looked at again.
    assert scanned == {"billing": [NOW], "mail": [NOW], "crm": [NOW + dt.timedelta(minutes=3)]}


def test_a_mailbox_that_cannot_be_read_again_stops_the_run(small: SmallEstate) -> None:
    plan = plan_of(small)
    for name in ("read", "write"):
        (small.folder / "connections" / f"mail.{name}").write_text("imap://user:pass@127.0.0.1:9")
    with pytest.raises((StoreDown, ScanIncomplete)):
        run(small, plan, stores=["billing"])
    assert len(small.rows("billing", "contracts")) == 10
