"""What other rooms write into plans and findings is known to the French catalogue: read from their own source."""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import pipelines
from pipelines.report.wording import Wording
from retention_rules.policy_table import Language

ROOMS = ("plan", "verify", "expect")
SAYING = {"Probe", "Check", "_check", "Refusal", "_refuse", "note", "counted"}
"""What is called with sentences that a report shows."""

FIELD = "rows"
"""What is put into every field: a word that is a sentence as well, for those fields that hold one."""

COMPOSED = {
    "rows: nothing of it could be planned",
    "rows: rows",
    "rows.rows: rows",
    "give it one ([stores.rows.archive])",
    "messages and events are counted only",
}
"""Put together from parts that are known, or such a part."""


def sentences() -> Iterator[tuple[str, str]]:
    """Every sentence that is written where it is used or is a name's, with a word for each of its fields."""
    folder = Path(next(iter(pipelines.__path__)))
    for room in ROOMS:
        for file in sorted((folder / room).glob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            named = defaultdict(list)
            for name, value in itertools.chain.from_iterable(map(_named, ast.walk(tree))):
                named[name].append(value)
            for given in itertools.chain.from_iterable(map(_given, ast.walk(tree))):
                yield from ((f"{room}/{file.name}", said) for said in _texts(given, named) if " " in said)


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        (target, *_), value = node.targets, node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        yield from ((name.id, text) for name, text in pairs if isinstance(name, ast.Name))


def _given(node: ast.AST) -> Iterator[ast.expr]:
    """What a call says, or a generator."""
    if isinstance(node, ast.Call) and _name(node.func) in SAYING:
        yield from (*node.args, *(each.value for each in node.keywords))
    elif isinstance(node, ast.Yield) and node.value is not None:
        yield node.value


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _texts(node: ast.expr, named: Mapping[str, Sequence[ast.expr]]) -> Iterator[str]:
    """What an expression may say: whatever its names and branches do; nothing where that is not written here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name):
        others = {name: values for name, values in named.items() if name != node.id}
        yield from itertools.chain.from_iterable(_texts(each, others) for each in named.get(node.id, ()))
    elif isinstance(node, ast.IfExp):
        yield from itertools.chain(_texts(node.body, named), _texts(node.orelse, named))
    elif isinstance(node, ast.JoinedStr):
        parts = (list(_texts(part, named)) or [FIELD] for part in node.values)
        yield from map("".join, itertools.product(*parts))
    elif isinstance(node, ast.FormattedValue):
        yield from _texts(node.value, named)


@pytest.mark.parametrize(("where", "sentence"), sorted({each for each in sentences() if each[1] not in COMPOSED}))
def test_it_is_translated(where: str, sentence: str) -> None:
    told = Wording(Language.FRENCH).said(sentence)
    assert told is not None, f"add it to report/sentences.py and report/locale/fr.po (said in {where})"


def test_there_are_many_of_them() -> None:
    assert len({sentence for _, sentence in sentences()}) > 40
