"""What a run must have done to an archive: what moved arrived, what was due left, and nothing else was touched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.sql.archive import ALTERED, ID, PLAN, STEP, Archive
from connectors.sql.lines import key_among
from connectors.sql.sets import SetDigest, set_digest
from expectations.probes import Probe
from pipelines.plan.arrivals import archivable
from pipelines.plan.artefact import Action, Place, Step

if TYPE_CHECKING:
    from pipelines.data_map.model import DatasetMap
    from pipelines.plan.archived import ArchivedSelections
    from pipelines.plan.artefact import Plan
    from retention_rules.policy import Policy

ARRIVED = "what moved is in the archive"
STAYED = "what was not due in the archive is untouched"
ALLOWED = "the archive holds nothing that law, claims or holds do not keep"

_CHANGED = "Something else wrote to the archive meanwhile, or this is a defect: compare with the server's log."


@dataclass(frozen=True, slots=True)
class Measured:
    """One table before a run: the arrivals that no step acts on, and what no step touches of those that stay."""

    rows: SetDigest
    columns: SetDigest
    names: tuple[str, ...]
    untouched: tuple[str, ...]


def before(archived: ArchivedSelections, steps: Sequence[Step]) -> dict[str, Measured]:
    """Measure every table of an archive before a run; on the connection that has the holds."""
    found = {}
    known = archived.context.maps[archived.store].active
    for name in archived.archive.tables(archived.connection):
        selection = archived.selection(name)
        if selection is None:
            continue
        table = selection.table
        own = [
            each
            for each in steps
            if (each.store, each.dataset, each.place) == (archived.store, name, Place.ARCHIVE) and name in known
        ]
        acted = {each.id: key_among(table, (ID,), selection.due_keys(each)) for each in own}
        gone = [acted[each.id] for each in own if each.takes_rows]
        touched = {field for each in own if not each.takes_rows for field in each.fields} | {ALTERED}
        names = tuple(table.c.keys())
        untouched = tuple(each for each in names if each not in touched)
        found[name] = Measured(
            set_digest(archived.connection, table, names, sa.not_(sa.or_(sa.false(), *acted.values()))),
            set_digest(archived.connection, table, untouched, sa.not_(sa.or_(sa.false(), *gone))),
            names,
            untouched,
        )
    return found


def write(path: Path, tables: dict[str, Measured]) -> None:
    """Keep the measurements of an archive, readable by their owner alone."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({name: asdict(each) for name, each in tables.items()}, sort_keys=True))
    draft.chmod(0o600)
    draft.replace(path)


def read(path: Path) -> dict[str, Measured] | None:
    """What `write` has written; None when the run never began in the store."""
    if not path.exists():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Measured(*_sets(each), tuple(each["names"]), tuple(each["untouched"])) for name, each in document.items()
    }


def _sets(document: dict[str, dict[str, object]]) -> tuple[SetDigest, SetDigest]:
    rows, columns = (SetDigest(each["rows"], tuple(each["sums"])) for each in (document["rows"], document["columns"]))  # type: ignore[arg-type]
    return rows, columns


def probes(
    store: str,
    archive: Archive,
    plan: Plan,
    measured: dict[str, Measured] | None,
    done: dict[str, int],
    stale: dict[str, int],
    rules: tuple[Policy, dict[str, DatasetMap]],
) -> Iterator[Probe]:
    """What an archive must be like after a run, as its own reader sees it.

    By step, ``done`` says how many have moved, and ``stale`` how many were not due any more at their turn.
    """
    steps = [step for step in plan.steps if step.store == store]
    with archive.reading() as connection:
        tables = {name: archive.find(connection, name) for name in archive.tables(connection)}
        for step in steps:
            if step.action is Action.ARCHIVE:
                found = _arrived(connection, tables.get(step.dataset), plan, step)
                yield Probe(
                    ARRIVED, store, step.dataset, f"records of {step.id}", done.get(step.id, 0), found, _CHANGED
                )
        for name, then in sorted((measured or {}).items()):
            table = tables.get(name)
            own = [each for each in steps if each.place is Place.ARCHIVE and each.dataset == name]
            same = table is not None and _same(connection, table, plan, then, own, stale)
            yield Probe(STAYED, store, name, "arrivals that changed without being due", 0, int(not same), _CHANGED)
        if measured is None and steps:
            yield Probe(
                STAYED, store, "", "arrivals that changed", 0, None, "The run measured nothing before it began."
            )
        policy, maps = rules
        for name, table in tables.items():
            forbidden = [
                field
                for field, mapped in (maps[name].personal.items() if name in maps else ())
                if table is not None and field in table.c and not archivable(policy, mapped.category)
            ]
            remedy = "Drop these columns from the archive's table; find out how they came to be there."
            yield Probe(ALLOWED, store, name, "columns that may never be there", 0, len(forbidden), remedy)


def _arrived(connection: sa.Connection, table: sa.Table | None, plan: Plan, step: Step) -> int:
    if table is None:
        return 0
    ours = sa.and_(table.c[PLAN] == plan.digest, table.c[STEP] == step.id)
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(ours)).scalar_one())


def _same(
    connection: sa.Connection, table: sa.Table, plan: Plan, then: Measured, steps: Sequence[Step], stale: dict[str, int]
) -> bool:
    """Whether everything but what the plan acted on or brought is as it was; columns that it added are its own.

    Where some arrivals were not due any more at their turn, they are there too: then as many as there may be.
    """
    older = table.c[PLAN] != plan.digest
    unaltered = sa.func.coalesce(table.c[ALTERED], "") != plan.digest
    rows = set_digest(connection, table, then.names, sa.and_(older, unaltered))
    columns = set_digest(connection, table, then.untouched, older)
    late = sum(stale.get(step.id, 0) for step in steps)
    if not late:
        return (rows, columns) == (then.rows, then.columns)
    stayed = sum(stale.get(step.id, 0) for step in steps if step.takes_rows)
    return (
        then.columns.rows <= columns.rows <= then.columns.rows + stayed
        and then.rows.rows <= rows.rows <= then.rows.rows + late
    )
