"""What counts as a contact of whom: the labelled cases, read by the connectors, met by the store's own digests."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from documentation import ROOT
from matching_cases import Case, Finding, cases, confusion, findings

from connectors.imap.dates import AHEAD, BEHIND
from connectors.imap.envelope import envelope
from connectors.imap.origin import RULES
from connectors.participants import Contact

CASES = {case.id: case for case in cases()}
ARRIVED = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)
SAFE = {"strong", "weak", "open", "open_weak", "missing", "missing_weak", "unknown"}
"""What keeps a record or leaves it undetermined; with `none` it may become due."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Finding]:
    return findings(list(CASES.values()), tmp_path_factory.mktemp("matching"))


def wrong(found: Mapping[str, Finding], aspect: str) -> list[str]:
    return [
        f"{case.id} ({case.why}): expected {getattr(case, aspect)}, found {getattr(found[case.id], aspect)}"
        for case in CASES.values()
        if getattr(found[case.id], aspect) != getattr(case, aspect)
    ]


def test_there_are_cases_enough_in_both_languages() -> None:
    assert len(CASES) >= 300
    text = " ".join(str(case.given.get("mail")) for case in CASES.values())
    assert all(
        each in text for each in ("Réponse automatique", "Automatic reply", "Non remis", "Undeliverable", "Lu :")
    )


def test_no_living_contact_is_missed(found: Mapping[str, Finding]) -> None:
    missed = [case.id for case in CASES.values() if case.counts in SAFE and found[case.id].counts not in SAFE]
    assert missed == []


def test_no_machine_or_stranger_counts_for_sure(found: Mapping[str, Finding]) -> None:
    sure = [case.id for case in CASES.values() if case.counts == "none" and found[case.id].counts != "none"]
    assert sure == []


def test_every_case_counts_as_a_person_says(found: Mapping[str, Finding]) -> None:
    pairs = [(case.counts, found[case.id].counts) for case in CASES.values()]
    differing = wrong(found, "counts")
    assert differing == [], "\n" + confusion(pairs)


def test_every_case_concerns_whom_a_person_says(found: Mapping[str, Finding]) -> None:
    pairs = [(case.concerns, found[case.id].concerns) for case in CASES.values()]
    differing = wrong(found, "concerns")
    assert differing == [], "\n" + confusion(pairs)


def test_what_counts_counts_on_its_day(found: Mapping[str, Finding]) -> None:
    dated = {each: case for each, case in CASES.items() if "day" in case.given}
    assert len(dated) > 20
    assert {each: found[each].day for each in dated} == {each: case.given["day"] for each, case in dated.items()}


@pytest.mark.parametrize("case", [CASES["machines 1"], CASES["lists 10"], CASES["people 27"]], ids=lambda case: case.id)
def test_a_header_is_read_alike_whatever_its_line_ends_and_order(case: Case) -> None:
    header = str(case.given["mail"]) + "\nDate: Fri, 01 Mar 2024 10:00:00 +0100"
    spelled = [header, header.replace("\n", "\r\n"), "\n".join(reversed(header.split("\n"))), header.replace(": ", ":")]
    seen = [envelope(each.encode() + b"\n\n", ARRIVED) for each in spelled]
    assert len({each.automatic for each in seen}) == 1
    assert len({frozenset(tuple(person.values()) for person in each.participants) for each in seen}) == 1


def test_foreign_lists_and_newsletters_never_count_for_sure(foreign_data: Path) -> None:
    marks = (b"\nlist-unsubscribe:", b"\nlist-id:", b"\nlist-post:", b"\nprecedence: bulk", b"\nprecedence: list",
             b"\nmailing-list:", b"\nx-mailman-version:")  # fmt: skip
    marked, counted = 0, []
    for file in sorted((foreign_data / "spamassassin").iterdir()):
        header = file.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        told = envelope(header + b"\n\n", ARRIVED)
        if any(mark in header.lower() for mark in marks):
            marked += 1
            strong = [
                each for each in told.participants if each["role"] == "from" and each["contact"] == Contact.STRONG
            ]
            counted += [file.name] if strong and not told.automatic else []
    assert marked >= 10
    assert counted == []


def test_foreign_letters_of_persons_are_not_lost(foreign_data: Path) -> None:
    """Who wrote is found wherever a From names an address, and is a machine only where a rule says so."""
    for file in sorted((foreign_data / "spamassassin").iterdir()):
        header = file.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        told = envelope(header + b"\n\n", ARRIVED)
        authors = [each for each in told.participants if each["role"] == "from"]
        assert not any(each["contact"] == Contact.NONE for each in authors) or told.rules, file.name


def test_the_page_for_officers_names_every_rule_and_holds_what_it_promises() -> None:
    page = " ".join((ROOT / "docs" / "matching.md").read_text(encoding="utf-8").replace("\n", " ").split())
    assert [rule.name for rule in RULES if rule.name.replace(",", "") not in page] == []
    days = {7: "seven", 1: "one"}
    assert f"at most {days[BEHIND.days]} days before the delivery" in page
    assert f"at most {days[AHEAD.days]} day after" in page
    assert len(CASES) > int(re.findall(r"over (\d+) labelled", page)[0])


def test_every_rule_decides_some_case() -> None:
    held = {
        name for case in CASES.values() if case.store == "mail" for name in envelope(case.content, case.arrived).rules
    }
    assert {rule.name for rule in RULES} - held == set()
