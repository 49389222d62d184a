"""What `anonymity` may say: every mistake is named with its line, all of them together."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.base import DatasetShape, FieldShape, Inventory, Kind
from pipelines.anonymise.partition import HIERARCHIES, coarser, stays
from pipelines.data_map.loading import load_map
from pipelines.data_map.model import DatasetMap
from pipelines.errors import DataMapInvalid

SHAPE = DatasetShape(
    "members",
    Kind.ROWS,
    (
        FieldShape("id", "INTEGER", False, True),
        FieldShape("email", "VARCHAR(80)", False, True, 80),
        FieldShape("born", "DATE"),
        FieldShape("region", "VARCHAR(20)", False, length=20),
        FieldShape("left_on", "DATE", False),
        FieldShape("cents", "INTEGER"),
        FieldShape("club_id", "INTEGER"),
        FieldShape("badge", "VARCHAR(8)", True, True, 8),
    ),
    ("id",),
)
GOOD: dict[str, Any] = {
    "partition": [{"region": "value", "left_on": "month", "born": "decade"}, {"region": "value", "left_on": "year"}],
    "measures": ["cents"],
    "free": ["badge"],
}


def document(**anonymity: Any) -> dict[str, Any]:
    """A map of members of clubs."""
    approved = {"by": "dpo", "on": "2026-06-01"}
    members = {
        "source": "members", "controller": "CLUB", "key": ["id"], "approved": approved,
        "subjects": [{"kind": "email", "columns": ["email"]}],
        "inherits": [{"dataset": "clubs", "on": {"club_id": "id"}}],
        "events": {"left": {"column": "left_on"}},
        "fields": {"email": {"category": "user.contact.email"}, "born": {"category": "user.demographic.date_of_birth"}},
        "anonymity": {**GOOD, **anonymity},
    }  # fmt: skip
    return {"store": "club", "datasets": {"members": members, "clubs": {"source": "clubs", "controller": "CLUB"}}}


def problems(folder: Path, data: dict[str, Any]) -> list[str]:
    """What loading says, and what holding it against the table adds."""
    path = folder / "club.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    try:
        loaded = load_map(path)
    except DataMapInvalid as error:
        return [each.what for each in error.problems]
    clubs = DatasetShape("clubs", Kind.ROWS, (FieldShape("id", "INTEGER"),), ("id",))
    return [each.what for each in loaded.check_against(Inventory("club", (SHAPE, clubs)))]


def test_a_sensible_declaration_loads(tmp_path: Path) -> None:
    assert problems(tmp_path, document()) == []
    assert problems(tmp_path, document(k=5, signed_off={"by": "dpo", "on": "2026-06-01"})) == []


@pytest.mark.parametrize(
    ("anonymity", "says"),
    [
        ({"k": 4, "signed_off": {"by": "dpo", "on": "2026-06-01"}}, "hides nobody"),
        ({"k": 10}, "for which nobody has signed"),
        ({"partition": []}, "has no level"),
        ({"partition": [{"region": "weekly"}]}, "does not know how to have `region` by `weekly`"),
        ({"partition": [{"left_on": "year"}, {"left_on": "month"}]}, "month, which is not coarser than year"),
        ({"partition": [{}, {"region": "value"}]}, "value, which is not coarser than any"),
        ({"partition": [{"id": "value"}]}, "would change `id`, which is part of the key"),
        ({"partition": [{"club_id": "value"}]}, "would change `club_id`, which leads to the row of the person"),
        ({"measures": ["region"]}, "is in the partition and a measure"),
        ({"free": ["region"]}, "is declared free, and in the partition"),
        ({"free": ["email"]}, "is personal, and declared free"),
        ({"measures": ["born"], "partition": [{}]}, "has a category of its own"),
        ({"subject": "club_id"}, "stays in every row and tells whose it is"),
        ({"link": "cents", "measures": []}, "leads to no parent"),
        ({"link": "club_id"}, "whose rows do not hide among each other"),
        ({"measures": ["nothing"]}, "has no column `nothing`"),
        ({"measures": ["badge"], "free": []}, "no number"),
        ({"partition": [{"badge": "any"}], "free": []}, "no two rows may agree"),
        ({"partition": [{"cents": "month"}], "measures": []}, "only dates have a month"),
    ],
)
def test_every_mistake_is_named(tmp_path: Path, anonymity: dict[str, Any], says: str) -> None:
    assert any(says in each for each in problems(tmp_path, document(**anonymity)))


def test_a_day_on_which_other_records_depend_stays(tmp_path: Path) -> None:
    data = document()
    data["datasets"]["members"]["events"]["left"]["of"] = "subject"
    assert any("tells a day on which other records" in each for each in problems(tmp_path, data))


def test_mistakes_are_reported_together(tmp_path: Path) -> None:
    assert len(problems(tmp_path, document(k=3, free=["email", "region"]))) == 3


def test_levels_are_ordered_as_the_hierarchies_are() -> None:
    for chain in HIERARCHIES:
        for number, fine in enumerate(chain):
            assert [coarse for coarse in chain if coarser(fine, coarse)] == list(chain[number:])
    assert not coarser("month", "department")


def test_what_nobody_spoke_of_stays_and_is_named() -> None:
    dataset = DatasetMap.model_validate(
        document(free=[], measures=[], partition=[{"region": "value"}])["datasets"]["members"]
    )
    assert {each.name for each in stays(dataset, SHAPE)} == {"left_on", "cents", "club_id", "badge", "born"}


def test_each_column_of_a_key_of_several_stays_and_what_chooses_rows_by_several_values() -> None:
    def staying(**changes: Any) -> set[str]:
        data = {**document(free=[], measures=[], partition=[{"region": "value"}])["datasets"]["members"], **changes}
        return {each.name for each in stays(DatasetMap.model_validate(data), SHAPE)}

    always = {"left_on", "cents", "badge", "born"}
    assert staying(key=["club_id", "badge"]) == always | {"club_id"}
    assert staying(key=["club_id"]) == always, "a key of one column says nothing"
    assert staying(where={"club_id": [1, 1]}) == always, "it is the same in all rows"
    assert staying(where={"club_id": [1, 2]}) == always | {"club_id"}
    assert staying(where={"email": ["a", "b"]}) == always | {"club_id"}, "it is replaced"
    free = {**document(measures=[], partition=[{}])["datasets"]["members"]["anonymity"], "free": ["club_id", "badge"]}
    assert staying(key=["club_id", "badge"], anonymity=free) == {"left_on", "cents", "born", "region"}


def test_what_is_of_a_key_of_several_can_be_free_and_is_neither_link_nor_subject(tmp_path: Path) -> None:
    def said(**anonymity: Any) -> list[str]:
        data = document(**{"free": ["badge", "club_id"], **anonymity})
        data["datasets"]["members"]["key"] = ["club_id", "badge"]
        data["datasets"]["clubs"]["anonymity"] = {"k": 11}
        return problems(tmp_path, data)

    assert said() == []
    assert said(subject="club_id") == ["the subject `club_id` of `members` stays in every row and tells whose it is"]
    linked = said(link="club_id", free=["badge"], partition=[{"club_id": "value", "region": "value"}])
    assert linked == ["the link `club_id` of `members` is part of the key, which stays"]


def test_an_amount_with_a_currency_is_no_measure(tmp_path: Path) -> None:
    """PostgreSQL computes no mean of it."""
    dearer = dataclasses.replace(SHAPE, fields=(*SHAPE.fields, FieldShape("fee", "MONEY")))
    path = tmp_path / "club.yaml"
    path.write_text(yaml.safe_dump(document(measures=["fee"])), encoding="utf-8")
    clubs = DatasetShape("clubs", Kind.ROWS, (FieldShape("id", "INTEGER"),), ("id",))
    (problem,) = load_map(path).check_against(Inventory("club", (dearer, clubs)))
    assert problem.what == "`fee` of `members` is MONEY, no number"


def test_a_map_without_it_is_the_same_document_as_before(tmp_path: Path) -> None:
    from pipelines.data_map.loading import approved_document

    data = document()
    del data["datasets"]["members"]["anonymity"]
    path = tmp_path / "club.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert "anonymity" not in approved_document(load_map(path).map)["members"]


TENANT = {"where": {"tenant": ["ours"]}}


@pytest.mark.parametrize(
    ("on", "clubs", "members", "refused"),
    [
        ({"club_id": "id"}, {"key": ["id"]}, {}, False),
        ({"club_id": "id"}, {"key": ["tenant", "id"]}, {}, True),
        ({"club_id": "id", "tenant": "tenant"}, {"key": ["tenant", "id"]}, {}, True),
        ({"club_id": "id", "tenant": "tenant"}, {"key": ["tenant", "id"], **TENANT}, {}, True),
        ({"club_id": "id", "tenant": "tenant"}, {"key": ["tenant", "id"], **TENANT}, TENANT, False),
        ({"club_id": "id", "tenant": "tenant"}, {"key": ["id"], **TENANT}, {"where": {"tenant": ["theirs"]}}, True),
    ],
)
def test_a_link_is_turned_by_itself_and_so_has_to_tell_by_itself_where_it_leads(
    tmp_path: Path, on: dict[str, str], clubs: dict[str, Any], members: dict[str, Any], refused: bool
) -> None:
    data = document(link="club_id", partition=[{"club_id": "value", "region": "value"}])
    data["datasets"]["clubs"] |= {"anonymity": {"partition": [{}]}, **clubs}
    data["datasets"]["members"] |= {"inherits": [{"dataset": "clubs", "on": on}], **members}
    said = [each for each in problems(tmp_path, data) if "does not tell by itself to which row of `clubs`" in each]
    assert bool(said) == refused
