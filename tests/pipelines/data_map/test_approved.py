"""A mapping acts only as the ledger knows it to be approved (R45)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.data_map.model import Approval, DatasetMap, FieldMap, StoreMap
from pipelines.data_map.review import accept, confirm
from pipelines.data_map.writing import write_map
from pipelines.engine import EngineDatabase
from pipelines.errors import UsageError
from pipelines.estate import Estate

NOON = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
DPO = Approval(by="dpo", on=dt.date(2026, 6, 30))
EMAIL = FieldMap(category="user.contact.email")
NAME = FieldMap(category="user.name")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ardoise.toml").write_text(
        '[estate]\nname = "Demo"\n[controllers.JULIEN]\npolicy = "julien"\n'
        '[stores.crm]\nkind = "sql"\nread = "sqlite:///crm.sqlite"\n'
    )
    return tmp_path


@pytest.fixture
def engine(folder: Path) -> Iterator[EngineDatabase]:
    with closing(Estate.load(folder).engine()) as database:
        yield database


def mapped(approved: Approval | None = DPO, **fields: FieldMap) -> DatasetMap:
    return DatasetMap(source="contacts", controller="JULIEN", fields=fields or {"email": EMAIL}, approved=approved)


def write(folder: Path, **datasets: DatasetMap) -> None:
    write_map(folder / "data_map" / "crm.yaml", StoreMap(store="crm", datasets=datasets))


def active(folder: Path, engine: EngineDatabase) -> list[str]:
    acting = Estate.load(folder).acting(engine)
    return [name for each in acting.data_maps.values() for name in each.active]


def said(folder: Path, engine: EngineDatabase) -> list[str]:
    return [each.what for each in Estate.load(folder).acting(engine).unconfirmed]


def test_an_accepted_proposal_acts(folder: Path, engine: EngineDatabase) -> None:
    write_map(folder / "proposals" / "crm.yaml", StoreMap(store="crm", datasets={"contacts": mapped(None)}))
    accept(Estate.load(folder), "crm", by="dpo", at=NOON, engine=engine)
    assert active(folder, engine) == ["contacts"]
    assert said(folder, engine) == []


def test_a_line_that_says_approved_is_no_approval(folder: Path, engine: EngineDatabase) -> None:
    write(folder, contacts=mapped())
    assert active(folder, engine) == []
    assert said(folder, engine) == [
        "the mapping of crm.contacts is not in the ledger as approved: it does not act",
    ]


def test_a_mapping_that_was_changed_by_hand_does_not_act_until_it_is_confirmed(
    folder: Path, engine: EngineDatabase
) -> None:
    write(folder, contacts=mapped(), notes=mapped())
    confirm(Estate.load(folder), "crm", by="dpo", at=NOON, engine=engine)
    write(folder, contacts=mapped(email=EMAIL, name=NAME), notes=mapped())
    assert active(folder, engine) == ["notes"]
    assert said(folder, engine) == ["the mapping of crm.contacts has changed since it was approved: it does not act"]
    confirm(Estate.load(folder), "crm", ["contacts"], by="dpo", at=NOON, engine=engine)
    assert active(folder, engine) == ["contacts", "notes"]


def test_a_mapping_that_is_as_it_was_once_but_not_as_last_approved_does_not_act(
    folder: Path, engine: EngineDatabase
) -> None:
    for fields in ({"email": EMAIL, "name": NAME}, {"email": EMAIL}):
        write(folder, contacts=mapped(**fields))
        confirm(Estate.load(folder), "crm", by="dpo", at=NOON, engine=engine)
    write(folder, contacts=mapped(email=EMAIL, name=NAME))
    assert active(folder, engine) == []


def test_who_approved_and_when_is_no_part_of_what_was_approved(folder: Path, engine: EngineDatabase) -> None:
    write(folder, contacts=mapped())
    confirm(Estate.load(folder), "crm", by="dpo", at=NOON, engine=engine)
    write(folder, contacts=mapped(Approval(by="deputy", on=dt.date(2026, 7, 1))))
    assert active(folder, engine) == ["contacts"]


def test_confirming_leaves_a_file_that_says_approved_as_it_is(folder: Path, engine: EngineDatabase) -> None:
    write(folder, contacts=mapped(), logs=mapped(None))
    path = folder / "data_map" / "crm.yaml"
    path.write_text("# by hand\n" + path.read_text())
    confirm(Estate.load(folder), "crm", by="dpo", at=NOON, engine=engine)
    assert path.read_text().startswith("# by hand\n")
    assert active(folder, engine) == ["contacts"]
    confirm(Estate.load(folder), "crm", ["logs"], by="dpo", at=NOON, engine=engine)
    assert active(folder, engine) == ["contacts", "logs"]


def test_without_what_does_not_act_the_data_maps_have_another_digest(folder: Path, engine: EngineDatabase) -> None:
    write(folder, contacts=mapped(), notes=mapped())
    estate = Estate.load(folder)
    confirm(estate, "crm", ["notes"], by="dpo", at=NOON, engine=engine)
    before = estate.acting(engine).data_map_digest
    confirm(estate, "crm", ["contacts"], by="dpo", at=NOON, engine=engine)
    assert before != estate.acting(engine).data_map_digest == estate.data_map_digest


def test_what_is_not_in_the_map_cannot_be_confirmed(folder: Path, engine: EngineDatabase) -> None:
    with pytest.raises(UsageError, match="has no data map"):
        confirm(Estate.load(folder), "crm", by="dpo", at=NOON, engine=engine)
    write(folder, contacts=mapped())
    with pytest.raises(UsageError, match="Did you mean `contacts`"):
        confirm(Estate.load(folder), "crm", ["contact"], by="dpo", at=NOON, engine=engine)
    assert list(engine.ledger.entries()) == []
