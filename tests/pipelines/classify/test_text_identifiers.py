"""Addresses, accounts, cards and phones as people write them in mails; numbers that are none of these."""

from __future__ import annotations

import pytest

from pipelines.classify.text_found import DOUBTFUL, Found
from pipelines.classify.text_identifiers import TextCard, TextEmail, TextIban
from pipelines.classify.text_phones import TextPhone


def found(recognizer: type[Found], text: str) -> list[str]:
    return [text[start:end] for start, end, score in recognizer("fr").found(text, ()) if score > DOUBTFUL]


@pytest.mark.parametrize(
    ("recognizer", "before", "said", "after"),
    [
        (TextEmail, "Écrire à ", "jean.dupont@exemple.fr", "."),
        (TextEmail, "mon adresse : ", "jean (at) exemple point fr", " merci"),
        (TextEmail, "", "jean point dupont arobase exemple point fr", ", merci"),
        (TextEmail, "mail ", "john[at]mail[dot]example[dot]co[dot]uk", ""),
        (TextEmail, "<", "jean@\nexemple.fr", ">"),
        (TextEmail, "a ", "jean.dupont @ exemple . fr", " ok"),
        (TextIban, "IBAN ", "FR76 3000 6000 0112\n3456 7890 189", "\nBIC AGRIFRPP"),
        (TextIban, "sur ", "fr76-3000-6000-0112-3456-7890-189", " merci"),
        (TextCard, "carte ", "4111 1111\n1111 1111", ", 09/27"),
        (TextPhone, "au ", "06 12 34\n56 78", " ce soir"),
        (TextPhone, "tél : ", "06.12.34.56.78", ", merci"),
        (TextPhone, "", "+33 (0)6 12 34 56 78", "."),
        (TextPhone, "appelez (", "06 12 34 56 78", ") vite"),
        (TextPhone, "", "833.719.3994x1887", "-fax"),
    ],
)
def test_what_noise_spoils_is_found_whole(recognizer: type[Found], before: str, said: str, after: str) -> None:
    assert found(recognizer, f"{before}{said}{after}") == [said]


@pytest.mark.parametrize(
    ("recognizer", "text"),
    [
        (TextEmail, "meet me at exemple.fr"),
        (TextEmail, "We met at noon. Point taken."),
        (TextIban, "FR76 3000 6000 0112 3456 7890 188"),
        (TextCard, "commande 4111 1111 1111 1112"),
        (TextPhone, "le 12/05/2024 à 10h"),
        (TextPhone, "commande 1234567890"),
        (TextPhone, "1 234 567 €"),
        (TextPhone, "serveur 192.168.1.10"),
        (TextPhone, "SSN 205-46-4452"),
    ],
)
def test_what_only_looks_like_one_is_none(recognizer: type[Found], text: str) -> None:
    assert found(recognizer, text) == []


def test_a_sentence_that_ends_behind_an_address_is_none_of_it() -> None:
    assert found(TextEmail, "jean@exemple.fr.\nde plus, rien") == ["jean@exemple.fr"]
