"""A new key: a random one for a key that people know, such as a customer number; whatever points at it follows."""

from __future__ import annotations

import dataclasses

from connectors.base import FieldShape
from pipelines.anonymise.replacement import Replacement, TechniqueUnfit
from pipelines.anonymise.unique import unique

NEW_KEY = "new_key"
"""The technique's name."""


def new_key(shape: FieldShape) -> Replacement:
    """A negative number, which no sequence gives to anybody; random hexadecimal digits in a text; a random UUID.

    Raises:
        TechniqueUnfit: the column is not unique, takes no negative numbers, or too few different ones.
    """
    if not shape.unique:
        raise TechniqueUnfit(NEW_KEY, shape, "a key is unique")
    return dataclasses.replace(unique(shape), technique=NEW_KEY)
