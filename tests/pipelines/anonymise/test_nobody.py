"""What is drawn in the place of somebody's number is valid in form and belongs to nobody: asked of who knows."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn
from stdnum.fr import nir, siren, siret, tva
from stdnum.iso7064 import mod_97_10

from connectors.base import FieldShape
from pipelines.anonymise import nobody
from pipelines.anonymise.replacement import Draw
from pipelines.anonymise.techniques import TECHNIQUES, technique_for

TEXT = FieldShape("number", "varchar(40)", True, False, 40)


def drawn(kind: str, count: int = 300) -> list[str]:
    replacement = technique_for("x", TEXT, f"replace_{kind}")
    found = [replacement.item("") for _ in range(count)]
    assert all(replacement.valid(each) for each in found)
    assert len(set(found)) > count / 3
    return found


def test_an_iban_has_right_check_digits_and_no_country() -> None:
    for number in drawn("iban"):
        assert mod_97_10.is_valid(number[4:] + number[:4])
        assert number.startswith("ZZ")
        assert not iban.is_valid(number)


def test_a_card_number_is_valid_after_luhn_and_of_no_issuer() -> None:
    for number in drawn("card"):
        assert luhn.is_valid(number)
        assert number.startswith("9999")


@pytest.mark.parametrize(
    ("kind", "module", "digits"), [("siren", siren, 9), ("siret", siret, 14), ("nir", nir, 15), ("vat", tva, 11)]
)
def test_a_french_number_has_its_form_and_is_nobodys(kind: str, module: object, digits: int) -> None:
    for number in drawn(kind):
        assert len(re.sub(r"\D", "", number)) == digits
        assert not module.is_valid(number)  # type: ignore[attr-defined]


def test_a_phone_number_is_of_a_range_for_fiction() -> None:
    for number in drawn("phone"):
        region = "FR" if " " in number[:3] else "GB"
        parsed = phonenumbers.parse(number, region)
        assert phonenumbers.is_possible_number(parsed)
        assert number.replace(" ", "").startswith((*nobody.FRENCH_NUMBERS, *nobody.BRITISH_NUMBERS))


@given(st.text("0123456789", min_size=1, max_size=20))
def test_the_check_digit_is_luhns(digits: str) -> None:
    assert nobody.luhn(digits) == int(luhn.calc_check_digit(digits))


@pytest.mark.parametrize("kind", sorted(nobody.NUMBERS))
def test_a_number_is_never_cut(kind: str) -> None:
    short = FieldShape("number", "varchar", True, False, nobody.LENGTHS[kind] - 1)
    with pytest.raises(ValueError, match="too short"):
        technique_for("x", short, f"replace_{kind}")


def test_what_draws_a_number_draws_it_from_a_pool_of_the_run() -> None:
    for kind in nobody.NUMBERS:
        assert TECHNIQUES[f"replace_{kind}"](TEXT).assignment == Draw(kind, 40)
