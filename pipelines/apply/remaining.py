"""What remains in a store after its residue was purged, and when that expires: as the estate declares it (A8).

A write-ahead log, a replica, a backup keep old values after the run. No command of the store removes them; whoever runs
it knows for how long they are kept, and says so under `[stores.NAME.residue]`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping

from connectors.lasting import Lasting, kind_of
from pipelines.apply.summary import Residue
from pipelines.estate.config import NONE, ResidueConfig
from retention_rules.periods import Period

_KEYS = {
    Lasting.WAL: "wal",
    Lasting.BINARY_LOG: "binary_log",
    Lasting.UNDO_LOG: "undo_log",
    Lasting.REPLICAS: "replicas",
    Lasting.BACKUPS: "backups",
    Lasting.CACHES: "caches",
    Lasting.HISTORY: "history",
}
"""Under which name the estate declares each kind."""


def remaining(
    store: str, dataset: str, said: Iterable[str], declared: ResidueConfig, day: dt.date
) -> tuple[Residue, ...]:
    """What a purge on a day says remains, with the last day of what is declared; what is declared absent is left out.

    Args:
        store: the store that was purged.
        dataset: the dataset on whose behalf.
        said: what the connector says remains, each as kind and reason.
        declared: `[stores.NAME.residue]`.
        day: the day of the run, from which periods count.
    """
    found = []
    for each in said:
        lasts = _declared(each, declared)
        if lasts == NONE:
            continue
        expires = lasts.after(day) if isinstance(lasts, Period) else None
        found.append(Residue(store, dataset, each, expires, declare(store, each)))
    return tuple(found)


def declare(store: str, said: str) -> str:
    """Where the estate says how long residue of this kind lasts; empty where it cannot: somebody has to remove it."""
    kind = _lasting(said)
    return "" if kind is None else f"{_KEYS[kind]} in [stores.{store}.residue]"


def ledger_names(residue: Iterable[Residue]) -> Mapping[str, dt.date | None]:
    """The kinds as the ledger writes names (letters, digits, dashes), each with its expiry date."""
    named: dict[str, dt.date | None] = {}
    for each in residue:
        plain = re.sub(r"[^a-z0-9]+", "-", kind_of(each.kind).lower()).strip("-")[:100]
        if plain:
            named[f"residue/{plain}"] = each.expires
    return named


def _declared(said: str, declared: ResidueConfig) -> Period | str | None:
    kind = _lasting(said)
    return None if kind is None else getattr(declared, _KEYS[kind])


def _lasting(said: str) -> Lasting | None:
    kind = kind_of(said)
    return Lasting(kind) if kind in set(Lasting) else None
