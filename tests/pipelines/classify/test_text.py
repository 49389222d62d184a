"""Free text in French and English: which spans are personal, and what redaction leaves."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.classify import redact_text, spans, spans_of
from pipelines.classify.language import Language, language_of

FRENCH = (
    "Bonjour, Madame Éloïse Garnier habite 51 avenue Gutenberg, 04000 Digne-les-Bains. "
    "Son numéro est le 06 12 34 56 78 et son adresse eloise.garnier@exemple.fr."
)
ENGLISH = (
    "I spoke to John Smith yesterday about his order. He lives at 12 Baker Street and his phone number "
    "is (212) 555-0123, or write to john.smith@example.org."
)


def found(text: str) -> dict[str, str]:
    return {span.type: text[span.start : span.end] for span in spans(text)}


def test_french_text_gives_its_people_places_and_numbers() -> None:
    assert found(FRENCH) == {
        "PERSON": "Éloïse Garnier",
        "STREET_ADDRESS": "51 avenue Gutenberg, 04000 Digne-les-Bains",
        "PHONE_NUMBER": "06 12 34 56 78",
        "EMAIL_ADDRESS": "eloise.garnier@exemple.fr",
    }


def test_english_text_gives_its_people_places_and_numbers() -> None:
    seen = found(ENGLISH)
    assert seen["PERSON"] == "John Smith"
    assert seen["STREET_ADDRESS"] == "12 Baker Street"
    assert seen["EMAIL_ADDRESS"] == "john.smith@example.org"


@pytest.mark.parametrize(
    ("text", "entity", "words"),
    [
        ("Mon numéro de sécurité sociale est 2 55 08 14 168 025 38.", "FR_NIR", "2 55 08 14 168 025 38"),
        ("Virement sur FR14 2004 1010 0505 0001 3M02 606 svp", "IBAN_CODE", "FR14 2004 1010 0505 0001 3M02 606"),
        ("La carte 4111 1111 1111 1111 a été refusée", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("Le véhicule immatriculé AB-123-CD est garé ici", "FR_PLATE", "AB-123-CD"),
        ("Elle est née le 12/03/1980 à la campagne", "DATE_OF_BIRTH", "12/03/1980"),
        ("Appelez le +33 6 12 34 56 78 demain", "PHONE_NUMBER", "+33 6 12 34 56 78"),
    ],
)
def test_french_identifiers_are_found(text: str, entity: str, words: str) -> None:
    assert found(text).get(entity) == words


@pytest.mark.parametrize(
    "text",
    [
        "La commande 1234567890 est partie hier.",
        "La référence AB-123-CD est en stock.",
        "Le SIRET de la société est 732 829 320 00074.",
        "Numéro de sécurité sociale invalide : 2 55 08 14 168 025 39.",
        "The invoice of 1234.56 euros was paid on 2024-02-29.",
    ],
)
def test_orders_references_companies_and_amounts_are_not_personal(text: str) -> None:
    assert spans(text) == []


@pytest.mark.parametrize(("text", "language"), [(FRENCH, "fr"), (ENGLISH, "en"), ("", "fr")])
def test_the_language_is_detected_for_each_text(text: str, language: str) -> None:
    assert language_of(text) == language


def test_redaction_leaves_the_rest_of_the_text() -> None:
    assert redact_text(FRENCH) == (
        "Bonjour, Madame [PERSON] habite [STREET_ADDRESS]. "
        "Son numéro est le [PHONE_NUMBER] et son adresse [EMAIL_ADDRESS]."
    )


def test_known_names_go_whatever_the_models_say() -> None:
    text = "vu avec  zéphyrine\nquatremère hier, elle rappelle; demain, peut-être"
    redacted = redact_text(text, known=["Zéphyrine Quatremère"])
    assert redacted == "vu avec  [KNOWN] hier, elle rappelle; demain, peut-être"


def test_what_is_written_as_references_of_html_is_read_and_goes_whole() -> None:
    text = "Rappeler M. Andr&eacute;&nbsp;Lef&egrave;vre &agrave; Nantes, et Zo&eacute;&nbsp;Quatremère."
    assert redact_text(text, known=["Zoé Quatremère"]) == "Rappeler M. [PERSON] &agrave; [LOCATION], et [KNOWN]."


@pytest.mark.parametrize("at", [1985, 1990, 1995, 1998])
@pytest.mark.parametrize(
    "secret", ["paul.durand@exemple.fr", "FR1420041010050500013M02606", "06 12 34 56 78", "4111 1111 1111 1111"]
)
def test_nothing_hides_where_a_long_line_is_cut(secret: str, at: int) -> None:
    filling = "nous avons bien recu votre demande et nous la traiterons des que possible. " * 60
    redacted = redact_text(f"{filling[: at - 1]} {secret} et la suite de la demande est en cours de traitement")
    assert not any(part in redacted for part in secret.replace("@", " ").split())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (unicodedata.normalize("NFD", "devis-andré-lefèvre.pdf"), "André-Lefèvre"),
        (unicodedata.normalize("NFD", "vu andré lefèvre hier"), "André Lefèvre"),
        ("vu sean o\u2019brien hier", "Sean O'Brien"),
        ("vu zo&eacute; d&rsquo;arc hier", "Zoé d'Arc"),
        ("vu jean\u2011luc picard hier", "Jean-Luc Picard"),
        ("facture jean &amp; fils hier", "Jean & Fils"),
        ("vu b\u00e9&shy;langer hier", "Bélanger"),
        ("vu andr&#x0000E9; le&#8203; goff hier", "André Le Goff"),
    ],
)
def test_a_known_name_is_known_however_it_is_written(text: str, name: str) -> None:
    redacted = redact_text(text, known=[name])
    assert "[KNOWN]" in redacted
    assert not any(part in redacted for part in ("lef", "brien", "arc", "picard", "jean", "langer", "goff"))


def test_what_stands_between_signs_of_less_and_more_is_read() -> None:
    redacted = redact_text("Si a < 5, appeler Jean Dupont ; si b > 3, appeler Marie Martin. Voir &lt;Paul Durand&gt;.")
    assert not any(name in redacted for name in ("Dupont", "Martin", "Durand"))


def test_a_known_name_inside_another_word_stays() -> None:
    assert redact_text("il faut remarquer cela", known=["Marque", "il"]) == "il faut remarquer cela"


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="abc éà.,;\n@0123456789+-ABC", max_size=80), st.sampled_from(["fr", "en"]))
def test_spans_are_ordered_apart_and_inside_the_text(text: str, language: str) -> None:
    position = 0
    for span in spans(text, language):  # type: ignore[arg-type]
        assert position <= span.start < span.end <= len(text)
        position = span.end


def test_texts_read_together_are_read_as_they_are_alone() -> None:
    together = spans_of([FRENCH, ENGLISH, FRENCH])
    assert together == [spans(FRENCH), spans(ENGLISH), spans(FRENCH)]


def test_a_quoted_text_has_the_spans_of_the_text() -> None:
    quoted = "\n".join(f"> {line}" for line in (FRENCH, "", ENGLISH))
    own = [FRENCH[each.start : each.end] for each in spans(FRENCH)]
    own += [ENGLISH[each.start : each.end] for each in spans(ENGLISH)]
    assert [quoted[each.start : each.end] for each in spans(quoted)] == own


@pytest.mark.parametrize("company", ["Hubbard Ltd.", "Garnier et Fils", "Dupont & Sons"])
def test_a_company_that_bears_a_name_is_no_person(company: str) -> None:
    assert [each.type for each in spans(f"The invoice of {company} was paid by transfer.", "en")] == []


def test_what_is_said_of_a_text_does_not_depend_on_its_neighbours() -> None:
    texts = [
        "Question 13",
        "Hello, please write to a@b.example.",
        "Question 9",
        "Madame Éloïse Garnier, 51 avenue Gutenberg",
    ]
    assert spans_of(texts) == [spans_of([text])[0] for text in texts] == list(reversed(spans_of(texts[::-1])))


def said_of(text: str, language: Language, kind: str) -> list[str]:
    return [text[span.start : span.end] for span in spans(text, language) if span.type == kind]


def test_an_address_on_one_line_is_one_span_and_the_parts_of_a_block_are_several() -> None:
    line = "Open Data Nation\n\n12 Baker Street Apt. 18 London"
    block = "John Smith\n12 Baker Street\nApt. 18\nLondon"
    assert said_of(line, "en", "STREET_ADDRESS") == ["12 Baker Street Apt. 18 London"]
    assert said_of(block, "en", "STREET_ADDRESS") == ["12 Baker Street", "Apt. 18"]


def test_small_words_are_part_of_a_town() -> None:
    text = "The parcel was sent from Chiclana de la Frontera to Paris."
    assert said_of(text, "en", "LOCATION") == ["Chiclana de la Frontera", "Paris"]


@pytest.mark.parametrize("firm", ["Becker-Shaffer", "Castillo, Edwards and Abbott"])
def test_surnames_in_a_row_are_a_firm(firm: str) -> None:
    assert said_of(f"No one from {firm} has replied to the letter yet.", "en", "PERSON") == []


def test_the_formulas_of_letters_are_nobody() -> None:
    assert spans("Bonjour,\n\nmerci de confirmer.\n\nBonne journée", "fr") == []


def test_a_suffix_keeps_its_point() -> None:
    assert said_of("The book by Ronald Abbott Jr. was lost.", "en", "PERSON") == ["Ronald Abbott Jr."]


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("We charged 4279 7056 7530 2792 273 for the order.", "CREDIT_CARD", "4279 7056 7530 2792 273"),
        ("331-213-3614x85405 is mine, write to me.", "PHONE_NUMBER", "331-213-3614x85405"),
        ("Rappelez-moi au 0 7 0 5 9 9 3 2 1 5 svp.", "PHONE_NUMBER", "0 7 0 5 9 9 3 2 1 5"),
    ],
)
def test_numbers_in_unusual_groups(text: str, kind: str, words: str) -> None:
    assert said_of(text, language_of(text), kind) == [words]


def test_half_a_character_stops_nothing_and_moves_nothing() -> None:
    text = "Rappeler Anne Quéré \ud83d au 06 12 34 56 78"
    assert found(text)["PHONE_NUMBER"] == "06 12 34 56 78"
