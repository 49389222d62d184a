"""Texts as blocks: quoting is taken off, what is repeated is the same block, and places lead back to the text."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from pipelines.classify.text_blocks import LONGEST, blocks
from pipelines.classify.text_parts import for_models, parts_to_read, sentences_around

LETTER = "Bonjour,\n\nMadame Garnier a rappelé.\n-- \nPaul Martin\nAcme"


def test_a_quoted_letter_is_the_block_that_it_was() -> None:
    own = {each.text for each in blocks(LETTER)}
    quoted = "\n".join(f"> {line}" for line in LETTER.splitlines())
    answer = [each.text for each in blocks(f"Merci !\n\nLe 3 mai, Paul a écrit :\n{quoted}\n")]
    assert own <= set(answer)


def test_a_signature_is_a_block_of_its_own() -> None:
    assert [each.text for each in blocks(LETTER)][-1] == "-- \nPaul Martin\nAcme"


pieces = st.sampled_from(
    [
        *"ab >|\n-\r_é.&;#", "&eacute;", "&nbsp;", "&#233;", "&#xe9;", "&#10;", "&lt;", "&amp;", "&no;",
        "e\u0301", "\u00ad", "&shy;", "&#8203;",
    ]
)  # fmt: skip


@given(st.lists(pieces, max_size=60).map("".join))
def test_every_place_of_a_block_leads_to_the_same_letter_of_the_text(text: str) -> None:
    for block in blocks(text):
        before = 0
        for position, letter in enumerate(block.text):
            if letter == "\n":
                continue
            start, end = block.place(position, position + 1)
            assert letter in {unicodedata.normalize("NFC", html.unescape(text[start:end])), " "}
            assert letter != " " or text[start:end].isspace() or text[start] == "&"
            assert before <= start < end
            before = end


def test_characters_are_what_they_stand_for() -> None:
    (block,) = blocks("Andr&eacute;&nbsp;Le&#xA0;Goff AT&amp;T L\u00e9&shy;a Rene\u0301")
    assert block.text == "André Le Goff AT&T Léa René"
    assert block.place(0, 13) == (0, 30)
    assert block.coded
    assert [each.coded for each in blocks("André & Léa")] == [False]


@given(st.integers(LONGEST - 120, LONGEST + 20), st.booleans())
def test_what_a_cut_in_a_long_line_divides_stands_whole_in_the_next_piece(at: int, spaces: bool) -> None:
    name = "Fran&ccedil;ois B&eacute;langer"
    filling = "nous avons bien reçu " * 300 if spaces else "x" * 6_000
    text = f"{filling[:at]} {name} {filling[at:]}"
    found = {text[start:end] for start, end in _places(text, "François Bélanger")}
    assert found == {name}


def _places(text: str, words: str) -> Iterator[tuple[int, int]]:
    for block in blocks(text):
        at = block.text.find(words)
        if at >= 0:
            yield block.place(at, at + len(words))


def test_sentences_that_can_name_nobody_are_not_read() -> None:
    dull = "We will look into it as soon as we can and let you know. " * 4
    text = f"{dull}Call Mary tomorrow."
    assert [text[start:end].strip() for start, end in parts_to_read(text)] == ["Call Mary tomorrow."]


def test_links_and_addresses_are_spaces_to_the_models() -> None:
    seen = for_models("See https://mary.example/jones or write to mary@jones.example now")
    assert (len(seen), seen.split()) == (65, ["See", "or", "write", "to", "now"])


def test_around_a_doubt_its_sentence_is_read_with_those_beside_it() -> None:
    sentences = [f"Sentence number {number} says nothing of interest to anybody." for number in range(9)]
    text = " ".join(sentences)
    around = sentences_around(text, [text.index("number 2"), text.index("number 7")])
    read = [text[start:end].strip() for start, end in around]
    assert read == [" ".join(sentences[1:4]), " ".join(sentences[6:9])]
    assert sentences_around(text, []) == []
    assert sentences_around("Paul came.", [0]) == [(0, 10)]
