"""A new key: a random one for a key that people know, such as a customer number; whatever points at it follows."""

from __future__ import annotations

import dataclasses
import re

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Digits, Replacement, TechniqueUnfit
from pipelines.anonymise.unique import unique

NEW_KEY = "new_key"
"""The technique's name."""

_WIDTH = 19
_NARROW, _WIDE = 2**31 - 2, 2**53 - 2


def new_key(shape: FieldShape) -> Replacement:
    """A negative number, which no sequence gives to anybody; random hexadecimal digits in a text; a random UUID.

    Raises:
        TechniqueUnfit: the column is not unique, takes no negative numbers, or too few different ones.
    """
    if not shape.unique:
        raise TechniqueUnfit(NEW_KEY, shape, "a key is unique")
    if family_of(shape.type) is not Family.INTEGER:
        return dataclasses.replace(unique(shape), technique=NEW_KEY)
    if re.search(r"UNSIGNED|TINY|SMALL|MEDIUM|INT2|^BIT", shape.type.upper()):
        raise TechniqueUnfit(NEW_KEY, shape, "random keys are negative numbers of 32 bits or more")
    below = _WIDE if re.search(r"BIG|INT8", shape.type.upper()) else _NARROW
    return Replacement(
        NEW_KEY, Digits("-", below=below, factor=1, width=_WIDTH), lambda _: "", r"-?\d+", nullable=False
    )
