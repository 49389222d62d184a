"""Ways of acting on rows: what the ledger tells of them, and every obstacle of every engine in words, in French too."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_estate import SmallEstate

import connectors.sql
from connectors.sql.strategy import Strategy
from pipelines.plan import strategies
from pipelines.report.outcomes import begun
from pipelines.report.ways import OBSTACLES, WAYS
from pipelines.report.wording import Wording
from retention_rules.policy_table import Language

ROOM = Path(next(iter(connectors.sql.__path__)))
DAY = dt.date(2026, 6, 30)
NOW = dt.datetime(2026, 6, 30, 10, tzinfo=dt.UTC)
PLAN = "a" * 64
FRENCH = Wording(Language.FRENCH)


def calls(file: Path, name: str) -> Iterator[ast.Call]:
    for each in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == name:
            yield each


def text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "x" for each in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def obstacles() -> Iterator[tuple[str, str]]:
    """The name and the sentence of everything that can stand in the way, from the source."""
    for file in ROOM.glob("*.py"):
        for call in calls(file, "Obstacle"):
            name, said = map(text, call.args)
            if said:
                yield name, said
    for query in (ROOM / "obstacles.sql").read_text(encoding="utf-8").split("-- part: ")[1:]:
        name = query.partition("name: ")[2].split()[0]
        said = re.search(r"SELECT\s+(?:format\()?'((?:[^']|'')+)'", query)
        assert said is not None, name
        yield name, said[1].replace("''", "'").replace("%s", "x")


def reasons() -> Iterator[str]:
    """What the planner itself gives as reasons."""
    file = Path(str(strategies.__file__))
    for each in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(each, (ast.Return, ast.Assign)) and each.value is not None and " " in text(each.value):
            yield text(each.value)


@pytest.mark.parametrize("sentence", sorted({said for _, said in obstacles()} | set(reasons())))
def test_every_reason_is_translated(sentence: str) -> None:
    assert FRENCH.said(sentence) is not None, "add it to report/sentences.py and report/locale/fr.po"


def test_every_obstacle_that_the_ledger_can_name_is_known() -> None:
    named = {name for name, _ in obstacles()}
    assert len(named) > 20
    assert named - set(OBSTACLES) == {"", "error_x"}, "those two are states of an engine"
    assert all(FRENCH.said(each) for each in (*OBSTACLES.values(), *WAYS.values()))
    assert set(WAYS) == set(Strategy)


def test_the_ledger_tells_how_rows_were_acted_on_and_what_came_in_the_way(tmp_path: Path) -> None:
    small = SmallEstate.write(tmp_path, DAY)
    body = {"plan": PLAN, "store": "crm", "dataset": "people", "step": "s1", "action": "delete"}
    impeded = {"outcomes": {}, "complete": False, "strategy": "rewrite", "obstacle": "lock"}
    with small.engine() as engine:
        for chunk, received in enumerate((
            impeded, impeded,
            {"outcomes": {"deleted": 3}, "strategy": "drop_partition"},
            {"outcomes": {"deleted": 4}, "strategy": "ranges"},
            {"outcomes": {"deleted": 5, "stale": 2}, "strategy": "ranges"},
            {"outcomes": {}, "strategy": "rewrite"},
            {"outcomes": {"deleted": 6}},
        ), start=1):  # fmt: skip
            engine.ledger.append("intent", {**body, "chunk": chunk, "records": 9}, at=NOW)
            engine.ledger.append("receipt", {**body, "chunk": chunk, **received}, at=NOW)
        step = begun(engine.ledger, {PLAN})[PLAN].outcome("s1")
    assert dict(step.ways) == {"drop_partition": 3, "ranges": 9}
    assert list(step.impeded) == [("rewrite", "lock")]
    assert step.settled["deleted"] == 18
