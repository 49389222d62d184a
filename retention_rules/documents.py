"""YAML as plain text, lists and mappings that remember their lines, with every repeated key noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from retention_rules.problems import Problem

Plain = str | list["Plain"] | dict[str, "Plain"] | None
"""What a document holds. Numbers and dates stay the text that was written; an empty value is ``None``."""

Place = tuple[str | int, ...]
"""The way to a value: the keys and list positions from the top."""

_NULL = "tag:yaml.org,2002:null"


@dataclass(slots=True)
class Document:
    """One YAML file: its content, the line of each place, and what was wrong with its form."""

    file: str
    content: dict[str, Plain] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def rename(self, file: str) -> None:
        """Call the file by another name, in what was blamed before as well."""
        self.file = file
        self.problems = [replace(problem, file=file) for problem in self.problems]

    def line(self, place: Place) -> int:
        """The line, from 1, of a place or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def blame(self, place: Place, what: str, remedy: str) -> None:
        """Note a problem at a place."""
        self.problems.append(Problem(self.file, self.line(place), what, remedy))


def read(path: Path, first: str = "policy: name") -> Document:
    """Read a YAML file whose top is a mapping, such as ``first`` begins; what is wrong is among its problems."""
    document = Document(str(path))
    try:
        root = YAML(typ="safe", pure=True).compose(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        document.blame((), "the file is not UTF-8 text", "Save it as UTF-8")
    except OSError as error:
        document.blame((), f"the file cannot be read: {error.strerror}", "Check that it is there and may be read")
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        said = (isinstance(error, MarkedYAMLError) and error.problem) or "a character that YAML does not allow"
        document.lines[()] = mark.line + 1 if mark else 1
        document.blame(
            (), f"this is no YAML: {said}", "Check indentation, colons and quotes here and on the line before"
        )
    else:
        content = _Reader(document).plain(root, ()) if root else None
        if isinstance(content, Mapping):
            document.content = content
        else:
            document.blame((), "the file is no mapping of keys to values", f"Begin with `{first}`")
    return document


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._around: list[Node] = []

    def plain(self, node: Node, place: Place) -> Plain:
        self._document.lines.setdefault(place, node.start_mark.line + 1)
        if any(node is each for each in self._around):
            self._document.blame(place, "an alias contains itself", "Write the value out")
            return None
        if isinstance(node, ScalarNode):
            return None if node.tag == _NULL else str(node.value)
        self._around.append(node)
        content = self._mapping(node, place) if isinstance(node, MappingNode) else self._list(node, place)
        self._around.pop()
        return content

    def _list(self, node: Node, place: Place) -> list[Plain]:
        return [self.plain(each, (*place, index)) for index, each in enumerate(node.value)]

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, Plain]:
        content: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else "?"
            line = key_node.start_mark.line + 1
            if key in content:
                first = self._document.lines[(*place, key)]
                problem = Problem(
                    self._document.file,
                    line,
                    f"`{key}` is written twice; the first is on line {first}",
                    "Keep one of them, or give the second another name",
                )
                self._document.problems.append(problem)
                continue
            self._document.lines[(*place, key)] = line
            content[key] = self.plain(value_node, (*place, key))
        return content
