"""A French postcode becomes its région: the step above the département."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.generalise import ANY, department
from pipelines.anonymise.replacement import Coarse, Replacement, TechniqueUnfit

REGIONS: dict[str, tuple[str, ...]] = {
    "ARA": ("01", "03", "07", "15", "26", "38", "42", "43", "63", "69", "73", "74"),
    "BFC": ("21", "25", "39", "58", "70", "71", "89", "90"),
    "BRE": ("22", "29", "35", "56"),
    "CVL": ("18", "28", "36", "37", "41", "45"),
    "20R": ("20",),
    "GES": ("08", "10", "51", "52", "54", "55", "57", "67", "68", "88"),
    "HDF": ("02", "59", "60", "62", "80"),
    "IDF": ("75", "77", "78", "91", "92", "93", "94", "95"),
    "NOR": ("14", "27", "50", "61", "76"),
    "NAQ": ("16", "17", "19", "23", "24", "33", "40", "47", "64", "79", "86", "87"),
    "OCC": ("09", "11", "12", "30", "31", "32", "34", "46", "48", "65", "66", "81", "82"),
    "PDL": ("44", "49", "53", "72", "85"),
    "PAC": ("04", "05", "06", "13", "83", "84"),
    "971": ("971",),
    "972": ("972",),
    "973": ("973",),
    "974": ("974",),
    "976": ("976",),
}
"""The départements of each région, named as in ISO 3166-2 after `FR-`. Postcodes of Corsica begin with 20."""

_OF = {code: region for region, codes in REGIONS.items() for code in codes}


def region(shape: FieldShape) -> Replacement:
    """A French postcode becomes its région (`IDF`, `974`); any other becomes `ANY`.

    Raises:
        TechniqueUnfit: the column is no text of three characters or more.
    """
    if family_of(shape.type) is not Family.TEXT or (shape.length is not None and shape.length < 3):  # noqa: PLR2004
        raise TechniqueUnfit("region", shape, "the name of a region is a text of three characters")
    below = department(shape)
    assert isinstance(below.assignment, Coarse)  # noqa: S101 - a place within another is
    coarser = below.assignment.build

    def build(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
        code = coarser(column, dialect)
        inside = ((code.in_(codes), name) for name, codes in REGIONS.items())
        known = ((column == name, name) for name in REGIONS)  # a row may be written twice
        return case((column.is_(None), None), *known, *inside, else_=ANY)

    def item(text: str) -> str:
        return text if text in REGIONS else _OF.get(below.item(text), ANY)

    names = "|".join(sorted(REGIONS))
    return Replacement("region", Coarse(build), item, rf"{names}|\*", nullable=shape.nullable)
