"""Loading a store's data map: every problem at once, each with file, line and remedy."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import rfc8785
from pydantic import ValidationError

from connectors.base import Inventory
from pipelines.data_map.checks import against_inventory, against_policies, alone
from pipelines.data_map.model import DatasetMap, StoreMap
from pipelines.data_map.source import Source, read
from pipelines.data_map.validation import problems_of
from pipelines.errors import DataMapInvalid
from retention_rules.policy import Policy
from retention_rules.problems import Problem


@dataclass(frozen=True, slots=True)
class MapFile:
    """A data map with the file that it was read from, so that later checks still name lines.

    ``written`` is the map as the file has it, where less of it acts.
    """

    map: StoreMap
    name: str
    source: Source = field(repr=False)
    written: StoreMap | None = None

    def acting(self, acting: StoreMap) -> MapFile:
        """The same file, of which only this map acts."""
        return replace(self, map=acting, written=self.written or self.map)

    def check_against(self, inventory: Inventory) -> list[Problem]:
        """What the map names and the store does not have: tables, columns.

        Only what the file calls approved is held to it; so a mistake is named before anybody is asked to confirm it.
        """
        return sorted(self._at(each) for each in against_inventory(self.written or self.map, inventory))

    def check_policies(self, policies: Mapping[str, Policy], ignore: Collection[str] = ()) -> list[Problem]:
        """What the map names and its controllers' policies do not know: controllers, events, facts.

        ``ignore`` names controllers whose policies could not be loaded, and about whom nothing can be said.
        """
        return sorted(self._at(each) for each in against_policies(self.map, policies, ignore))

    def check(self) -> list[Problem]:
        """What does not fit together inside the map."""
        return sorted(self._at(each) for each in alone(self.map))

    def _at(self, mistake: tuple[tuple[str | int, ...], str, str]) -> Problem:
        place, what, remedy = mistake
        return Problem(self.name, self.source.line(place), what, remedy)


def read_map(path: Path, problems: list[Problem], name: str | None = None) -> MapFile | None:
    """Read one file; what is wrong is added to ``problems``. ``name`` is how the file is called in them."""
    name = name or path.name
    source = read(path, problems, name)
    if source is None:
        return None
    try:
        store_map = StoreMap.model_validate(source.data)
    except ValidationError as error:
        problems.extend(problems_of(error, StoreMap, name, source.line))
        return None
    loaded = MapFile(store_map, name, source)
    problems.extend(loaded.check())
    return loaded


def load_map(path: Path) -> MapFile:
    """Read one file.

    Raises:
        DataMapInvalid: with every problem of the file.
    """
    problems: list[Problem] = []
    loaded = read_map(path, problems)
    if problems or loaded is None:
        raise DataMapInvalid(sorted(problems))
    return loaded


def digest_of_maps(maps: Iterable[StoreMap]) -> str:
    """SHA-256 over the canonical JSON of the approved datasets; who approved them and when is no part of it."""
    document = {each.store: approved_document(each) for each in maps if each.active}
    return hashlib.sha256(rfc8785.dumps(document)).hexdigest()


def approved_document(store_map: StoreMap) -> dict[str, Any]:
    """The approved datasets of a map as JSON types."""
    return {name: _document(dataset) for name, dataset in store_map.active.items()}


def dataset_digest(dataset: DatasetMap) -> str:
    """SHA-256 over the canonical JSON of one dataset's mapping; who approved it and when is no part of it."""
    return hashlib.sha256(rfc8785.dumps(_document(dataset))).hexdigest()


def _document(dataset: DatasetMap) -> dict[str, Any]:
    document = dataset.model_dump(mode="json", exclude={"approved"})
    if dataset.anonymity is None:  # so that what was approved before there was such a key is still the same
        del document["anonymity"]
    return document
