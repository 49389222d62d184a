"""The addresses in a messy cell: all of them, or the cell is not read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.plan.cells import LONGEST, SIGNS, addresses_in

LOCALS = st.from_regex(r"[a-zA-Z0-9éß]([a-zA-Z0-9._+-]{0,8}[a-zA-Z0-9éß])?", fullmatch=True)
DOMAINS = st.sampled_from(
    ["x.fr", "acme.example", "GMAIL.com", "sous.domaine.co.uk", "société.fr", "xn--socit-esab.fr"]
)
ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS)
DRESSES = st.sampled_from(
    ["{}", "<{}>", "Anne Dupont <{}>", '"Dupont, Anne" <{}>', "mailto:{}", "<MAILTO:{}?subject=Devis>", "({})", "[{}]",
     "SMTP:{}", "{}.", "'{}'", "« {} »", '<a href="mailto:{}">', "{} (perso)", "Mél : {}", "•{}"]
)  # fmt: skip
SEPARATORS = st.sampled_from(
    ["; ", ";", ", ", ",", " / ", "/", " ; ", "\n", "\r\n", "\t", " - ", " | ", "|", " ou ", " et ", "\u00a0", " & "]
)


@st.composite
def cells(draw: st.DrawFn) -> tuple[set[str], str]:
    """Addresses, and a cell that somebody may have written with exactly these."""
    addresses = draw(st.lists(ADDRESSES, min_size=1, max_size=5))
    text = ""
    for number, address in enumerate(addresses):
        text += (draw(SEPARATORS) if number else "") + draw(DRESSES).format(address)
    return set(addresses), text


@given(cells())
def test_every_address_that_was_put_into_a_cell_is_found_and_nothing_else_for_sure(cell: tuple[set[str], str]) -> None:
    addresses, text = cell
    named = addresses_in(text)
    assert named is not None, text
    assert named.sure == addresses, text


@given(st.text(st.sampled_from("ab@.;, <>()[]{}\"'/|:=-+_%40\uff20éÉ\n\\&"), max_size=40))
def test_a_cell_is_read_only_if_every_sign_of_an_address_belongs_to_one(text: str) -> None:
    named = addresses_in(text)
    signs = sum(text.count(sign) for sign in SIGNS)
    if named is not None:
        assert 0 < len(named.sure) <= signs
        assert all(address.partition("@")[2].count(".") for address in named.sure | named.doubtful)


@pytest.mark.parametrize(
    "text",
    ["a@x.fr-b@y.fr", "a@x.frb@y.fr", "a@x,fr", "a@x.f r", "a @x.fr", "a@ x.fr", "a@@x.fr", "@anne; a@x.fr",
     "a@x.fr; anne@", "a@localhost", "a@[192.0.2.1]", "Anne (@adupont) <anne@x.fr>", "a@x..fr", "<@relais.fr:a@x.fr>",
     "bonjour@", "a@-x.fr", "a@x.fr; jean.dupont@exam"],
)  # fmt: skip
def test_a_cell_with_a_sign_of_an_address_that_cannot_be_read_is_not_read(text: str) -> None:
    assert addresses_in(text) is None


def test_a_text_of_unusual_length_is_not_read() -> None:
    assert addresses_in("a@x.fr " + "x" * LONGEST) is None


@pytest.mark.parametrize(
    ("text", "sure", "doubtful"),
    [
        ("compta/anne@x.fr", set(), {"compta/anne@x.fr", "anne@x.fr"}),
        ("l'adresse d'anne@x.fr", {"d'anne@x.fr"}, {"anne@x.fr"}),
        ("o'brien@x.ie", {"o'brien@x.ie"}, {"brien@x.ie"}),
        ("mail=anne@x.fr", set(), {"mail=anne@x.fr", "anne@x.fr"}),
        ("-anne@x.fr", set(), {"-anne@x.fr", "anne@x.fr"}),
        ("1.anne@x.fr 2.paul@x.fr", {"1.anne@x.fr", "2.paul@x.fr"}, {"anne@x.fr", "paul@x.fr"}),
        ("anne dupont@x.fr", {"dupont@x.fr"}, {"annedupont@x.fr", "anne-dupont@x.fr", "anne_dupont@x.fr"}),
        ('"anne dupont"@x.fr', {'"anne dupont"@x.fr'}, set()),
        ("a@x.fr_b@y.fr", {"a@x.fr", "b@y.fr"}, {"_b@y.fr"}),
    ],
)
def test_what_can_be_read_in_two_ways_is_doubtful_in_the_second(text: str, sure: set[str], doubtful: set[str]) -> None:
    named = addresses_in(text)
    assert named is not None
    assert named.sure == sure
    assert doubtful <= named.doubtful


@pytest.mark.parametrize(
    "text", ["anne (at) x.fr", "anne[AT]x.fr", "anne\uff20x.fr", "mailto:anne%40x.fr", "anne%40x.fr"]
)
def test_a_veiled_address_is_an_address(text: str) -> None:
    named = addresses_in(text)
    assert named is not None
    assert named.sure == {"anne@x.fr"}


def test_a_link_names_everybody_in_its_fields() -> None:
    named = addresses_in("mailto:a%2Bz@x.fr?cc=b@y.fr&amp;bcc=c@z.fr,d@z.fr&subject=Devis%20de%20e@z.fr")
    assert named is not None
    assert named.sure == {"a+z@x.fr", "b@y.fr", "c@z.fr", "d@z.fr", "e@z.fr"}
