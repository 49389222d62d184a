"""Probes for canaries: values that whoever watches over the run has planted, and that must be found nowhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import ConnectorError
from expectations.canaries import Canaries, Hit
from expectations.probes import Probe
from pipelines.errors import UsageError
from pipelines.scan.refresh import ITEM_STORES
from pipelines.verify import CANARIES

if TYPE_CHECKING:
    from pipelines.estate import Estate

NOWHERE = "canaries are found nowhere"

_REMEDY = "Look there for what the data map does not name, map it, and run again."


def canary_probes(estate: Estate) -> Iterator[Probe]:
    """Search stores, the engine's database and files, and the folders that the canary file names, for counts.

    Without a canary file there is nothing to look for, and no probe.

    Raises:
        UsageError: the file is not as it should be.
    """
    named = os.environ.get(CANARIES)
    if not named:
        return
    canaries, folders = _read(Path(named))
    for store, config in estate.stores.items():
        if config.kind in ITEM_STORES:
            continue  # the folders that the file names hold their files, residue included
        try:
            # With the role that sees all of the engine's own tables: what is pending is closed to the reading one.
            use = ("write", config.write) if config.write else ("read", config.read)
            url = estate.connections.find(use[1], f"[stores.{store}] {use[0]}")
            seen: int | None = _sum(canaries.search_sql(url))
        except (ConnectorError, OSError):
            seen = None
        yield Probe(NOWHERE, store, "", "rows with a canary", 0, seen, _REMEDY)
    state = estate.state
    yield Probe(NOWHERE, "engine", "", "files with a canary", 0, _sum(canaries.search_files(state)), _REMEDY)
    engine = estate.connections.find(estate.config.engine.database, "[engine] database")
    yield Probe(NOWHERE, "engine", "", "rows with a canary", 0, _sum(canaries.search_sql(engine)), _REMEDY)
    for number, folder in enumerate(folders, start=1):
        seen = _sum(canaries.search_files(folder)) if folder.is_dir() else None
        yield Probe(NOWHERE, "files", "", f"files with a canary in folder {number}", 0, seen, _REMEDY)


def _read(path: Path) -> tuple[Canaries, list[Path]]:
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError("others may read the canary file", CANARIES, "Set its mode to 0600.")
        document = json.loads(path.read_text(encoding="utf-8"))
        return Canaries(tuple(document["values"])), [Path(each) for each in document.get("folders", [])]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            "the canary file cannot be read", CANARIES, 'It is JSON such as {"values": ["…"], "folders": ["…"]}.'
        ) from None


def _sum(hits: list[Hit]) -> int:
    return sum(hit.count for hit in hits)
