"""Suites: what is expected of one table, described without Great Expectations, and evaluated by it in the store.

Who describes them knows plans and data maps; here they are names, conditions and bounds. A suite is evaluated over its
table as one batch, so that all its counts come from one statement where the engine can give them so; results are
counts, and whatever an engine says of a failure is dropped, since it may quote a value.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from expectations.context import ephemeral_context, opened
from expectations.findings import Finding, Severity, Stage

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite, ExpectationValidationResult
    from great_expectations.datasource.fluent import SQLDatasource

RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0, "include_unexpected_rows": False}
"""Counts, and no example of what was counted."""


_UNREADABLE = "Great Expectations cannot read it"

_TELLING = 3
"""Characters from which a text that Great Expectations repeats may be a value."""

_NO_PARAMETER = r"\\:"
"""A colon that begins no parameter of a query: Great Expectations reads the text twice."""


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of a suite, and what a finding says of it.

    ``type`` and ``arguments`` are Great Expectations' own, or one of `expectations.kinds`. ``expected`` is told where
    the arguments allow more than one count. ``refused`` is the remedy where the engine does not answer, if another.
    """

    expectation: str
    dataset: str
    measure: str
    remedy: str
    type: str
    arguments: Mapping[str, Any]
    severity: Severity = Severity.CRITICAL
    expected: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """What is expected of one table (or of the rows that a query gives) at one stage of a run.

    ``schema`` is PostgreSQL's, empty elsewhere. ``query`` selects the rows where they are not the whole table.
    """

    name: str
    store: str
    stage: Stage
    schema: str
    table: str
    checks: tuple[Check, ...]
    query: str = field(default="")


def check_suites(url: str, suites: Sequence[Suite]) -> list[Finding]:
    """Evaluate suites of one store in its engine; one finding for each check, in order.

    Args:
        url: SQLAlchemy URL of the reading role.
        suites: what is expected; a check that cannot be evaluated gives a finding that has not passed.

    Raises:
        ConnectorError: the URL is none, or names an engine that is not supported.
    """
    findings: dict[int, list[Finding]] = {}
    numbered = sorted(enumerate(suites), key=lambda each: (each[1].store, each[1].schema, each[0]))
    for (store, schema), group in groupby(numbered, key=lambda each: (each[1].store, each[1].schema)):
        with opened(store, url, schema) as source:
            for position, suite in group:
                findings[position] = list(_checked(source, suite))
    return [finding for position in sorted(findings) for finding in findings[position]]


def written(suite: Suite) -> dict[str, Any]:
    """The suite as Great Expectations writes one, in JSON types; what a person is told stands in each `meta`."""
    document: dict[str, Any] = _made(suite).to_json_dict()
    return {name: value for name, value in document.items() if name not in {"id", "notes"}}


