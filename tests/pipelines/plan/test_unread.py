"""Several addresses in one cell tell of each of them what single cells would tell; what cannot be read stops all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
import yaml
from fixtures_mariadb import MariaDatabase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planned_shop import POLICY, Shop, identity

from connectors.digests import DigestKey
from connectors.sql.engines import open_engine
from pipelines.data_map.model import StoreMap
from pipelines.plan import unread
from pipelines.plan.artefact import EvidenceNote, Tally
from pipelines.plan.carried import Datasets
from pipelines.plan.evidence import Evidence
from pipelines.plan.occurrences import Horizon
from pipelines.plan.supply import supply
from retention_rules.loading import load_policy

pytestmark = pytest.mark.slow

TODAY = dt.date(2026, 6, 30)
HORIZONS = (Horizon("h", TODAY, TODAY), Horizon("p", dt.date(2025, 1, 1), TODAY))
KEY = DigestKey(b"i" * 32, b"o" * 32)
MAP = StoreMap.model_validate(
    yaml.safe_load("""
store: billing
datasets:
  customers:
    source: customers
    controller: SHOP
    tenant: shop
    key: [id]
    where: {tenant: [shop]}
    subjects: [{kind: email, columns: [email]}, {kind: email, columns: [old], strength: alias}]
  contracts:
    source: contracts
    controller: SHOP
    tenant: shop
    key: [id]
    subjects: [{kind: email, columns: [payer]}]
    inherits: [{dataset: customers, "on": {customer: id}}]
    events: {contract_end: {column: ended, open_if: {column: status, values: [running]}, of: subject}}
""")
)
metadata = sa.MetaData()
customers = sa.Table(
    "customers", metadata, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("tenant", sa.Text), sa.Column("email", sa.Text), sa.Column("old", sa.String(200)),
    mariadb_charset="utf8mb4",
)  # fmt: skip
contracts = sa.Table(
    "contracts", metadata, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("customer", sa.Integer), sa.Column("payer", sa.Text), sa.Column("ended", sa.Date),
    sa.Column("status", sa.Text), mariadb_charset="utf8mb4",
)  # fmt: skip


class Contract(NamedTuple):
    """A contract, with the addresses in each of three cells, and what stands between those."""

    email: list[str]
    old: list[str]
    payer: list[str]
    between: str
    ended: dt.date | None
    status: str


State = tuple[bool, bool, dt.date | None, dt.date | None]
"""Open, missing, the first and the last known day."""
Told = dict[tuple[str, str, str], State]
"""What is known, by horizon, kind of key and digest."""
Ask = Callable[[Sequence[dict[str, Any]], Sequence[dict[str, Any]]], tuple[Told, list[EvidenceNote]]]

locals_ = st.from_regex(r"[a-zA-Z0-9é][a-zA-Z0-9._+-]{0,6}[a-zé]", fullmatch=True)
addresses = st.lists(
    st.builds("{}@{}".format, locals_, st.sampled_from(["x.fr", "GMAIL.com", "société.fr"])), max_size=3, unique=True
)
separators = st.sampled_from(["; ", ";", ", ", ",", " / ", "\n", " | ", " ou ", "\u00a0", " <"])
drawn = st.builds(
    Contract, addresses, addresses, addresses, separators,
    st.one_of(st.none(), st.dates(dt.date(2019, 1, 1), dt.date(2027, 1, 1))), st.sampled_from(["running", "closed"]),
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.slow)])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ask]:
    """What evidence tells of these customers and contracts, in each engine, and what is noted."""
    file = tmp_path / "store.sqlite"
    file.touch()
    match request.param:
        case "sqlite":
            url = f"sqlite:///{file}"
        case "postgresql":
            url = request.getfixturevalue("postgres_database").admin
        case _:
            database: MariaDatabase = request.getfixturevalue("mariadb_database")
            url = database.write
    (tmp_path / "shop.yaml").write_text(POLICY)
    policy = load_policy(tmp_path / "shop.yaml")
    supplied = supply({"billing": MAP}, "SHOP", policy)
    engine = open_engine("billing", url, write=True)
    with engine.connect() as connection, connection.begin():
        metadata.create_all(connection)

        def told(known: Sequence[dict[str, Any]], signed: Sequence[dict[str, Any]]) -> tuple[Told, list[EvidenceNote]]:
            for table, rows in ((customers, known), (contracts, signed)):
                connection.execute(sa.delete(table))
                if rows:
                    connection.execute(sa.insert(table), list(rows))
            datasets = Datasets(connection, MAP, policy, KEY, HORIZONS)
            with Evidence.empty(supplied, HORIZONS) as evidence:
                evidence.gather_rows(datasets, supplied.suppliers[0])
                evidence.reduce()
                rows = evidence.connection.execute("SELECT horizon, key, digest, * EXCLUDE (horizon, event, key, digest) FROM evidence").fetchall()  # fmt: skip # noqa: E501
                return {tuple(row[:3]): tuple(row[3:]) for row in rows}, evidence.notes

        yield told
    engine.dispose()


def in_cells(signed: Sequence[Contract]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One contract and one customer for each, all addresses of a link in one cell."""
    known, rows = [], []
    for number, each in enumerate(signed):
        cells = [each.between.join(names) or None for names in (each.email, each.old, each.payer)]
        known.append({"id": number, "tenant": "shop", "email": cells[0], "old": cells[1]})
        rows.append({"id": number, "customer": number, "payer": cells[2], "ended": each.ended, "status": each.status})
    return known, rows


