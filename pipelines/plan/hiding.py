"""What a plan says of rows that are to hide among each other: columns that nobody spoke of, and who was held back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from connectors.base import Inventory
from pipelines.anonymise.partition import stays
from pipelines.counted import counted

if TYPE_CHECKING:
    from pipelines.engine.ledger import Entry
    from pipelines.plan.context import Context


def unspoken(context: Context, inventories: Mapping[str, Inventory]) -> Iterator[str]:
    """For each dataset, what stays exactly and counts for k, and nobody said that it should; what of it has to stay."""
    for store, inventory in inventories.items():
        for name, dataset in context.active(store).items():
            shape = inventory.find(dataset.source)
            if dataset.anonymity is None or shape is None:
                continue
            names = sorted(each.name for each in stays(dataset, shape))
            bound = {*shape.key, *dataset.key, *dataset.where}
            found = ", ".join(each for each in names if each not in bound)
            if found:
                yield (
                    f"{store}.{name}: anonymised rows keep what counts for k in every cell ({found}): name it in "
                    "`anonymity`: in the partition or the measures, or as `free` of any meaning for a person"
                )
            found = ", ".join(each for each in names if each in bound)
            if found:
                yield (
                    f"{store}.{name}: anonymised rows keep what counts for k in every cell ({found}), since it is of "
                    "the key, or chooses the rows, and gets no coarser: name in `anonymity` as `free` what tells "
                    "nothing of a person, such as a number that was drawn"
                )


def held_back(entries: Iterable[Entry], plan: str | None = None) -> Counter[tuple[str, str]]:
    """By store and dataset, how many records were held back, from the closing receipt of each step's last run.

    ``entries`` are the ledger's receipts; ``plan``: those of one plan only.
    """
    last: dict[str, tuple[tuple[str, str], int]] = {}
    for entry in entries:
        body = entry.body
        closing = "intent" not in body
        if closing and plan in {None, body["plan"]}:
            last[body["step"]] = ((body["store"], body["dataset"]), body["outcomes"].get("held_back", 0))
    found: Counter[tuple[str, str]] = Counter()
    for place, count in last.values():
        found[place] += count
    return found


def waiting(entries: Iterable[Entry]) -> Iterator[str]:
    """One sentence for each dataset of which the last run held rows back."""
    for (store, dataset), count in sorted(held_back(entries).items()):
        if count:
            yield counted(
                count,
                f"{store}.{dataset}: {{n}} record was due and held back by the last run, since too few agree with it "
                "in any cell; it waits for more, or for a coarser level in `anonymity.partition`",
                f"{store}.{dataset}: {{n}} records were due and held back by the last run, since too few of them "
                "agree in any cell; they wait for more, or for a coarser level in `anonymity.partition`",
            )
