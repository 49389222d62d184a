"""Special categories in free text are reported (R44), and ordinary words are not."""

from __future__ import annotations

import pytest

from pipelines.classify.text_special import special_categories, special_evidence


@pytest.mark.parametrize(
    ("text", "category", "words"),
    [
        ("Il est en arrêt\nmaladie depuis mardi.", "health", "arrêt\nmaladie"),
        ("Patient s&eacute;ropositif depuis mai.", "health", "s&eacute;ropositif"),
        ("She was diagnosed with it in May.", "health", "diagnosed with"),
        ("Pas de réunion pendant le Ramadan.", "religion", "Ramadan"),
        ("He voted for them twice.", "politics", "voted for"),
        ("Elle est déléguée syndicale.", "union", "déléguée syndicale"),
        ("He has a criminal record.", "offences", "criminal record"),
        ("Il a parlé de son orientation sexuelle.", "orientation", "orientation sexuelle"),
    ],
)
def test_what_tells_of_a_special_category_is_found(text: str, category: str, words: str) -> None:
    assert [(text[each.start : each.end], each.category) for each in special_categories(text)] == [(words, category)]


def test_ordinary_business_is_not_special() -> None:
    text = "Merci de livrer la commande 4512 avant vendredi. The invoice was paid, the meeting is on Monday."
    assert special_categories(text) == []


def test_the_evidence_tells_the_share_of_texts_and_quotes_none() -> None:
    told = special_evidence(["Elle est enceinte de six mois.", "Rien à signaler.", "Enceinte de huit mois.", "Bonjour"])
    assert [str(each) for each in told] == ["values special category `health` 50 %"]


@pytest.mark.parametrize("text", ["EN ARRET MALADIE", "en arre\u0302t maladie", "En arrêt maladie"])
def test_accents_may_be_missing_or_marks_of_their_own(text: str) -> None:
    assert [each.category for each in special_categories(text)] == ["health"]


@pytest.mark.parametrize(
    ("french", "english", "category"),
    [
        ("allergique aux arachides", "allergic to peanuts", "health"),
        ("un enfant autiste", "an autistic child", "health"),
        ("sa santé mentale", "her mental health", "health"),
        ("adhérente au syndicat", "union member", "union"),
        ("témoin de Jéhovah", "Jehovah's Witness", "religion"),
        ("casier judiciaire vierge", "no criminal record", "offences"),
        ("elle est gay", "she is gay", "orientation"),
        ("d'origine asiatique", "of Asian descent", "ethnicity"),
        ("a voté pour eux", "voted for them", "politics"),
    ],
)
def test_what_is_special_in_one_language_is_in_the_other(french: str, english: str, category: str) -> None:
    for text in (french, english):
        assert {each.category for each in special_categories(text)} == {category}, text
