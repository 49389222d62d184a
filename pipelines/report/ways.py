"""How the rows of a step were acted on, and why not otherwise, in words for somebody who runs no database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pipelines.plan.artefact import Step
from pipelines.report.model import Done

WAYS: Final[Mapping[str, str]] = {
    "drop_partition": "whole partitions at once",
    "rewrite": "by writing the table anew",
    "ranges": "in ranges of rows",
}
"""By the name of a strategy."""

OBSTACLES: Final[Mapping[str, str]] = {
    "kind": "it is no ordinary table",
    "inheritance": "it is a partition, or inherits, or others inherit from it",
    "foreign_keys": "foreign keys point at it",
    "triggers": "it has triggers",
    "rules": "it has rules",
    "row_security": "policies decide on who sees which row",
    "dependents": "views, functions or others depend on it",
    "publications": "it is published",
    "replication": "changes of the database are decoded for others, or the table is fed by a subscription",
    "owner": "the role does not own it",
    "schema": "the role may not create tables beside it",
    "references": "the role may not reference other tables",
    "grantors": "others than its owner have granted rights on it",
    "unfinished": "a constraint of it is not validated, or an index not valid",
    "tablespace": "it or an index of it lies in a tablespace of its own",
    "extension": "it belongs to an extension, or carries a security label",
    "event_triggers": "event triggers watch over definitions",
    "size": "it takes more room than its store allows",
    "role": "the role does not exist",
    "rights": "the role may not empty partitions",
    "lock": "a lock on it was not granted in time",
    "time": "a statement took longer than one may",
    "disk": "the disk is full",
    "deadlock": "the server chose this transaction to give way",
    "likeness": "the new table would differ from the old one",
    "engine": "its engine commits every change of a definition at once: a killed run could not be taken back",
    "columns": "its columns are not those that it had when the run began",
    "not_whole": "a row of a partition is not due any more",
}
"""What came in the way of a strategy during a run, by its name in the ledger."""

_REFUSED: Final = "the store refused a statement ({name})"


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A way that was not gone, and why; ``planned``: the plan had chosen it, and something came between."""

    way: str
    reason: str
    planned: bool = False


def gone(step: Step, done: Done) -> list[tuple[str, int]]:
    """The ways in which a step's rows were acted on, each with how many; before a run, the one that is planned."""
    if done.ways:
        return [(WAYS[each.strategy], each.records) for each in done.ways]
    return [] if step.strategy is None else [(WAYS[step.strategy], 0)]


def otherwise(step: Step, done: Done) -> Iterator[Otherwise]:
    """The ways that the plan or the run has given up."""
    for impeded in done.impeded:
        told = OBSTACLES.get(impeded.obstacle) or _REFUSED.format(name=impeded.obstacle)
        yield Otherwise(WAYS[impeded.strategy], told, planned=True)
    for each in step.declined:
        yield Otherwise(WAYS[each.strategy], each.reason)
