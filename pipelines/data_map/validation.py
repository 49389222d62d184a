"""From pydantic's errors to problems with file, line and remedy.

The offending value is never repeated, nor an unknown key that does not look like a name: it could be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from retention_rules.problems import Problem, quoted, suggestion

Place = tuple[str | int, ...]


def problems_of(
    error: ValidationError, model: type[BaseModel], file: str, line: Callable[[Place], int]
) -> Iterator[Problem]:
    """Each mistake once, at its line."""
    seen = set()
    for each in error.errors(include_url=False, include_context=True, include_input=False):
        place = tuple(part for part in each["loc"] if part != "[key]")
        what, remedy = _say(each, place, model)
        problem = Problem(file, line(place), what, remedy)
        if problem not in seen:
            seen.add(problem)
            yield problem


def _say(error: ErrorDetails, place: Place, model: type[BaseModel]) -> tuple[str, str]:
    name = ".".join(str(part) for part in place) or "the file"
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _keys(model, place[:-1])
        if not quoted(str(place[-1]), ""):
            name = ".".join(str(part) for part in place[:-1])
            return f"a key of {f'`{name}`' if name else 'the file'} is not known here", "Take it out"
        return f"`{name}` is not known here", suggestion(str(place[-1]), known, "Take it out")
    if kind == "missing":
        return f"`{name}` is missing", "Add it"
    if kind == "string_pattern_mismatch":
        return f"`{name}` is not written as it must be", "Use lower-case letters, digits and _, a letter first"
    message = error["msg"].removeprefix("Value error, ").rstrip(".")
    return f"`{name}`: {message[:1].lower()}{message[1:]}", "Write it as the documentation of this key says"


def _keys(model: type[BaseModel], place: Iterable[str | int]) -> list[str]:
    """The keys that a model knows at a place; none where the place is not one of its models."""
    current: Any = model
    for part in place:
        current = _inside(current, part)
        if current is None:
            return []
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _inside(current: Any, part: str | int) -> Any:
    """The type of what stands at a key or an index of a type."""
    if isinstance(current, type) and issubclass(current, BaseModel):
        known = current.model_fields.get(str(part))
        return _unwrapped(known.annotation) if known else None
    arguments = [each for each in getattr(current, "__args__", ()) if each is not Ellipsis]
    return _unwrapped(arguments[-1]) if arguments else None


def _unwrapped(annotation: Any) -> Any:
    """`X | None` as X."""
    arguments = [each for each in getattr(annotation, "__args__", ()) if each is not type(None)]
    if type(None) in getattr(annotation, "__args__", ()) and len(arguments) == 1:
        return arguments[0]
    return annotation
