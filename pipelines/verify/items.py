"""Bystanders among messages and events: which of them there were before a run, and which are missing after it.

Kept are the stores' own numbers and names of items (container, key, version), in a file of the plan's; no address.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.plan.artefact import Action, Plan
from pipelines.plan.item_selection import DueItem, ItemSelection

if TYPE_CHECKING:
    import duckdb

    from pipelines.estate import Estate

_KEPT = "(store VARCHAR, dataset VARCHAR, container VARCHAR, key VARCHAR, version VARCHAR)"
_PLACE = "store, dataset, container, key, version"


def before(path: Path, index: Path, selections: list[tuple[ItemSelection, list[DueItem]]]) -> None:
    """Keep every item of the index that no step acts on; once per plan.

    Args:
        path: the file to make.
        index: the item index, up to date.
        selections: each item dataset with the items that its steps act on.
    """
    import duckdb

    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with duckdb.connect(str(draft)) as connection:
        connection.execute(f"CREATE TABLE bystanders {_KEPT}")
        connection.execute("CREATE TABLE datasets (dataset VARCHAR)")
        connection.execute(f"ATTACH '{_quoted(index)}' AS items (READ_ONLY)")
        for selection, due in selections:
            place = (selection.store, selection.name)
            connection.execute("INSERT INTO datasets VALUES (?)", [selection.name])
            _exclude(connection, due)
            connection.execute(
                f"INSERT INTO bystanders SELECT {_PLACE} FROM items.items WHERE store = ? AND dataset = ? "  # noqa: S608
                "AND (container, key) NOT IN (SELECT container, key FROM acted)",
                place,
            )
    draft.chmod(0o600)
    draft.replace(path)


def compared(estate: Estate, plan: Plan, store: str, path: Path) -> Iterator[tuple[str, int | None, int | None]]:
    """For every item dataset of a store: bystanders that went or changed, and items beyond those that may be there.

    None where it could not be looked at. The index must have been brought up to date after the run.
    """
    import duckdb

    mine = [step for step in plan.steps if step.store == store and step.action is Action.REDACT]
    redacted = {step.dataset: step.count for step in mine}
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{_quoted(path)}' AS kept (READ_ONLY)")
        connection.execute(f"ATTACH '{_quoted(estate.index_file)}' AS items (READ_ONLY)")
        for (dataset,) in connection.execute("SELECT dataset FROM kept.datasets").fetchall():
            where = [store, dataset]
            complete = connection.execute(
                "SELECT complete FROM items.scans WHERE store = ? AND dataset = ?", where
            ).fetchone()
            if complete is None or not complete[0]:
                yield dataset, None, None
                continue
            gone, new = connection.execute(_COMPARED, where * 4).fetchone() or (0, 0)
            yield dataset, gone, max(0, new - redacted.get(dataset, 0))


_SIDE = "SELECT container, key, version FROM {} WHERE store = ? AND dataset = ?"
_BEFORE, _NOW = _SIDE.format("kept.bystanders"), _SIDE.format("items.items")
_COMPARED = (
    f"SELECT (SELECT count(*) FROM ({_BEFORE} EXCEPT {_NOW})), "  # noqa: S608 - nothing but these constants
    f"(SELECT count(*) FROM ({_NOW} EXCEPT {_BEFORE}))"
)


def _exclude(connection: duckdb.DuckDBPyConnection, due: list[DueItem]) -> None:
    connection.execute("CREATE OR REPLACE TEMPORARY TABLE acted (container VARCHAR, key VARCHAR)")
    if due:
        connection.executemany("INSERT INTO acted VALUES (?, ?)", [(each.ref.container, each.ref.key) for each in due])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
