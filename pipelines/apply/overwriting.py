"""What an anonymising step writes into each column, and which categories it marks as done."""

from __future__ import annotations

from connectors.base import DatasetShape
from pipelines.anonymise.new_key import NEW_KEY
from pipelines.anonymise.replacement import Replacement, TechniqueUnfit
from pipelines.anonymise.techniques import fits, suppression, technique_for
from pipelines.data_map.model import DatasetMap
from pipelines.errors import Refused
from pipelines.plan.artefact import Action, Place, Step

_ANOTHER = "Give it another technique in the data map."
_NULL = "No technique fits it: let the column be NULL in the store, and suppress it."


def replacements(step: Step, dataset: DatasetMap, shape: DatasetShape) -> dict[str, Replacement]:
    """How each column of the step's categories is overwritten.

    What the policy deletes while its row lives on is emptied; the rest gets the technique of the data map, or its
    category's default.

    Raises:
        Refused: a technique does not fit the column that the data map gives it to, or there is no such technique.
    """
    if not _overwrites(step):
        return {}
    columns = {each.name: each for each in shape.fields}
    made: dict[str, Replacement] = {}
    for name, field in sorted(dataset.personal.items()):
        if field.category not in step.categories or field.technique == NEW_KEY:
            continue  # a key is renewed with what points at it: see `pipelines.apply.renewing`
        try:
            made[name] = (
                suppression(columns[name])
                if step.suppress
                else technique_for(field.category, columns[name], field.technique, field.options)
            )
        except (TechniqueUnfit, KeyError) as error:
            remedy = _ANOTHER if fits(columns[name]) else _NULL
            raise Refused(str(error.args[0]), f"{step.store}.{step.dataset}.{name}", remedy) from None
    return made


def marks(step: Step, dataset: DatasetMap) -> dict[str, tuple[str, ...]]:
    """The columns of each category that the step makes anonymous."""
    found: dict[str, list[str]] = {}
    for name, field in sorted(dataset.personal.items()):
        if _overwrites(step) and field.category in step.categories:
            found.setdefault(field.category, []).append(name)
    return {category: tuple(names) for category, names in found.items()}


def _overwrites(step: Step) -> bool:
    """Whether fields of rows that stay in the active base get new values: anonymised, or moved away."""
    return step.place is Place.ACTIVE and step.action in {Action.ANONYMISE, Action.ARCHIVE} and not step.takes_rows
