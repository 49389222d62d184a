"""R45: a new store, category or rule is inactive until a person has approved it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Ran, inside
from estates import SmallEstate, small_estate

pytestmark = pytest.mark.slow

NEW = """
  visits:
    {source: web_logs, controller: JULIEN, tenant: julien, key: [id], where: {tenant: [julien]},
     events: {created: {column: at}}, fields: {ip: {category: technical.ip}}, approved: {by: intern, on: 2026-06-01}}
"""


@pytest.fixture
def small(tmp_path: Path) -> SmallEstate:
    return small_estate(tmp_path / "estate")


def types(small: SmallEstate, *words: str, expect: int | None = 0) -> Ran:
    return inside(*words, cwd=small.folder, expect=expect)


def plan(small: SmallEstate) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(types(small, "plan", "--json").out)
    return found


def edit(small: SmallEstate, file: str, before: str, after: str) -> None:
    path = small.folder / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def datasets(found: dict[str, Any]) -> set[str]:
    return {f"{each['store']}.{each['dataset']}" for each in found["tallies"]}


def test_r45_a_dataset_added_by_hand_is_inactive_until_it_is_confirmed(small: SmallEstate) -> None:
    path = small.folder / "data_map" / "crm.yaml"
    path.write_text(path.read_text().rstrip() + NEW)

    before = plan(small)
    types(small, "review", "crm", "--confirm", "visits", "--by", "dpo")
    after = plan(small)

    assert datasets(after) - datasets(before) == {"crm.visits"}
    assert any("crm.visits is not in the ledger as approved: it does not act" in each for each in before["warnings"])
    assert not any("visits" in each for each in after["warnings"])


def test_r45_a_category_changed_by_hand_makes_its_dataset_inactive_until_it_is_confirmed(small: SmallEstate) -> None:
    logs = len(small.rows("crm", "web_logs"))
    edit(small, "data_map/crm.yaml", "cents: {category: none}", "cents: {category: technical.cents}")

    changed = plan(small)
    types(small, "approve", changed["digest"], "--by", "dpo")
    types(small, "apply", changed["digest"])

    assert "crm.web_logs" not in datasets(changed)
    said = next(each for each in changed["warnings"] if "web_logs" in each)
    assert "has changed since it was approved: it does not act" in said
    assert "`ardoise review crm --confirm web_logs`" in said
    assert len(small.rows("crm", "web_logs")) == logs
    types(small, "review", "crm", "--confirm", "web_logs", "--by", "dpo")
    assert "crm.web_logs" in datasets(plan(small))


def test_r45_a_plan_made_before_the_edit_is_not_carried_out(small: SmallEstate) -> None:
    digest = plan(small)["digest"]
    types(small, "approve", digest, "--by", "dpo")
    edit(small, "data_map/crm.yaml", "cents: {category: none}", "cents: {category: technical.cents}")

    refused = types(small, "apply", digest, expect=4)

    assert "a data map has changed since the plan was made" in refused.words


def test_r45_what_does_not_act_is_named_where_the_policy_misses_it(small: SmallEstate) -> None:
    edit(small, "data_map/billing.yaml", "number: {category: contract.evidence}", "number: {category: contract}")

    refused = types(small, "plan", expect=3)

    assert "data_map/billing.yaml" in refused.err
    assert "the mapping of billing.contracts has changed since it was approved" in refused.words


def test_r45_the_review_shows_what_was_changed_by_hand(small: SmallEstate) -> None:
    edit(small, "data_map/crm.yaml", "cents: {category: none}", "cents: {category: technical.cents}")

    assert "the mapping of crm.web_logs has changed since it was approved" in types(small, "review", "crm").words
    types(small, "review", "crm", "--confirm", "all", "--by", "dpo")
    assert "has changed" not in types(small, "review", "crm").words


def test_r45_an_approval_names_its_store_and_is_of_the_proposal_or_of_the_map(small: SmallEstate) -> None:
    assert "an approval needs a store" in types(small, "review", "--confirm", "all", expect=2).words
    both = types(small, "review", "crm", "--confirm", "all", "--accept", "all", expect=2)
    assert "Do one of them" in both.words


def test_r43_and_r45_a_changed_rule_needs_a_new_plan_and_a_new_approval(small: SmallEstate) -> None:
    standing = ("approve", "--standing", "--by", "dpo", "--max-count", "1000", "--max-share", "1")
    types(small, *standing)
    first = plan(small)["digest"]
    edit(small, "policies/small.yaml", "for: 1 year", "for: 2 years")

    changed = types(small, "apply", first, expect=4)
    second = plan(small)["digest"]
    unapproved = types(small, "apply", second, expect=4)

    assert "the policy of JULIEN has changed since the plan was made" in changed.words
    assert "is for another version of the policy" in unapproved.words
    types(small, *standing)
    types(small, "apply", second)
    years = {row["at"][:4] for row in small.rows("crm", "web_logs") if row["tenant"] == "julien"}
    assert years == {"2024", "2026"} if dt.date.today() < dt.date(2026, 2, 11) else {"2026"}  # noqa: DTZ011
