"""Canaries are found in whatever form they stand, and nothing else is taken for one."""

from __future__ import annotations

import base64
import quopri
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.canaries import Canaries, encodings

_VALUE = "Zéphyrinbcdfghjk"


@given(before=st.binary(max_size=40), after=st.binary(max_size=40))
def test_found_in_base64_wherever_it_stands(before: bytes, after: bytes) -> None:
    canaries = Canaries((_VALUE,))
    assert canaries.in_bytes(base64.b64encode(before + _VALUE.encode() + after))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "latin-1"])
def test_found_in_any_encoding(encoding: str) -> None:
    assert Canaries((_VALUE,)).in_bytes(f"x {_VALUE} y".encode(encoding))


def test_found_in_quoted_printable_across_a_soft_break() -> None:
    text = quopri.encodestring(("très " * 13 + _VALUE).encode())
    assert b"=\n" in text
    assert Canaries((_VALUE,)).in_bytes(text)


def test_found_across_the_fold_of_a_calendar() -> None:
    assert Canaries(("Quxyzzyplugh",)).in_bytes(b"SUMMARY:Meeting with Quxy\r\n zzyplugh\r\n")


@given(st.binary(max_size=2000))
def test_nothing_else_is_found(content: bytes) -> None:
    assert not Canaries((_VALUE,)).in_bytes(content)


@given(
    st.lists(st.text("aé \n=", min_size=1, max_size=9), min_size=1, max_size=4),
    st.lists(st.one_of(st.integers(0, 3), st.binary(max_size=5)), max_size=8),
)
def test_what_is_found_is_what_a_search_for_one_form_after_the_other_finds(
    values: list[str], parts: list[int | bytes]
) -> None:
    forms = {form.lower() for value in values for form in encodings(value)}
    planted = [part if isinstance(part, bytes) else values[part % len(values)].encode() for part in parts]
    content = b"".join(planted).replace(b"\n", b"")
    assert Canaries(tuple(values)).in_bytes(content) == sum(form in content.lower() for form in forms)


def test_files_are_searched_by_content_and_by_name(tmp_path: Path) -> None:
    canaries = Canaries(("quxyzzyplugh",))
    (tmp_path / "one.txt").write_text("nothing")
    (tmp_path / "two.txt").write_text("QUXYZZYPLUGH")
    (tmp_path / "quxyzzyplugh.txt").write_text("")
    hits = canaries.search_files(tmp_path)
    assert {hit.place for hit in hits} == {"two.txt", "a file with a canary in its name"}
    assert not canaries.search_files(tmp_path, exclude=[tmp_path])


def test_the_values_are_not_printed() -> None:
    assert _VALUE not in repr(Canaries((_VALUE,)))
