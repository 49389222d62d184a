"""Texts as blocks: quoting is taken off, what is repeated is the same block, and places lead back to the text."""

from __future__ import annotations

import html

from hypothesis import given
from hypothesis import strategies as st

from pipelines.classify.text_blocks import blocks
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
    [*"ab >|\n-\r_é.&;#", "&eacute;", "&nbsp;", "&#233;", "&#xe9;", "&#10;", "&lt;", "&amp;", "&no;"]
)


@given(st.lists(pieces, max_size=60).map("".join))
def test_every_place_of_a_block_leads_to_the_same_letter_of_the_text(text: str) -> None:
    for block in blocks(text):
        before = 0
        for position, letter in enumerate(block.text):
            start, end = block.place(position, position + 1)
            stood = text[start:end]
            assert letter in {"\n", stood} or (letter in {html.unescape(stood), " "} and stood.startswith("&"))
            assert letter == "\n" or before <= start < end
            before = end


def test_references_are_what_they_stand_for_and_make_no_marks() -> None:
    (block,) = blocks("Andr&eacute;&nbsp;Le&#xA0;Goff &lt;b&gt; AT&amp;T")
    assert block.text == "André Le Goff &lt;b&gt; AT&amp;T"
    assert block.place(0, 13) == (0, 30)


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
