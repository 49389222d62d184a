"""What a plan says of other copies of the rows on which it acts, in the same store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from connectors.sql.copies import Copy, CopyKind
from pipelines.plan.artefact import Place, Refusal, Step

_KEEPS = {
    CopyKind.VIEW: "the materialised view {place} keeps what was there until it is refreshed: refresh it after the run",
    CopyKind.TEXT: "the full-text table {place} keeps what was there unless triggers follow: rebuild it after the run",
    CopyKind.HISTORY: "{place} looks like a history of it and is not in the data map: map it, or empty it by hand",
}


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies of one store; ``sources`` are the locations of its datasets by name."""

    store: str
    sources: Mapping[str, str]
    found: tuple[Copy, ...]

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
        """What else may keep copies of what is acted on; what is in the data map itself goes by its own rules."""
        mapped = set(self.sources.values())
        for dataset in self._acted(steps):
            for copy in self.found:
                if copy.of == self.sources[dataset] and copy.kind in _KEEPS and copy.place not in mapped:
                    yield f"{self.store}.{dataset}: {_KEEPS[copy.kind].format(place=copy.place)}"

    def _acted(self, steps: Iterable[Step]) -> list[str]:
        return sorted({step.dataset for step in steps if step.store == self.store and step.place is Place.ACTIVE})
