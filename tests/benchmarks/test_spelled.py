"""What a list of candidates is held against: a trace of one of them is found however it is written."""

from __future__ import annotations

import base64
from urllib.parse import quote

import numpy as np
import pytest

from benchmarks.attack.leftovers import Candidates, revealed
from benchmarks.attack.persons import named
from benchmarks.attack.spelled import Texts
from pipelines.anonymise.replacement import Draw
from pipelines.verify.inventable import inventable

NAME, EMAIL, PHONE = "Zéphyrine Quillfeather", "z.quillfeather@acme.example", "+33 6 12345678"
LISTED = [*named(2_000).itertuples(index=False, name=None), (NAME, EMAIL, PHONE)]
OF_EMAIL = [
    f"mailto:{EMAIL}", f"[{EMAIL}]", f"user={EMAIL}", f"Write to {EMAIL}.", f"<{EMAIL.upper()}>", f"x{EMAIL}x",
    f'{{"said": "line\\n{EMAIL}"}}', quote(f"https://x.example/?to={EMAIL}", safe=""), EMAIL.encode().hex(),
    EMAIL.replace("@", "=\r\n@"), EMAIL.replace("@", "@\r\n "),
]  # fmt: skip
OF_PHONE = [
    "+33 6 12345678", "+33612345678", "+33 6 12 34 56 78", "0033 6.12.34.56.78", "06 12 34 56 78", "06-12-34-56-78",
    "tel:+33(0)612345678", "call 06 12 34 56 78 on 2 May", "06/12/34/56/78.",
]  # fmt: skip
OF_NAME = [
    "met Zéphyrine Quillfeather yesterday", "QUILLFEATHER Zéphyrine", "Quillfeather, Zephyrine",
    "zephyrine.quillfeather", '"Z\\u00e9phyrine Quillfeather"', "Zéphyrine\nQuillfeather's",
]  # fmt: skip
NOTHING = [
    "", "short", "a.quillfeather@acme.example", "Zéphyrine Quill", "Zéphyrine Quillfeathers",
    "Mazéphyrine Quillfeather", "906 12 34 56 78", "06 12 34 56 789", "2026-06-12 34:56:78", "06 12 34 56",
    base64.b64encode(b"+33 6 12345679").decode(), base64.b64encode("Zéphyrine Quillfeat".encode()).decode(),
]  # fmt: skip


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts.of(LISTED)


@pytest.mark.parametrize("text", [*OF_EMAIL, *OF_PHONE, *OF_NAME])
@pytest.mark.parametrize("before", ["", "of nobody: \x1f", "\xff\x00"])
def test_a_candidate_is_found_in_whatever_way_she_is_written(texts: Texts, text: str, before: str) -> None:
    assert texts.found(before.encode("latin-1") + text.encode())


@pytest.mark.parametrize("value", [NAME, EMAIL, PHONE, EMAIL.upper()])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_in_two_bytes_a_letter_too(texts: Texts, value: str, encoding: str) -> None:
    assert texts.found(f"of {value} it is said".encode(encoding))


@pytest.mark.parametrize("value", [NAME, EMAIL, PHONE])
@pytest.mark.parametrize("before", ["", "-", "a "])
def test_within_base64_wherever_it_begins(texts: Texts, value: str, before: str) -> None:
    assert texts.found(base64.b64encode(f"{before}{value} said".encode()))


def test_within_base64_that_goes_on_in_the_next_line(texts: Texts) -> None:
    for blanks in range(57):
        assert texts.found(base64.encodebytes(f"{' ' * blanks}{EMAIL} said".encode()))


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_of_somebody_else_is_not_found(texts: Texts, text: str) -> None:
    assert texts.found(text.encode()) == set()


def test_all_who_are_there_are_found_in_a_long_text(texts: Texts) -> None:
    there = [email for _, email, _ in LISTED[::3]]
    assert texts.found(" and\n".join(there).encode()) >= {each.encode() for each in there}


def test_it_is_told_where_candidates_stand(texts: Texts) -> None:
    candidates = Candidates(np.array([1], dtype=np.uint64), texts)
    places = [("log", f"[{EMAIL}] {PHONE}, {EMAIL}".encode()), ("table", b"nobody, 06 00 00 00 00")]
    assert revealed(candidates, places) == {"log": 2}


def test_no_name_of_the_list_is_one_that_the_engine_may_invent() -> None:
    assert not [name for name, *_ in LISTED if inventable(Draw("name"), name)]
