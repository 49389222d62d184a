"""A person's own suites: YAML in `expectations/` of the estate, or in `expectations/suites/` of Ardoise itself.

Read with every problem reported at once. What would tell a personal value, as an argument or as a result, is refused:
results of Great Expectations repeat arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from expectations.findings import Severity, Stage
from pipelines.data_map.source import Source, read
from pipelines.data_map.validation import problems_of
from pipelines.errors import EstateInvalid
from pipelines.expect.kinds import COLUMNS, REACH, Reach
from pipelines.scan.coverage import accounted_for
from pipelines.scan.refresh import ITEM_STORES
from retention_rules.problems import Problem, quoted, suggestion

if TYPE_CHECKING:
    from pipelines.data_map.model import DatasetMap
    from pipelines.estate import Estate

FOLDER = "expectations"
"""Where an estate has its own."""

_SHIPPED = frozenset({"counts.yaml"})
"""Suites of Ardoise's own, over counts and not over a store."""

_REMEDY = "Look at the rows; the suite was written by somebody who knows what they should be."
_QUOTED = re.compile(r"'((?:[^']|'')*)'")

Mistake = tuple[tuple[str | int, ...], str, str]


class OwnExpectation(BaseModel):
    """One expectation: its kind, when it is looked at, what failing means. Every other key is an argument of the kind.

    ``meaning`` and ``remedy`` are what findings say; ``stage`` is `before`, `after` or `both`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    stage: Literal["before", "after", "both"] = "before"
    severity: Severity = Severity.CRITICAL
    meaning: str = ""
    remedy: str = _REMEDY

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What is given to Great Expectations."""
        return self.model_extra or {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        found: list[str] = []
        for name in COLUMNS:
            given = self.arguments.get(name, ())
            found += [given] if isinstance(given, str) else given
        return tuple(found)

    def at(self, stage: Stage) -> bool:
        """Whether it is looked at in a stage."""
        return self.stage in {"both", stage.value}


class OwnSuite(BaseModel):
    """What a person expects of one dataset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    suite: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
    store: str
    dataset: str
    expectations: tuple[OwnExpectation, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    suite: OwnSuite
    source: Source = field(repr=False)


def own_suites(estate: Estate) -> tuple[OwnSuite, ...]:
    """Every suite that a person wrote, valid. Those in Ardoise's own folder count where the estate has their store.

    Raises:
        EstateInvalid: with every problem of all of these files.
    """
    problems: list[Problem] = []
    files = [*_read_all(estate.folder / FOLDER, f"{FOLDER}/", problems)]
    shipped = _read_all(Path(str(resources.files("expectations").joinpath("suites"))), "expectations/suites/", problems)
    files += [each for each in shipped if each.suite.store in estate.stores]
    seen: set[str] = set()
    for each in files:
        mistakes = [*_misplaced(estate, each.suite), *_constructed(each.suite)]
        if each.suite.suite in seen:
            mistakes.append((("suite",), f"there are two suites `{each.suite.suite}`", "Give each its own name"))
        seen.add(each.suite.suite)
        problems += [Problem(each.name, each.source.line(place), what, remedy) for place, what, remedy in mistakes]
    if problems:
        raise EstateInvalid(sorted(set(problems)))
    return tuple(each.suite for each in files)


def _read_all(folder: Path, prefix: str, problems: list[Problem]) -> Iterator[_File]:
    for path in sorted(folder.glob("*.yaml")):
        if path.name in _SHIPPED:
            continue
        name = prefix + path.name
        source = read(path, problems, name)
        if source is None:
            continue
        try:
            yield _File(name, OwnSuite.model_validate(source.data), source)
        except ValidationError as error:
            problems.extend(problems_of(error, OwnSuite, name, source.line))


def _misplaced(estate: Estate, suite: OwnSuite) -> Iterator[Mistake]:
    """What does not fit the estate: its store, its dataset, its columns and what may be asked of them."""
    if suite.store not in estate.stores:
        remedy = suggestion(suite.store, estate.stores, "Name a store of ardoise.toml")
        yield ("store",), f"there is no store {quoted(suite.store)}", remedy
        return
    if estate.stores[suite.store].kind in ITEM_STORES:
        yield ("store",), f"the store `{suite.store}` has no tables", "Suites are for SQL stores"
        return
    known = estate.data_maps[suite.store].datasets if suite.store in estate.data_maps else {}
    if suite.dataset not in known:
        remedy = suggestion(suite.dataset, known, "Map it first, or name a dataset of its data map")
        yield ("dataset",), f"the data map of `{suite.store}` has no dataset {quoted(suite.dataset)}", remedy
        return
    for number, expectation in enumerate(suite.expectations):
        for place, what, remedy in _unfit(expectation, known[suite.dataset]):
            yield ("expectations", number, *place), what, remedy


def _unfit(expectation: OwnExpectation, dataset: DatasetMap) -> Iterator[Mistake]:
    reach = REACH.get(expectation.type)
    if reach is None:
        remedy = suggestion(expectation.type, REACH, "docs/expectations.md lists the kinds that run in a store")
        yield ("type",), f"{quoted(expectation.type, 'this')} is no kind of expectation that may be used here", remedy
        return
    mapped = accounted_for(dataset)
    for column in expectation.columns:
        if column not in mapped:
            remedy = suggestion(column, mapped, "Map it first: nobody has said whether it is personal")
            yield ("column",), f"the data map knows no column {quoted(column)}", remedy
        elif reach is Reach.VALUES and column in dataset.personal:
            yield (
                ("type",),
                f"`{expectation.type}` tells values, and `{column}` is personal",
                "Expect a pattern, a length, or that it is filled or unique",
            )
    for name, value in expectation.arguments.items():
        if any(map(_personal, _texts(value))):
            yield (
                (name,),
                f"{quoted(name, 'an argument')} looks as if it held a personal value, which every result would repeat",
                "Describe such values by a pattern",
            )


def _texts(value: Any) -> Iterator[str]:
    """Every text in an argument: of SQL, what stands in quotes too."""
    if isinstance(value, str):
        yield value
        yield from _QUOTED.findall(value)
    elif isinstance(value, Mapping):
        yield from (text for each in value.values() for text in _texts(each))
    elif isinstance(value, (list, tuple)):
        yield from (text for each in value for text in _texts(each))


def _personal(text: str) -> bool:
    """Whether a text is an address, a telephone number or the like; a pattern is read as what it matches literally."""
    from pipelines.classify.patterns import value_types

    literal = re.sub(r"[\\^$]", "", re.sub(r"\[(.)\]", r"\1", text))
    return bool(value_types(literal.strip()))


def _constructed(suite: OwnSuite) -> Iterator[Mistake]:
    """What Great Expectations itself says of the arguments; the arguments are not repeated."""
    from expectations.suites import misused

    for number, expectation in enumerate(suite.expectations):
        if expectation.type in REACH:
            for name, what in misused(expectation.type, expectation.arguments):
                where = (name,) if name in expectation.arguments else ()
                remedy = f"Give the arguments of {expectation.type} as Great Expectations documents them"
                yield (
                    ("expectations", number, *where),
                    f"{quoted(name, 'an argument')} of `{expectation.type}`: {what}",
                    remedy,
                )
