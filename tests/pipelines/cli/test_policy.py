"""`ardoise policy lint`, `explain` and `schema`, as typed; and the page of documentation about policies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import inside
from documentation import blocks

from pipelines.data_map.model import DatasetMap
from retention_rules.loading import load_policy
from retention_rules.schema import text_of

PAGE = "docs/policies.md"
TOML = """
[estate]
name = "Club"
[controllers.CLUB]
policy = "club"
role = "processor"
[stores.main]
kind = "sql"
read = "sqlite:///club.sqlite"
"""
MAP = """
store: main
datasets:
  letters:
    source: letters
    controller: CLUB
    tenant: north
    key: [id]
    facts: {contract: {column: agreement}}
    events:
      last_letter: {column: at}
      membership_end: {column: left_on, null: open}
    fields:
      body: {category: correspondence}
    approved: {by: dpo, on: 2026-06-01}
"""
POLICY, ENDED, TERMS, ROLLED = (block.text for block in blocks(PAGE, "yaml"))


@pytest.fixture
def club(tmp_path: Path) -> Path:
    """The estate of the documentation's club."""
    files = {"ardoise.toml": TOML, "data_map/main.yaml": MAP, "policies/club.yaml": POLICY, "terms/north.yaml": TERMS}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_documented_policy_and_terms_are_in_order_on_an_estate(club: Path) -> None:
    ran = inside("policy", "lint", cwd=club)

    assert ran.out.strip().splitlines()[-1].startswith("0 errors,")
    assert "`follow_up` keeps user.contact, user.name, which no dataset holds" in ran.words
    follow_up = 1 + POLICY.splitlines().index("  follow_up:")
    assert f"policies/club.yaml:{follow_up}: warning: `follow_up` keeps" in ran.out
    assert inside("check", cwd=club).code == 0


def test_the_documented_ends_by_request_are_what_the_page_says(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(ENDED, encoding="utf-8")
    ended_by = {each.name: each.ended_by for each in load_policy(path).purposes}
    assert ended_by == {"follow_up": "objection", "newsletter": "newsletter_off"}


def test_the_documented_event_is_one() -> None:
    (event,) = DatasetMap.model_validate({"source": "a", "controller": "C", **_events(ROLLED)}).events.values()
    assert event.rolls_to_end_of == 6


def test_every_problem_of_an_estate_comes_at_once_with_its_file_and_line(club: Path) -> None:
    policy, data_map = club / "policies" / "club.yaml", club / "data_map" / "main.yaml"
    policy.write_text(policy.read_text().replace("source: Statutes of the club, §6", "source:"))
    data_map.write_text(data_map.read_text().replace("{contract: {column: agreement}}", "{}"))
    broken = inside("policy", "lint", cwd=club, expect=3)
    line = 1 + policy.read_text().splitlines().index("    source:")
    assert f"policies/club.yaml:{line}: error: purpose `letters`: `source`: a text is expected" in broken.out

    policy.write_text(POLICY)
    data_map.write_text(data_map.read_text().replace("last_letter: {column: at}", ""))
    misfit = inside("policy", "lint", cwd=club, expect=3)
    assert "error: no dataset supplies the event `last_letter`" in misfit.out
    assert "error: `main.letters` does not say under which contract a record is" in misfit.out
    assert misfit.out.strip().splitlines()[-1].startswith("2 errors,")


def test_a_file_and_a_pack_are_linted_by_themselves_anywhere(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(POLICY.replace("after: last_letter", "after: lst_letter"))

    found = inside("policy", "lint", "mine.yaml", "law_fr", "julien", cwd=tmp_path, expect=3)

    assert "mine.yaml:" in found.out
    assert "error: there is no event `lst_letter`. Did you mean `last_letter`?" in found.out
    assert found.out.endswith("1 error, 0 warnings.\n")
    assert inside("policy", "lint", "julie_desk", "jenji", cwd=tmp_path).out == "0 errors, 0 warnings.\n"


def test_a_consent_whose_proof_lapses_first_is_a_warning(tmp_path: Path) -> None:
    purposes = (
        "  mailing: {basis: consent, source: §1, keeps: [user], after: given, for: 3 years, then: delete}\n"
        "  proof: {basis: legal_claim, source: §2, keeps: [consent.proof], after: given, for: 1 year, then: delete}\n"
    )
    head = "policy: p\ncontroller: P\ntime_zone: UTC\ncategories: {consent: Consents}\nevents: {given: point}\n"
    (tmp_path / "p.yaml").write_text(f"{head}purposes:\n{purposes}")

    ran = inside("policy", "lint", "p.yaml", cwd=tmp_path)

    assert "p.yaml:7: warning: the proof of consent may lapse before `mailing`" in ran.out


def test_a_policy_is_explained_with_its_figures_sources_and_role(club: Path) -> None:
    said = inside("policy", "explain", "CLUB", cwd=club).words

    for words in (
        "letters (legitimate interest) starting point: last letter",
        "period: 18 months if contract N-17 of north; 2 years if north",
        "source: Statutes of the club, §5",
        "member: membership_end is open",
        "memory: How long letters are kept; between 1 year and 5 years",
        "CLUB: processor",
    ):
        assert words in said, said


def test_the_explanation_is_a_page_in_either_language_and_data_for_programs(tmp_path: Path) -> None:
    markdown = inside("policy", "explain", "julien", "--format", "markdown", "--language", "fr", cwd=tmp_path).out
    assert "| catégorie | finalité | base légale | point de départ | durée | seulement si | puis | source |" in markdown
    assert "| invoice | billing | contrat |" in markdown
    html = inside("policy", "explain", "julien", "--format", "html", cwd=tmp_path).out
    assert html.startswith("<!doctype html>")
    assert "<td>contract_amount &gt;= 120</td>" in html
    data = json.loads(inside("policy", "explain", "julien", "--format", "json", cwd=tmp_path).out)
    names = {purpose.name for purpose in load_policy("julien").purposes}
    assert {line["purpose"] for line in data["lines"]} == names


@pytest.mark.parametrize("kind", ["policy", "terms"])
def test_the_schema_is_printed(kind: str, tmp_path: Path) -> None:
    assert inside("policy", "schema", kind, cwd=tmp_path).out == text_of(kind)


def test_an_unknown_policy_is_named_with_what_is_close(tmp_path: Path) -> None:
    ran = inside("policy", "explain", "julian", cwd=tmp_path, expect=3)

    assert "there is no policy `julian`. Did you mean `julien`?" in ran.words


def _events(text: str) -> dict[str, object]:
    from ruamel.yaml import YAML

    found: dict[str, object] = YAML(typ="safe", pure=True).load(text)
    return found
