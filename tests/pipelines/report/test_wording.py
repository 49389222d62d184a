"""The words of the pages: every message is translated, and what other rooms say is known by pattern."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal
from importlib import resources
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.checkers import checkers
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import pipelines.report
from pipelines.counted import counted
from pipelines.report.sentences import SENTENCES
from pipelines.report.wording import COUNT, Wording, pattern_of
from retention_rules.policy_table import Language

FRENCH, ENGLISH = Wording(Language.FRENCH), Wording(Language.ENGLISH)
PIPELINES = Path(pipelines.report.__file__).parents[1]
SINGLE = re.compile(r"\S [:;?!»]|« ")
"""Before a colon French puts a space at which no line breaks."""


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    text = resources.files("pipelines.report").joinpath("locale/fr.po").read_text(encoding="utf-8")
    return read_po(io.StringIO(text), locale="fr")


def spoken() -> set[str]:
    """Every message that templates and modules say, a plural by its singular."""
    methods = [("**/templates/**.j2", "jinja2"), ("report/**.py", "python"), ("simulate/page.py", "python")]
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "NN_": (1, 2)}
    options = {"**/templates/**.j2": {"trimmed": "true", "silent": "false"}}
    found = extract_from_dir(PIPELINES, methods, options, keywords=keywords)  # type: ignore[arg-type]
    return {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}


def test_every_message_is_in_the_catalogue_and_nothing_else(catalogue: Catalog) -> None:
    known = {each.id[0] if isinstance(each.id, tuple) else each.id for each in catalogue if each.id}
    assert spoken() - known == set(), "translate these in locale/fr.po"
    assert known - spoken() == set(), "nobody says these any more: take them out of locale/fr.po"


def test_every_message_is_translated_with_the_same_fields(catalogue: Catalog) -> None:
    for message in catalogue:
        if message.id:
            assert not message.fuzzy, message.id
            assert all(message.string if isinstance(message.string, tuple) else [message.string]), message.id
            for check in checkers:
                check(catalogue, message)


def test_french_typography(catalogue: Catalog) -> None:
    for message in catalogue:
        for text in message.string if isinstance(message.string, tuple) else [message.string]:
            if message.id:
                assert "'" not in text, text
                assert not SINGLE.search(re.sub("`[^`]+`", "", text)), text


@pytest.mark.parametrize(
    "message", [form for each in SENTENCES for form in ([each] if isinstance(each, str) else each)]
)
def test_a_sentence_of_another_room_is_known_with_anything_in_its_fields(message: str) -> None:
    fields = re.findall(r"{(\w+)}", message)
    assert len(fields) == len(set(fields))
    filled = {name: f"x{number}.y" for number, name in enumerate(fields)}
    filled |= {name: "the store went down" for name in fields if name == "reason"}
    filled |= {name: "`a` is new, and no scan has looked at it" for name in fields if name == "several"}
    filled |= {name: "7" for name in fields if name == COUNT}
    sentence = message.format_map(filled)
    assert pattern_of(message).fullmatch(sentence)
    told = FRENCH.said(sentence)
    assert told is not None
    assert all(value in told for name, value in filled.items() if name not in {"reason", "several"})
    assert FRENCH.said(f"{sentence}.") == f"{told}."
    assert ENGLISH.said(sentence) == sentence


def test_a_sentence_within_another_is_translated_too() -> None:
    told = FRENCH.said("crm.contacts could not tell `seen` (the store went down): what depends on it is undetermined")
    assert told is not None
    assert "le système est tombé" in told


def test_what_another_room_has_counted_is_told_in_the_form_of_its_count() -> None:
    one = FRENCH.said(counted(1, "{n} record is due, the limit is 0", "{n} records are due, the limit is 0"))
    assert one == "1 enregistrement est échu, la limite est de 0"
    several = FRENCH.said("12,345 of 20,000 records are due, the limit is 50%")
    narrow, wide = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
    assert several == f"12{narrow}345 enregistrements sur 20{narrow}000 sont échus, la limite est de 50{wide}%"
    told = FRENCH.said("the as-of date 2026-07-01 lies in the future")
    assert told is not None
    assert "1 juillet 2026" in told


def test_an_english_sentence_counts_one_as_one() -> None:
    assert [counted(n, "{n} row of {x}", "{n} rows of {x}") for n in (0, 1, 1234)] == [
        "0 rows of {x}", "1 row of {x}", "1,234 rows of {x}",
    ]  # fmt: skip


def test_several_sentences_are_known_together_or_not_at_all() -> None:
    known = "Look, then raise the limit"
    assert FRENCH.said(f"{known}. {known}.") == "Examiner, puis relever la limite. Examiner, puis relever la limite."
    two = FRENCH.said("`a` is new, and no scan has looked at it; `b` is new, and no scan has looked at it. " + known)
    assert "\N{NARROW NO-BREAK SPACE}; " in str(two)
    assert FRENCH.said(f"{known}. Nobody knows this.") is None
    assert FRENCH.said("Nobody knows this") is None


@pytest.mark.parametrize(
    "said",
    [
        "club.visits: 5 rows will lead to anonymised records of members. Map it, with `anonymity` and its `link`",
        (
            "club.visits: 5 rows will lead to anonymised records of members, 2 of them with personal fields that are "
            "kept for longer. Let what keeps them end with the record, or know that the record is theirs until then"
        ),
    ],
)
def test_no_field_takes_the_next_sentence_for_a_part_of_it(said: str) -> None:
    told = FRENCH.said(said)
    assert told is not None
    assert not re.search(r"\b(with|the|it|of)\b", told), told


def test_numbers_and_dates_are_those_of_the_country() -> None:
    assert ENGLISH.number(1234567) == "1,234,567"
    assert FRENCH.number(1234567) == "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567"
    assert FRENCH.number(Decimal("1234.50")) == "1\N{NARROW NO-BREAK SPACE}234,5"
    assert ENGLISH.day(dt.date(2026, 6, 1)) == "1 June 2026"
    assert FRENCH.short_day(dt.date(2026, 2, 1)) == "1 févr. 2026"
    zone = dt.timezone(dt.timedelta(hours=2))
    assert FRENCH.instant(dt.datetime(2026, 6, 30, 1, 5, tzinfo=zone)) == "29 juin 2026, 23:05 UTC"
