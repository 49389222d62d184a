"""What other rooms write into plans and findings is known to the French catalogue: read from their own source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pipelines
from pipelines.report.wording import Wording
from retention_rules.policy_table import Language

ROOMS = ("plan", "verify", "expect")
SAYING = {"Probe", "Check", "_check", "Refusal", "_refuse", "note"}
"""What is called with sentences that a report shows."""

COMPOSED = {
    "x0: nothing of it could be planned",
    "x0. Decide about it: `ardoise review x2`.",
    "x0: x2",
    "offendersx1 (x3)",
}
"""Put together from parts that are known."""


def sentences() -> Iterator[tuple[str, str]]:
    """Every sentence that is written where it is used or is a name's, with a word for each of its fields."""
    folder = Path(next(iter(pipelines.__path__)))
    for room in ROOMS:
        for file in sorted((folder / room).glob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            named = dict(_named(tree))
            for call in ast.walk(tree):
                if isinstance(call, ast.Call) and _name(call.func) in SAYING:
                    for given in (*call.args, *(each.value for each in call.keywords)):
                        said = named.get(given.id) if isinstance(given, ast.Name) else _text(given)
                        if said and " " in said:
                            yield f"{room}/{file.name}", said


def _named(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for each in ast.walk(tree):
        if isinstance(each, ast.Assign):
            (target, *_), value = each.targets, each.value
            several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if several else [(target, value)]
            yield from ((name.id, said) for name, text in pairs if isinstance(name, ast.Name) and (said := _text(text)))


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = enumerate(node.values)
        return "".join(str(part.value) if isinstance(part, ast.Constant) else f"x{at}" for at, part in parts)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@pytest.mark.parametrize(("where", "sentence"), sorted({each for each in sentences() if each[1] not in COMPOSED}))
def test_it_is_translated(where: str, sentence: str) -> None:
    told = Wording(Language.FRENCH).said(sentence)
    assert told is not None, f"add it to report/sentences.py and report/locale/fr.po (said in {where})"


def test_there_are_many_of_them() -> None:
    assert len({sentence for _, sentence in sentences()}) > 40
