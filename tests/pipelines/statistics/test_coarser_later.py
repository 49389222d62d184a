"""Who was overwritten stays nobody in a statistic while a later step makes coarser what was left of the category."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from approving import confirm_maps
from hidden_shop import POLICY, TABLE, Club, club_in

from pipelines.progress import silent
from pipelines.verify import verify

pytestmark = pytest.mark.slow

LATER = dt.datetime(2028, 6, 30, 8, tzinfo=dt.UTC)
CONTACT = "  contact: {basis: contract, source: §3, keeps: [user.contact], after: seen, for: 1 year, then: anonymise}"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    """Members whose addresses, not unique, go with the year of birth; their names, and the rest of it, go later."""
    made = club_in(request.param, request, tmp_path)
    policy, data_map = made.folder / "policies" / "club.yaml", made.folder / "data_map" / "club.yaml"
    apart = POLICY.replace("keeps: [user]", "keeps: [user.name]").replace("purposes:", f"purposes:\n{CONTACT}")
    policy.write_text(apart, encoding="utf-8")
    text = data_map.read_text(encoding="utf-8")
    born = text.replace("user.demographic.date_of_birth, technique: decade", "user.contact.email, technique: year")
    data_map.write_text(born[: born.index("  visits:")], encoding="utf-8")
    made.run("DROP TABLE visits")
    made.run("DROP TABLE members")
    made.run(TABLE.replace("NOT NULL UNIQUE", "NOT NULL"))
    confirm_maps(made.folder)
    return made


def test_live_and_ledger_are_what_they_were_when_the_rest_gets_coarser(store: Club) -> None:
    store.join(range(1, 60), left=2, region="Nord")
    plan = store.plan()
    assert store.apply(plan).complete
    assert [each for each in store.verify(plan) if not each.passed] == []
    later = store.plan(LATER)
    assert {category for step in later.steps for category in step.categories} == {"user.name"}
    assert store.apply(later, now=LATER, today=LATER.date()).complete
    assert {f"{row['born']:%m-%d}" for row in store.rows() if row["born"]} <= {"01-01"}
    findings = verify(store.estate, later.digest, now=LATER, today=LATER.date(), progress=silent)
    assert [each for each in findings if not each.passed] == []
