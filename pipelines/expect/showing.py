"""The suites that a plan's run would be held against, to be read: by whom it concerns, and by Great Expectations."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.sql.connector import SqlConnector
from expectations.findings import Stage
from expectations.suites import Suite, written
from pipelines.errors import UsageError
from pipelines.expect.baseline import Baseline, baseline
from pipelines.expect.before import before_suites
from pipelines.expect.outcome import form_suites, orphan_suites
from pipelines.expect.own import own_suites
from pipelines.expect.owned import placed
from pipelines.scan.refresh import ITEM_STORES

if TYPE_CHECKING:
    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan

GENERATED = "generated"
"""The folder among an estate's expectations into which they are written."""


def suites(
    estate: Estate, engine: EngineDatabase, controller: str, plan: Plan | None, stores: Sequence[str], today: dt.date
) -> Iterator[Suite]:
    """The suites of these stores (of all when there are none), generated and own, before a run and after it.

    Without a ``plan`` nothing is known of how many rows there should be, and nothing is expected of what a run changes.

    Raises:
        UsageError: there is no such store, or it has no tables.
        EstateInvalid: a person's own suite is not as it must be.
        ConnectorError: a store cannot be reached.
    """
    sql = [store for store in estate.data_maps if estate.stores[store].kind not in ITEM_STORES]
    for store in stores:
        if store not in sql:
            raise UsageError(
                f"{store!r} is no SQL store with a data map", "expectations", f"Name one of {', '.join(sql)}."
            )
    known, own = Baseline() if plan is None else baseline(engine, plan), own_suites(estate)
    for store in stores or sql:
        with estate.connected(store) as connector:
            assert isinstance(connector, SqlConnector)  # noqa: S101 - the others have no suites
            inventory = connector.inspect()
            yield from before_suites(estate, controller, connector, inventory, known, own, today)
            active = {
                name: each for name, each in estate.data_maps[store].active.items() if each.controller == controller
            }
            with connector.reading() as connection:
                names = {each.source: name for name, each in active.items()}
                yield from orphan_suites(connection, inventory, store, names)
                if plan is not None:
                    yield from form_suites(connection, inventory, store, plan.digest, active)
            yield from placed(own, connector, active, Stage.AFTER)


def write(folder: Path, found: Sequence[Suite]) -> list[Path]:
    """Write each suite as Great Expectations' JSON, one file each; what was there before goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    paths = []
    for suite in found:
        path = folder / f"{suite.name}.json"
        path.write_text(json.dumps(written(suite), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        paths.append(path)
    return paths