def in_single_cells(signed: Sequence[Contract]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The same, with a customer or a contract for each address."""
    known: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for each in signed:
        state = {"ended": each.ended, "status": each.status}
        for cell, found in (("email", each.email), ("old", each.old), ("payer", each.payer)):
            for address in found:
                number, single = len(known), dict.fromkeys(("email", "old", "payer")) | {cell: address}
                rows.append({"id": number, "customer": number, "payer": single.pop("payer")} | state)
                known.append({"id": number, "tenant": "shop"} | single)
    return known, rows


@given(signed=st.lists(drawn, min_size=5, max_size=30))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_several_addresses_in_one_cell_keep_the_clock_of_each(ask: Ask, signed: list[Contract]) -> None:
    apart, _ = ask(*in_single_cells(signed))
    together, notes = ask(*in_cells(signed))
    assert [note.reason for note in notes if not note.complete] == []
    strong = {which: state for which, state in together.items() if which[1] == "strong_email"}
    assert {which: state for which, state in apart.items() if which[1] == "strong_email"} == {
        which: state for which, state in strong.items() if which in apart
    }
    for which in apart.keys() - strong.keys():  # a second reading may add a doubt
        assert together[which][0] >= apart[which][0]
        assert together[which][1] >= apart[which][1]
        assert (together[which][3] or dt.date.min) >= (apart[which][3] or dt.date.min)
    spellings = {which for which in strong if which not in apart}
    assert len(spellings) <= 2 * len(HORIZONS) * sum(
        not a.isascii() for each in signed for a in each.email + each.payer
    )


def test_what_cannot_be_read_is_counted_and_what_can_be_is_taken_in(ask: Ask) -> None:
    known = [
        {"id": 1, "tenant": "shop", "email": "a@x.fr; @b", "old": None},
        {"id": 2, "tenant": "shop", "email": "c@x.fr; d@x.fr", "old": "e@x.fr, f@"},
        {"id": 3, "tenant": "shop", "email": "g@x.fr; h@x.fr", "old": None},
        {"id": 4, "tenant": "other", "email": "nobody@", "old": None},
        {"id": 5, "tenant": "shop", "email": "tells nothing@", "old": None},
    ]
    signed = [
        {"id": each["id"], "customer": each["id"], "payer": None, "ended": None, "status": "running"}
        for each in known[:4]
    ]
    told, notes = ask(known, signed)
    assert [(note.complete, note.reason) for note in notes] == [(False, unread.why_incomplete(2))]
    assert sum(key == "strong_email" and is_open for (_, key, _), (is_open, *_) in told.items()) == 4 * len(HORIZONS)


def test_a_cell_as_wide_as_its_column_may_have_been_cut(ask: Ask) -> None:
    cut = ("a@x.fr; " + "x" * 200)[:200]
    signed = [{"id": 1, "customer": 1, "payer": None, "ended": None, "status": "running"}]
    _, notes = ask([{"id": 1, "tenant": "shop", "email": None, "old": cut}], signed)
    assert [note.complete for note in notes] == [False]
    _, notes = ask([{"id": 1, "tenant": "shop", "email": None, "old": cut[:-1]}], signed)
    assert [note.complete for note in notes] == [True]


def test_more_than_are_read_one_by_one_leave_the_evidence_incomplete(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.plan.evidence.MANY", 1)
    known = [{"id": n, "tenant": "shop", "email": "a@x.fr; b@x.fr", "old": None} for n in (1, 2)]
    signed = [{"id": n, "customer": n, "payer": None, "ended": None, "status": "running"} for n in (1, 2)]
    told, notes = ask(known, signed)
    assert told == {}
    assert [note.complete for note in notes] == [False]
    assert "at most" in unread.why_incomplete(unread.MANY + 1)


def test_everybody_in_a_contracts_cell_is_kept_by_it_and_the_others_stay_due(shop: Shop) -> None:
    for name in ("one", "two", "three", "old"):
        shop.contact(f"{name}@a.example")
        shop.contract(f"{name}@a.example", "2010-01-01")
    shop.contract("One <ONE@a.example>; two@a.example / mailto:Three@A.example.", None, "running")
    plan = shop.plan()
    assert identity(plan) == Tally("crm", "contacts", "user.name", found=4, kept=3, due=1)
    assert shop.keys(plan, "crm.contacts.anonymise.g1") == [4]
    kept = [each.read_bytes() for each in shop.estate.plan_folder(plan.digest).iterdir()]
    assert kept
    assert not any(b"a.example" in each.lower() for each in kept)


def test_a_contact_with_one_address_that_is_read_and_one_that_is_not_stays_undetermined(shop: Shop) -> None:
    shop.contact("known@a.example", name="known@a.example")
    shop.contact("second@a.example", name="other@b.example; third@b.example")
    old = "{kind: name, columns: [name], strength: name}"
    shop.edit("data_map/crm.yaml", old, "{kind: email, columns: [name], strength: alias}")
    plan = shop.plan()
    assert identity(plan) == Tally("crm", "contacts", "user.name", found=2, due=1, undetermined=1)
