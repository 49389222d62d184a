"""Registered statistics after a run: compared group by group, and no amount of one person is kept or told."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from approving import confirm_maps
from hidden_shop import NOW, Club, club

from pipelines.apply.refresh import measures_file
from pipelines.plan.artefact import Plan
from pipelines.report import write_report
from pipelines.verify.statistics import EQUAL

pytestmark = pytest.mark.slow

ALONE = re.compile(rb"987.{0,3}65[47]")
"""What the only member of a region has paid, however it is grouped."""


@dataclass(frozen=True)
class Verified:
    """A club after a verified run, with one member alone in her region, who is not due."""

    club: Club
    plan: Plan

    def equal(self) -> dict[str, int | None]:
        """How many groups differ, by dataset."""
        return {each.dataset: each.seen for each in self.club.verify(self.plan) if each.expectation == EQUAL}

    def report(self) -> dict[str, str]:
        """Its files by the end of their names."""
        path = write_report(self.club.estate, self.plan.digest, now=NOW).path
        return {each.name.removeprefix(path.stem): each.read_text("utf-8") for each in path.parent.iterdir()}

    def telling(self) -> list[str]:
        """The files of the engine's that hold her amount."""
        files = (each for each in self.club.estate.state.rglob("*") if each.is_file())
        return [each.name for each in files if ALONE.search(each.read_bytes())]


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Verified:
    folder = tmp_path_factory.mktemp("statistics")
    (folder / "club.sqlite").touch()
    made = club(folder / "estate", *(f"sqlite:///{folder / 'club.sqlite'}",) * 3)
    path = made.folder / "data_map" / "club.yaml"
    by_region = "by: [{column: region"
    by_name = path.read_text(encoding="utf-8").replace(by_region, f"subject: [name], {by_region}")
    path.write_text(by_name, encoding="utf-8")
    confirm_maps(made.folder)
    made.join(range(1, 25), region="Nord")
    made.join(range(100, 120), region="Est")  # who are nobody's afterwards, and nobody else is there
    made.join(range(200, 215), left=1, region="Nord")
    made.join(range(300, 301), left=1, region="Sud")
    made.run("UPDATE members SET seen_on = '2026-06-01', cents = 1000 WHERE id >= 200")
    made.run("UPDATE members SET cents = 987654 WHERE id = 300")
    plan = made.plan()
    assert made.apply(plan).complete
    return Verified(made, plan)


def test_a_group_of_one_person_is_compared_and_neither_kept_nor_told(verified: Verified) -> None:
    assert verified.equal() == {"members": 0, "visits": 0}
    files = verified.report()
    assert set(files) == {".html", ".fr.html", ".json"}
    assert verified.telling() == []
    series = next(each for each in json.loads(files[".json"])["statistics"] if each["name"] == "fees")
    assert [cell["label"] for cell in series["cells"]] == ["Est", "Nord", None]
    nobodies, shown, alone = series["cells"]
    assert int(nobodies["before"]) == int(nobodies["both"]) > 0
    assert (nobodies["holds"], nobodies["live"], nobodies["ledger"]) == (True, None, None)
    assert int(shown["before"]) == int(shown["live"]) + int(shown["ledger"]) > 0
    assert (shown["holds"], shown["both"]) == (True, None)
    assert alone == {
        "label": None, "before": None, "live": None, "ledger": None, "holds": True, "pending": False,
        "held_back": False, "few": True, "both": None,
    }  # fmt: skip
    assert not [end for end, text in files.items() if "Sud" in text]

    verified.club.run("UPDATE members SET cents = 987657 WHERE id = 300")
    assert verified.equal() == {"members": 1, "visits": 0}
    files = verified.report()
    assert "not shown: too few persons" in files[".html"]
    assert [cell["holds"] for cell in json.loads(files[".json"])["statistics"][0]["cells"]].count(False) == 1
    assert verified.telling() == []
    verified.club.run("DELETE FROM members WHERE id = 300")
    assert verified.equal() == {"members": 1, "visits": 0}


def test_what_was_not_measured_is_not_said_to_be_what_it_was(verified: Verified) -> None:
    path = measures_file(verified.club.estate, verified.plan.digest, "club")
    assert path.stat().st_mode & 0o777 == 0o600
    path.rename(path.with_suffix(".kept"))
    assert verified.equal() == {"members": None, "visits": None}
    path.with_suffix(".kept").rename(path)
