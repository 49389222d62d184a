"""Which steps give rows new keys. They go last: what acts on a row knows it by its key."""

from __future__ import annotations

from pipelines.anonymise.new_key import NEW_KEY
from pipelines.data_map.model import DatasetMap
from pipelines.plan.artefact import Place, Step


def renewed(step: Step, dataset: DatasetMap) -> list[str]:
    """The key columns that a step renews."""
    if step.takes_rows or step.place is not Place.ACTIVE:
        return []
    mapped = dataset.personal
    return [name for name in step.fields if name in mapped and mapped[name].technique == NEW_KEY]
