"""What a plan says of other copies of the rows on which it acts, in the same store, and of triggers that write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from connectors.base import Inventory
from connectors.sql.catalog import children
from connectors.sql.copies import Copy, CopyKind
from pipelines.plan.artefact import Place, Refusal, Step

_KEEPS = {
    CopyKind.VIEW: "the materialised view {place} keeps what was there until it is refreshed: refresh it after the run",
    CopyKind.TEXT: "the full-text table {place} keeps what was there unless triggers follow: rebuild it after the run",
    CopyKind.HISTORY: "{place} looks like a history of it and is not in the data map: map it, or empty it by hand",
    CopyKind.FILLED: "triggers write from it into {place}, which is not in the data map: map it, or empty it by hand",
}
_CHANGES = {"cascade": "DELETE", "set null": "UPDATE", "set default": "UPDATE"}
"""What happens to rows that reference one that is deleted, by the rule of their foreign key."""

_COMPARED = (
    "{by} could write any column of its rows: of a row that is overwritten, verification can compare the key alone. "
    "Do without them, or compare such rows with a backup by hand"
)
_SILENT = {"mysql", "mariadb"}
"""Engines whose foreign keys fire no triggers of the rows that they change."""


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies of one store, whose SQL has a dialect; ``sources`` are the locations of its datasets by name.

    ``watchers``: see `connectors.sql.implied`, of the table at a location.
    """

    store: str
    sources: Mapping[str, str]
    found: tuple[Copy, ...]
    inventory: Inventory
    dialect: str
    watchers: Callable[[str], tuple[str, ...] | None] = lambda _: None

    def refused(self, steps: Iterable[Step]) -> Iterator[Refusal]:
        """A table that keeps its own versions keeps every value that is overwritten: nothing would be anonymised."""
        for dataset in self._acted(steps):
            source = self.sources[dataset]
            if any(each.kind is CopyKind.VERSIONS and each.of == source for each in self.found):
                yield Refusal(
                    self.store,
                    dataset,
                    f"{source} is system-versioned: it keeps every row as it was",
                    f"ALTER TABLE {source} DROP SYSTEM VERSIONING, then plan again.",
                )

    def remarks(self, steps: Iterable[Step]) -> Iterator[str]:
        """What else may keep copies of what is acted on; what is in the data map itself goes by its own rules.

        But whatever triggers write when rows are deleted is said: nobody can try beforehand what becomes of rows that
        others reference.
        """
        mapped = set(self.sources.values())
        deleting = {step.dataset for step in steps if step.takes_rows}
        for dataset in self._acted(steps):
            source, fired = self.sources[dataset], set()
            for copy, names in self._fired(source) if dataset in deleting else ():
                fired.add((copy.place, copy.of))
                yield (
                    f"{self.store}.{dataset}: deleting its rows fires triggers of {copy.of} ({', '.join(names)}) that "
                    f"write into {copy.place}: let them leave out what was there, or switch them off for our role"
                )
            for copy in self.found:
                told = copy.place in mapped or (copy.place, copy.of) in fired
                if copy.of == source and copy.kind in _KEEPS and not told:
                    yield f"{self.store}.{dataset}: {_KEEPS[copy.kind].format(place=copy.place)}"

    def uncompared(self, steps: Iterable[Step]) -> Iterator[str]:
        """Where verification cannot tell whether rows that are overwritten are otherwise what they were."""
        for dataset in self._acted(step for step in steps if not step.takes_rows):
            names = self.watchers(self.sources[dataset])
            if names is not None:
                by = f"triggers on UPDATE ({', '.join(names)})" if names else "rules or triggers on UPDATE"
                yield f"{self.store}.{dataset}: {_COMPARED.format(by=by)}"

    def _fired(self, source: str) -> Iterator[tuple[Copy, tuple[str, ...]]]:
        """The copies that deleting rows of a table would write, with the triggers that do."""
        for table, events in sorted(self._changed(source).items()):
            for copy in self.found:
                if copy.of == table and (names := copy.fired_by(events)):
                    yield copy, names

    def _changed(self, source: str) -> dict[str, set[str]]:
        """By table, what happens to its rows when rows of a table are deleted: there, and along its foreign keys."""
        found: dict[str, set[str]] = {source: {"DELETE"}}
        pending = [] if self.dialect in _SILENT else [source]
        while pending:
            for child, reference in children(self.inventory, pending.pop()):
                event = _CHANGES.get(reference.on_delete)
                if event is None:
                    continue
                known = found.setdefault(child.location, set())
                if event == "DELETE" and event not in known:
                    pending.append(child.location)
                known.add(event)
        return found

    def _acted(self, steps: Iterable[Step]) -> list[str]:
        return sorted({step.dataset for step in steps if step.store == self.store and step.place is Place.ACTIVE})
