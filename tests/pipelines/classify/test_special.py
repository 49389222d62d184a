"""Special categories (R44) in columns: of free text, and of the paths of JSON; never of codes and goods."""

from __future__ import annotations

import json

from pipelines.classify import Column, ColumnVerdict, Table, classify
from pipelines.classify.special import special_of
from pipelines.scan.drift import judged

QUIET = "Elle veut être rappelée au 06 12 34 56 78 mardi matin, et livrée sans faute avant la fin de la semaine."
TELLING = f"{QUIET} Son mari est hospitalisé depuis lundi."


def special(name: str, values: list[str]) -> dict[str, float]:
    return special_of(verdict(name, values))


def verdict(name: str, values: list[str]) -> ColumnVerdict:
    table = Table("clients", (Column("id", "integer", range(len(values)), key=True), Column(name, "text", values)))
    return classify([table])["clients"][1]


def test_notes_that_tell_of_an_illness_are_reported_with_their_share() -> None:
    assert special("remarques", [*(f"{QUIET} {n}" for n in range(9)), TELLING]) == {"health": 0.1}


def test_a_path_inside_json_is_reported_too() -> None:
    documents = [json.dumps({"note": text, "lines": 3}) for text in (QUIET, TELLING)]
    assert special("payload", documents) == {"health": 0.5}


def test_ordinary_notes_and_short_values_are_not() -> None:
    assert special("remarques", [f"{QUIET} {n}" for n in range(9)]) == {}
    assert special("motif", ["maladie", "diabète", "RTT"] * 5) == {}


def test_what_else_is_seen_of_the_values_does_not_make_a_verdict_surer() -> None:
    ill = "Son mari est hospitalisé depuis lundi, elle demande si la livraison peut attendre la semaine prochaine {}."
    told = verdict("remarques", [TELLING, *(ill.format(number) for number in range(9))])
    assert special_of(told) == {"health": 1.0}
    share = judged(told).share
    assert share is not None
    assert share < 1.0
    addresses = [f"service{n}@org{n}.example" if n % 2 else f"commande {n}" for n in range(20)]
    seen = judged(verdict("zz", [*addresses, *(f"contact@org{n}.example" for n in range(20))]))
    assert (seen.category, seen.share) == ("user.contact.email", 0.75)
