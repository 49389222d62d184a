"""An empty database of one test, whichever server it lies on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """SQLAlchemy URLs for its owner, a reading and a writing role."""

    name: str
    admin: str
    read: str
    write: str


def fresh_name() -> str:
    """The name of a database that no other test of this process has."""
    return f"test_{next(_numbers)}"
