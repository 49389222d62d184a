"""The planner finds in four real stores what the demonstration's slow reference finds, record by record."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest

from pipelines.demo.moments import AS_OF
from pipelines.demo.reference import Reference
from pipelines.demo.stores import DemoStores
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.plan.artefact import Action
from pipelines.plan.gathering import gathered, plan_context
from pipelines.plan.item_selection import ItemSelection
from pipelines.plan.selections import StoreSelections
from pipelines.scan import scan

NOW = dt.datetime(2026, 6, 30, 8, tzinfo=dt.UTC)
Rows = dict[tuple[str, str, str], set[str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoStores]:
    with DemoStores(tmp_path_factory.mktemp("demo"), scale=0.03).start() as stores:
        scan(Estate.load(stores.estate), now=NOW)
        yield stores


@pytest.mark.slow
@pytest.mark.parametrize("as_of", [AS_OF, dt.date(2025, 12, 31), dt.date(2024, 2, 29)])
def test_every_due_record_is_found_and_no_other(demo: DemoStores, as_of: dt.date) -> None:
    estate = Estate.load(demo.estate)
    plan = make_plan(estate, "JULIEN", as_of=as_of, today=AS_OF, now=NOW)
    expected = Reference(demo.company, with_case=False).expected_rows(as_of, AS_OF)
    with contextlib.closing(estate.engine()) as engine:
        context = plan_context(estate, engine, "JULIEN", as_of, AS_OF)
    deleted: Rows = {}
    changed: Rows = {}
    items = {(store, action): 0 for store in ("mail", "calendar") for action in (Action.DELETE, Action.REDACT)}
    with gathered(estate, context) as found:
        selections = {
            store: StoreSelections.prepare(context, store, connection, found.inventories[store], found.evidence)
            for store, connection in found.connections.items()
        }
        for step in plan.steps:
            if step.store not in selections:
                due = sum(1 for _ in ItemSelection(context, found.evidence, step.store, step.dataset).due(step))
                assert due == step.count
                items[step.store, step.action] += due
                continue
            keys = selections[step.store].selection(step.dataset).due_keys(step)
            rows = [str(row[0]) for row in found.connections[step.store].execute(keys)]
            assert len(rows) == step.count
            into = deleted if step.action is Action.DELETE else changed
            for key in rows:
                into.setdefault((step.store, step.dataset, key), set()).update(step.categories)
    stored = {each for each in expected.deleted if each.store in selections}
    assert set(deleted) == {tuple(map(str, each)) for each in stored}
    assert changed == {tuple(map(str, each)): set(categories) for each, categories in expected.anonymised.items()}
    for store in ("mail", "calendar"):
        assert items[store, Action.DELETE] == sum(each.store == store for each in expected.deleted)
        assert items[store, Action.REDACT] == sum(each.store == store for each in expected.redacted)
