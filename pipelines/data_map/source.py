"""Reading YAML so that everything in it still has its line: values, positions, and keys that occur twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from retention_rules.problems import Problem, quoted

Path_ = tuple[str | int, ...]

_NAMED = re.compile(r"\b(alias|anchor|handle|tag) u?(['\"]).*?\2")
"""What the reader of YAML repeats of a file: it may be the beginning of a value that lacks its quotes."""


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file as plain values; ``lines`` gives each place in it (a path of keys and indices) its line, from 1."""

    path: Path
    data: Any
    lines: Mapping[Path_, int] = field(repr=False)

    def line(self, place: Path_) -> int:
        """The line of a place, or of the nearest place around it that the file has."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 0


def read(path: Path, problems: list[Problem], name: str) -> Source | None:
    """Read a file; what is wrong is added to ``problems``, under ``name``. None when it is no YAML at all."""
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = _NAMED.sub(r"\1", error.problem or "")
        problems.append(Problem(name, line, f"this is no YAML: {problem}", "Mend the notation"))
        return None
    except (YAMLError, UnicodeDecodeError):
        problems.append(Problem(name, 0, "this is no YAML in UTF-8", "Mend the notation"))
        return None
    except OSError:
        problems.append(Problem(name, 0, "the file cannot be read", "Give this user the right to"))
        return None
    reader = _Reader(name, problems, yaml.constructor)
    data = reader.value(node, ()) if node is not None else None
    return Source(path, data, reader.lines)


class _Reader:
    def __init__(self, name: str, problems: list[Problem], scalars: SafeConstructor) -> None:
        self._name = name
        self._problems = problems
        self._scalars = scalars
        self.lines: dict[Path_, int] = {}

    def value(self, node: Node, place: Path_) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            return [self.value(each, (*place, index)) for index, each in enumerate(node.value)]
        try:
            return self._scalars.construct_object(node)
        except (YAMLError, ValueError):
            self._add(node, "this value cannot be read", "Put it in quotes if it is a text")
            return None

    def _mapping(self, node: MappingNode, place: Path_) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if isinstance(key_node, (MappingNode, SequenceNode)):
                self._add(key_node, "a key must be a single word", "Write it as `key: value`")
                continue
            key = key_node.value  # keys are words as they are written: `null` and `on` are keys like others
            if key in found:
                self._add(key_node, f"{quoted(key, 'a key')} is there twice", "Keep one of them")
                continue
            self.lines[*place, key] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, (*place, key))
        return found

    def _add(self, node: Node, what: str, remedy: str) -> None:
        self._problems.append(Problem(self._name, node.start_mark.line + 1, what, remedy))
