"""The JSON schemas for editors: current, right about what loads, and about what does not.

They are written anew with `ARDOISE_UPDATE=1 pytest tests/retention_rules/test_schema.py`.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from retention_rules.loading import PACKS
from retention_rules.schema import FILES, text_of

POLICY = """\
policy: shop
controller: SHOP
time_zone: Europe/Paris
include: [law_fr]
groups: {identity: [user.name]}
events: {contract_end: end, collected: point}
supplied: {flag: boolean, plan: text}
facts: {busy: contract_end is open}
terms:
  open:
  plain: 3 years
  bounded: {default: P5Y, within: [3 years, 10 years], means: How long}
purposes:
  one:
    basis: contract
    source: §1
    keeps: [identity]
    after: {latest: [contract_end, collected]}
    for: [13 months when flag, bounded]
    when: busy
    then: delete
"""
TERMS = "controller: C\nsource: Annex\ntenant: acme\nterms: {a: 3 years}\ncontracts: {K-1: {a: 1 year and 6 months}}\n"


def errors(kind: str, text: str) -> list[str]:
    schema: dict[str, Any] = json.loads(FILES[kind].read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    content = YAML(typ="safe", pure=True).load(text)
    return [error.message for error in Draft202012Validator(schema).iter_errors(content)]


@pytest.mark.parametrize("kind", FILES)
def test_the_files_are_what_the_shapes_say(kind: str) -> None:
    if os.environ.get("ARDOISE_UPDATE"):
        FILES[kind].write_text(text_of(kind), encoding="utf-8")
    assert FILES[kind].read_text(encoding="utf-8") == text_of(kind), "ARDOISE_UPDATE=1 writes it anew"


@pytest.mark.parametrize("pack", sorted(path.stem for path in PACKS.glob("*.yaml")))
def test_every_shipped_policy_is_valid(pack: str) -> None:
    assert errors("policy", (PACKS / f"{pack}.yaml").read_text(encoding="utf-8")) == []


def test_every_notation_is_valid() -> None:
    assert errors("policy", POLICY) == []
    assert errors("terms", TERMS) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    source: §1\n", ""),
        ("    basis: contract\n", ""),
        ("basis: contract", "basis: contrat"),
        ("then: delete", "then: destroy"),
        ("then: delete", "unless: busy\n    then: delete"),
        ("keeps: [identity]", "keeps: []"),
        ("keeps: [identity]", "keeps: identity"),
        ("{latest: [contract_end, collected]}", "{first: [contract_end]}"),
        ("{latest: [contract_end, collected]}", "{latest: []}"),
        ("[13 months when flag, bounded]", "[]"),
        ("contract_end: end", "contract_end: ende"),
        ("flag: boolean", "flag: bool"),
        ("plain: 3 years", "plain: a while"),
        ("[3 years, 10 years]", "[3 years]"),
        ("  one:\n", "  One:\n"),
        ("include: [law_fr]", "include: law_fr"),
        ("policy: shop", "polizy: shop"),
        ("[user.name]", "[User.Name]"),
    ],
)
def test_what_would_not_load_is_not_valid(before: str, after: str) -> None:
    assert before in POLICY
    assert errors("policy", POLICY.replace(before, after)) != []


@pytest.mark.parametrize(
    ("before", "after"),
    [("source: Annex\n", ""), ("controller: C\n", ""), ("a: 3 years", "a: forever"), ("contracts:", "contract:")],
)
def test_terms_that_would_not_load_are_not_valid(before: str, after: str) -> None:
    assert before in TERMS
    assert errors("terms", TERMS.replace(before, after)) != []