def misused(kind: str, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why a kind of expectation does not take these arguments: each argument's name and what is wrong with it.

    What Great Expectations says of an argument is told only where it repeats none.
    """
    expectation = _kind(kind)
    from great_expectations.compatibility import pydantic

    try:
        expectation(**arguments)
    except pydantic.ValidationError as error:
        wrong: dict[str, list[str]] = {}
        for each in error.errors():
            said = each["msg"].partition("\n")[0].rstrip(".")
            wrong.setdefault(str(each["loc"][0]), []).append(_UNREADABLE if _repeats(said, arguments) else said)
        return [(name, ", ".join(dict.fromkeys(said))) for name, said in wrong.items()]
    except Exception as error:  # noqa: BLE001 - its parsers raise errors of their own, which quote what they cannot read
        return [(name, _UNREADABLE) for name in _unreadable(expectation, arguments, str(error))]
    return []


def _unreadable(expectation: Any, arguments: Mapping[str, Any], said: str) -> list[str]:
    """The arguments without which an expectation could be made, of them those that an error repeats if it does."""
    found = []
    for name in arguments:
        try:
            expectation(**{other: value for other, value in arguments.items() if other != name})
        except Exception:  # noqa: BLE001, S112 - it is another that cannot be read, or this one must be there
            continue
        found.append(name)
    return [name for name in found if _repeats(said, arguments[name])] or found or list(arguments)


def _repeats(said: str, value: Any) -> bool:
    """Whether what is said repeats something that an argument holds."""
    return any(text in said for text in _texts(value) if len(text) >= _TELLING)


def _texts(value: Any) -> Iterator[str]:
    """Every text and number in a value, as a message would repeat it."""
    if isinstance(value, Mapping):
        value = value.values()
    if isinstance(value, str) or not isinstance(value, Iterable):
        yield str(value)
    else:
        yield from (text for each in value for text in _texts(each))


def _checked(source: SQLDatasource, suite: Suite) -> Iterator[Finding]:
    results = _results(source, suite)
    for check in suite.checks:
        yield _finding(suite, check, results.get(_asked(check)))


def _asked(check: Check) -> str:
    """What Great Expectations is asked: the same of checks that differ only in what is told of them."""
    return json.dumps([check.type, check.severity, check.arguments], sort_keys=True, default=str)


def _results(source: SQLDatasource, suite: Suite) -> dict[str, ExpectationValidationResult]:
    """The results by what was asked; of what could not be evaluated at all, none."""
    name = f"{suite.name} {len(source.assets)}"
    try:
        if suite.query:
            asset: Any = source.add_query_asset(name, query=suite.query.replace(":", _NO_PARAMETER))
        else:
            asset = source.add_table_asset(name, table_name=f'"{suite.table}"')
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        found = batch.validate(_made(suite), result_format=RESULT_FORMAT)
    except Exception:  # noqa: BLE001 - of every kind, and what it says may quote a value: not evaluated, not passed
        return {}
    asked = list(_distinct(suite))
    return {asked[each.expectation_config.meta["check"]]: each for each in found.results}


def _kind(name: str) -> Any:
    """A kind of expectation by its name, Great Expectations' or our own."""
    ephemeral_context()  # expectations belong to one
    from great_expectations.expectations.registry import get_expectation_impl

    import expectations.kinds as _  # noqa: F401 - they register themselves

    return get_expectation_impl(name)


def _distinct(suite: Suite) -> dict[str, Check]:
    """The first check of those that ask the same: Great Expectations keeps one of them, and would answer only it."""
    first: dict[str, Check] = {}
    for check in suite.checks:
        first.setdefault(_asked(check), check)
    return first


def _made(suite: Suite) -> ExpectationSuite:
    ephemeral_context()  # a suite belongs to one
    import great_expectations as gx

    made = gx.ExpectationSuite(name=suite.name, meta={"stage": suite.stage.value, "store": suite.store})
    for number, check in enumerate(_distinct(suite).values()):
        told = {"check": number, "dataset": check.dataset, "expects": check.expectation, "remedy": check.remedy}
        made.add_expectation(_kind(check.type)(**check.arguments, severity=check.severity.value, meta=told))
    return made


def _finding(suite: Suite, check: Check, result: ExpectationValidationResult | None) -> Finding:
    seen, least, most = (None, None, None) if result is None or _raised(result) else _count(check, result)
    found = Finding(
        check.expectation, suite.store, check.dataset, _measure(check, result), check.expected, seen, check.remedy,
        suite.stage, check.severity, *((None, None) if (least, most) == (check.expected,) * 2 else (least, most)),
    )  # fmt: skip
    agreed = result is not None and found.passed == bool(result.success)
    if not agreed or seen is None:
        return replace(found, seen=None, remedy=check.refused or check.remedy)
    return found


def _measure(check: Check, result: ExpectationValidationResult | None) -> str:
    """What was counted, and of columns which offend."""
    details = (result.result or {}).get("details") or {} if result is not None else {}
    names = ", ".join(f"`{each}`" for each in details.get("names", ()))
    return f"{check.measure}: {names}" if names else check.measure


def _raised(result: ExpectationValidationResult) -> bool:
    """Whether it could not be evaluated: Great Expectations says so of the expectation, or of one of its metrics."""
    told = result.exception_info or {}
    return any(each.get("raised_exception") for each in (told, *told.values()) if isinstance(each, Mapping))


def _count(check: Check, result: ExpectationValidationResult) -> tuple[int, int, int]:
    """What was seen and the bounds in which it may lie; of what is no count, whether the expectation is unmet."""
    body = result.result or {}
    details, unexpected = body.get("details") or {}, body.get("unexpected_count")
    if {"least", "most"} <= set(details):
        return body["observed_value"], details["least"], details["most"]
    if isinstance(unexpected, int):
        filled = body["element_count"] - body.get("missing_count", 0)
        most = math.floor((1 - check.arguments.get("mostly", 1)) * filled)
        return unexpected, 0, max(most, unexpected) if result.success else min(most, unexpected - 1)
    return int(not result.success), 0, 0
