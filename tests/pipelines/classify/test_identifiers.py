"""French identifiers as Presidio recognizers: what they take, what they refuse, and how seldom chance deceives them."""

from __future__ import annotations

import random

import pytest
from stdnum.fr import nir

from pipelines.classify import spans
from pipelines.classify.engine import pattern_engine
from pipelines.classify.patterns import LOWEST


def found(text: str, entity: str) -> list[str]:
    results = pattern_engine().analyze(text, language="fr", entities=[entity])
    return [text[each.start : each.end] for each in results]


VALID = [
    ("FR_NIR", "255081416802538"),
    ("FR_NIR", "2 55 08 14 168 025 38"),
    ("FR_NIR", "2.55.08.14.168.025.38"),
    ("FR_NIR", f"185012A123456{nir.calc_check_digits('185012A123456')}"),
    ("FR_NIR", f"1 85 01 2B 123 456 {nir.calc_check_digits('185012B123456')}"),
    ("FR_SIREN", "732 829 320"),
    ("FR_SIREN", "732829320"),
    ("FR_SIRET", "732 829 320 00074"),
    ("FR_SIRET", "73282932000074"),
    ("FR_SIRET", "356 000 000 00001"),  # La Poste's establishments follow a rule of their own
    ("FR_VAT", "FR 44 732 829 320"),
    ("FR_VAT", "FR44732829320"),
    ("FR_SPI", "30 23 217 600 053"),
    ("FR_SPI", "3023217600053"),
    ("IBAN_CODE", "FR14 2004 1010 0505 0001 3M02 606"),
    ("IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
    ("PHONE_NUMBER", "06 12 34 56 78"),
    ("PHONE_NUMBER", "+33 (0)1 42 68 53 00"),
    ("PHONE_NUMBER", "+32 470 12 34 56"),
    ("PHONE_NUMBER", "+41 44 668 18 00"),
    ("PHONE_NUMBER", "+352 621 123 456"),
    ("STREET_ADDRESS", "12 bis, rue de l'Église"),
    ("STREET_ADDRESS", "51 avenue Gutenberg"),
    ("POSTCODE_CITY", "04000 Digne-les-Bains"),
    ("POSTCODE_CITY", "20090 Ajaccio"),
]


@pytest.mark.parametrize(("entity", "number"), VALID)
def test_a_valid_identifier_is_found_as_a_whole(entity: str, number: str) -> None:
    assert found(number, entity) == [number]


@pytest.mark.parametrize(
    ("entity", "number"),
    [
        ("FR_NIR", "255081416802539"),
        ("FR_NIR", "2 55 08 14 168 025 40"),
        ("FR_NIR", "955081416802538"),
        ("FR_SIREN", "732 829 321"),
        ("FR_SIRET", "732 829 320 00075"),
        ("FR_SIRET", "356 000 001 00001"),
        ("FR_VAT", "FR 45 732 829 320"),
        ("FR_SPI", "3023217600054"),
        ("IBAN_CODE", "FR14 2004 1010 0505 0001 3M02 607"),
        ("POSTCODE_CITY", "99000 Nulle-Part"),
    ],
)
def test_a_wrong_check_digit_is_refused(entity: str, number: str) -> None:
    assert found(number, entity) == []


@pytest.mark.parametrize(
    ("text", "entity", "number"),
    [
        ("Le passeport présenté porte le numéro 12AB34567 en couverture.", "FR_PASSPORT", "12AB34567"),
        ("Sa carte d'identité (CNI) est la 880692310285 depuis 2012.", "FR_ID_CARD", "880692310285"),
        ("Son permis de conduire porte le 990175200123 au recto.", "FR_LICENCE", "990175200123"),
    ],
)
def test_what_has_no_checksum_needs_a_word_beside_it(text: str, entity: str, number: str) -> None:
    said = {span.type: text[span.start : span.end] for span in spans(text, "fr")}
    assert said.get(entity) == number
    bare = f"La référence du dossier est {number} pour mémoire."
    assert entity not in {span.type for span in spans(bare, "fr")}


@pytest.mark.parametrize(
    ("digits", "entity", "most"),
    [
        (9, "FR_SIREN", 0.0),  # one in ten passes Luhn: without a word of context, none counts
        (13, "FR_SPI", 0.0),
        (14, "FR_SIRET", 0.02),
        (15, "FR_NIR", 0.01),
        (16, "CREDIT_CARD", 0.08),
        (10, "PHONE_NUMBER", 0.1),  # one in ten begins with 0, as a phone number does; others need a word of context
    ],
)
def test_random_digits_are_rarely_identifiers(digits: int, entity: str, most: float) -> None:
    chance = random.Random(4)
    texts = ["".join(chance.choice("0123456789") for _ in range(digits)) for _ in range(300)]
    engine = pattern_engine()
    taken = sum(
        any(each.score >= LOWEST for each in engine.analyze(text, language="fr", entities=[entity])) for text in texts
    )
    assert taken / len(texts) <= most
