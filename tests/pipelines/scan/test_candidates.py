"""What a proposal says to its reader, what an edited one keeps, and which dataset could supply a missing event."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pipelines.data_map.loading import load_map
from pipelines.data_map.model import DatasetMap, EventSource, FieldMap, StoreMap, SubjectLink
from pipelines.data_map.review import accept
from pipelines.data_map.writing import render_map, write_map
from pipelines.errors import DataMapInvalid, EstateInvalid
from pipelines.estate import Estate
from pipelines.scan.candidates import comments, how_to_supply, said_so_far
from pipelines.scan.evidence import DatasetEvidence, evidence_file, write_evidence
from pipelines.scan.proposal import Proposal

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
TOML = """
[estate]
name = "Shop"
[controllers.STARTER]
policy = "starter"
[stores.shop]
kind = "sql"
read = "sqlite:///shop.sqlite"
"""
EMAIL = {"email": FieldMap(category="user.contact.email")}
CLIENTS = DatasetMap(
    source="clients", controller="STARTER", subjects=(SubjectLink(kind="email", columns=("email",)),), fields=EMAIL
)
ORDERS = DatasetMap(
    source="orders",
    controller="STARTER",
    subjects=(SubjectLink(kind="email", columns=("buyer",)),),
    events={"last_activity": EventSource(column="ordered", of="subject")},
)
EVIDENCE = {"clients": DatasetEvidence("clients", dates=("entered", "left"))}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ardoise.toml").write_text(TOML)
    return tmp_path


def propose(folder: Path, **datasets: DatasetMap) -> Path:
    path = folder / "proposals" / "shop.yaml"
    evidence = {name: said for name, said in EVIDENCE.items() if name in datasets}
    proposal = Proposal(StoreMap(store="shop", datasets=datasets), evidence)
    estate = Estate.load(folder)
    write_map(path, proposal.map, comments(proposal, estate.policy("STARTER")))
    write_evidence(evidence_file(path.parent, "shop"), evidence, path)
    return path


def test_comments_name_the_dates_and_the_events_that_wait_and_change_nothing(folder: Path) -> None:
    path = propose(folder, clients=CLIENTS)

    text = path.read_text()
    assert "  clients:\n    # Dates that supply no event: entered, left.\n" in text
    assert "# The policy has no invoice_issued, last_activity yet." in text
    assert "ardoise review shop --accept DATASET" in text
    plain = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
    assert plain == render_map(load_map(path).map)


def test_a_missing_event_leads_to_the_dataset_that_is_proposed_to_supply_it(folder: Path) -> None:
    propose(folder, clients=CLIENTS, orders=ORDERS)
    accept(Estate.load(folder), "shop", ["clients"], by="dpo", at=NOW)
    estate = Estate.load(folder)

    with pytest.raises(EstateInvalid) as caught:
        estate.check()

    (problem,) = caught.value.problems
    assert problem.file == "policy starter"
    assert "no dataset supplies the event `last_activity`" in problem.what
    assert "`shop.orders` is proposed to supply it from `ordered`" in problem.remedy
    assert "`ardoise review shop --accept orders --by ROLE`" in problem.remedy


def test_a_missing_event_that_nothing_is_proposed_for_leads_to_the_dates_that_there_are(folder: Path) -> None:
    propose(folder, clients=CLIENTS)

    said = how_to_supply(Estate.load(folder), "STARTER", "last_activity")

    assert "shop.clients.entered, shop.clients.left" in said
    assert "in proposals/" in said


def test_a_missing_event_without_any_candidate_still_says_what_to_do(folder: Path) -> None:
    assert "Bind it to a column" in how_to_supply(Estate.load(folder), "STARTER", "last_activity")


def test_an_event_that_is_supplied_already_is_no_candidate(folder: Path) -> None:
    propose(folder, orders=ORDERS)
    accept(Estate.load(folder), "shop", ["orders"], by="dpo", at=NOW)

    assert "is proposed to supply it" not in how_to_supply(Estate.load(folder), "STARTER", "last_activity")


def test_an_untouched_proposal_says_nothing_and_an_edited_one_is_a_persons_word(folder: Path) -> None:
    path = propose(folder, clients=CLIENTS, orders=ORDERS)
    assert said_so_far(Estate.load(folder), "shop") is None

    path.write_text(path.read_text().replace("column: ordered", "column: delivered"))

    word = said_so_far(Estate.load(folder), "shop")
    assert word is not None
    assert word.datasets["orders"].events["last_activity"].column == "delivered"
    assert not word.active


def test_an_edited_proposal_stands_over_the_approved_map_and_beside_the_rest_of_it(folder: Path) -> None:
    path = propose(folder, clients=CLIENTS, orders=ORDERS)
    accept(Estate.load(folder), "shop", by="dpo", at=NOW)
    path.write_text(render_map(StoreMap(store="shop", datasets={"orders": ORDERS.model_copy(update={"key": ("id",)})})))

    word = said_so_far(Estate.load(folder), "shop")

    assert word is not None
    assert word.datasets["orders"].key == ("id",)
    assert set(word.active) == {"clients"}


def test_an_edited_proposal_that_is_broken_is_an_error_with_its_line(folder: Path) -> None:
    path = propose(folder, orders=ORDERS)
    path.write_text(path.read_text() + "    colour: blue\n")

    with pytest.raises(DataMapInvalid, match=r"colour"):
        said_so_far(Estate.load(folder), "shop")
