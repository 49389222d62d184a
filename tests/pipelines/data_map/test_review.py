"""Review: what a proposal would change, and that accepting it changes exactly that."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from engine_samples import NOON
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.data_map.loading import dataset_digest, digest_of_maps, load_map
from pipelines.data_map.model import (
    Approval,
    Bucket,
    DatasetMap,
    EventSource,
    FieldMap,
    OpenIf,
    Parent,
    Statistic,
    StoreMap,
    SubjectLink,
)
from pipelines.data_map.review import Change, Difference, accept, differences, proposal
from pipelines.data_map.writing import render_map, write_map
from pipelines.errors import DataMapInvalid, UsageError
from pipelines.estate import Estate

EMAIL = FieldMap(category="user.contact.email")
CITY = FieldMap(category="none")
DPO = Approval(by="dpo", on=dt.date(2026, 6, 30))


def dataset(**changes: Any) -> DatasetMap:
    values: dict[str, Any] = {"source": "public.contacts", "controller": "JULIEN", "fields": {"email": EMAIL}}
    return DatasetMap(**(values | changes))


def crm(**datasets: DatasetMap) -> StoreMap:
    return StoreMap(store="crm", datasets=datasets)


@pytest.fixture
def estate_folder(tmp_path: Path) -> Path:
    (tmp_path / "ardoise.toml").write_text(
        '[estate]\nname = "Demo"\ntime_zone = "Pacific/Auckland"\n'
        '[controllers.JULIEN]\npolicy = "julien"\n[stores.crm]\nkind = "sql"\nread = "sqlite:///crm.sqlite"\n'
    )
    return tmp_path


def test_everything_is_new_where_nothing_is_approved() -> None:
    proposed = crm(contacts=dataset())
    new = [Difference("crm", "contacts", Change.NEW_DATASET)]
    assert differences(None, proposed) == new
    assert differences(crm(contacts=dataset()), proposed) == new
    assert differences(crm(contacts=dataset(approved=DPO)), proposed) == []


def test_each_difference_is_named() -> None:
    known = crm(
        contacts=dataset(fields={"email": EMAIL, "city": CITY, "fax": CITY}, approved=DPO), old=dataset(approved=DPO)
    )
    proposed = crm(contacts=dataset(fields={"email": CITY, "city": CITY, "iban": EMAIL}, key=("id",)))
    assert differences(known, proposed) == [
        Difference("crm", "contacts", Change.CATEGORY, "email", "user.contact.email", "none"),
        Difference("crm", "contacts", Change.NEW_FIELD, "iban", after="user.contact.email"),
        Difference("crm", "contacts", Change.GONE, "fax", before="none"),
        Difference("crm", "contacts", Change.BINDING),
        Difference("crm", "old", Change.GONE),
    ]


def test_accepting_copies_the_proposal_with_the_approval_and_enters_it_in_the_ledger(estate_folder: Path) -> None:
    write_map(estate_folder / "proposals" / "crm.yaml", crm(contacts=dataset(), notes=dataset()))
    estate = Estate.load(estate_folder)
    approved = accept(estate, "crm", ["contacts"], by="dpo", at=NOON)
    assert approved == crm(contacts=dataset(approved=Approval(by="dpo", on=dt.date(2026, 7, 1))))
    again = Estate.load(estate_folder)
    assert again.data_maps == {"crm": approved}
    assert again.data_map_digest != estate.data_map_digest
    engine = again.engine()
    (entry,) = engine.ledger.entries("map_approved")
    engine.close()
    assert entry.body == {
        "store": "crm", "datasets": ["contacts"], "by": "dpo", "on": "2026-07-01", "digest": again.data_map_digest,
        "digests": {"contacts": dataset_digest(dataset())},
    }  # fmt: skip


def test_accepting_leaves_other_datasets_and_the_name_of_the_file_as_they_are(estate_folder: Path) -> None:
    other = dataset(source="public.companies", approved=DPO)
    waiting = dataset(source="public.logs")
    write_map(estate_folder / "data_map" / "the crm.yaml", crm(contacts=dataset(), companies=other, logs=waiting))
    write_map(estate_folder / "proposals" / "crm.yaml", crm(contacts=dataset(key=("id",)), companies=dataset()))
    estate = Estate.load(estate_folder)
    engine = estate.engine()
    accept(estate, "crm", ["contacts"], by="dpo", at=NOON, engine=engine)
    engine.close()
    found = Estate.load(estate_folder).data_maps["crm"].datasets
    assert found["companies"] == other
    assert found["logs"] == waiting
    assert found["contacts"].key == ("id",)
    assert [each.name for each in (estate_folder / "data_map").iterdir()] == ["the crm.yaml"]


def test_accepting_all_takes_every_dataset_of_the_proposal(estate_folder: Path) -> None:
    write_map(estate_folder / "proposals" / "crm.yaml", crm(contacts=dataset(), notes=dataset()))
    approved = accept(Estate.load(estate_folder), "crm", by="dpo", at=NOON)
    assert set(approved.active) == {"contacts", "notes"}


def test_what_cannot_be_accepted_changes_nothing(estate_folder: Path) -> None:
    estate = Estate.load(estate_folder)
    assert proposal(estate, "crm") is None
    with pytest.raises(UsageError, match="no proposal"):
        accept(estate, "crm", by="dpo", at=NOON)
    write_map(estate_folder / "proposals" / "crm.yaml", crm(contacts=dataset()))
    with pytest.raises(UsageError, match="Did you mean `contacts`"):
        accept(estate, "crm", ["contact"], by="dpo", at=NOON)
    with pytest.raises(UsageError, match="does not admit"):
        accept(estate, "crm", by="Anne Dupont", at=NOON)
    (estate_folder / "proposals" / "crm.yaml").write_text("store: crm\n")
    with pytest.raises(DataMapInvalid):
        accept(estate, "crm", by="dpo", at=NOON)
    assert not (estate_folder / "data_map").exists()


# ── writing ──

names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8) | st.sampled_from(
    ["null", "yes", "on", "0", "1.5", "2026-01-01", "*", "a: b", "# c", "", " x "]
)
maps = st.builds(
    StoreMap,
    store=names,
    datasets=st.dictionaries(
        names,
        st.builds(
            DatasetMap,
            source=words,
            controller=names,
            key=st.lists(names, max_size=2).map(tuple),
            where=st.dictionaries(words, st.lists(words | st.integers(0, 9), max_size=2).map(tuple), max_size=2),
            own=st.lists(words, max_size=2).map(tuple),
            subjects=st.lists(
                st.builds(SubjectLink, kind=names, columns=st.lists(words, max_size=2).map(tuple)), max_size=2
            ).map(tuple),
            inherits=st.lists(
                st.builds(Parent, dataset=names, on=st.dictionaries(words, words, max_size=2)), max_size=1
            ).map(tuple),
            events=st.dictionaries(
                words,
                st.builds(
                    EventSource,
                    column=words,
                    null=st.sampled_from(["open", "missing", "absent"]),
                    open_if=st.none() | st.builds(OpenIf, column=words, values=st.tuples(words, st.booleans())),
                ),
                max_size=2,
            ),
            fields=st.dictionaries(
                words,
                st.builds(FieldMap, category=names, options=st.dictionaries(words, words | st.booleans(), max_size=2)),
                max_size=2,
            ),
            statistics=st.lists(st.builds(Statistic, name=words, by=st.tuples(st.builds(Bucket, column=words)))).map(
                lambda found: tuple(found[:1])
            ),
            approved=st.none() | st.just(DPO),
        ),
        max_size=2,
    ),
)


@given(store_map=maps)
@example(crm(contacts=dataset(fields={"tag": FieldMap(category="user", options={":0": "0"})})))
def test_a_written_map_reads_back_as_itself_and_always_as_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, store_map: StoreMap
) -> None:
    from pipelines.data_map.source import read

    path = tmp_path_factory.getbasetemp() / "written.yaml"
    write_map(path, store_map)
    source = read(path, [], path.name)
    assert source is not None
    assert StoreMap.model_validate(source.data) == store_map
    assert path.read_text(encoding="utf-8") == render_map(store_map)


def test_a_written_map_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "data_map" / "crm.yaml"
    write_map(path, crm(contacts=dataset(approved=DPO)))
    assert load_map(path).map == crm(contacts=dataset(approved=DPO))
    assert [each.name for each in path.parent.iterdir()] == ["crm.yaml"]
    assert digest_of_maps([load_map(path).map]) == digest_of_maps([crm(contacts=dataset(approved=DPO))])
