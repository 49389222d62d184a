"""Digests of the code by which something was made: another version of it may make it otherwise."""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Iterator
from importlib import metadata, resources, util
from importlib.resources.abc import Traversable
from pathlib import Path

CLASSIFYING = ("pipelines.classify",)
"""What verdicts are made of."""

READING = (
    "connectors.base", "connectors.caldav", "connectors.digests", "connectors.imap", "connectors.participants",
    "connectors.spelling", "pipelines.scan.participants", "pipelines.subjects",
)  # fmt: skip
"""What the items of the index are made of."""

READING_WITH = ("icalendar", "recurring-ical-events")
"""The distributions that read items too; Python's own `email` comes with Python."""


@functools.cache
def made_of(modules: tuple[str, ...], distributions: tuple[str, ...] = ()) -> str:
    """A digest of the files of packages and modules, and of the versions of distributions and of Python."""
    found = hashlib.sha256(repr(sys.version_info[:3] if distributions else ()).encode())
    for each in distributions:
        found.update(f"{each} {metadata.version(each)}".encode())
    for module in modules:
        for name, content in _files(module):
            found.update(name.encode() + content)
    return found.hexdigest()


def _files(module: str) -> Iterator[tuple[str, bytes]]:
    spec = util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    if spec.submodule_search_locations:
        yield from _below(resources.files(module))
    else:
        yield module, Path(spec.origin).read_bytes()


def _below(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir() and each.name != "__pycache__":
            yield from _below(each)
        elif each.is_file():
            yield each.name, each.read_bytes()
