"""Days and facts that would get coarser while something that inherits them still depends on them.

What hides among others gets coarser days and mean amounts. A row that inherits these, and is kept by a purpose that
does not keep the row above it as long, would be due too early by as much as the day has moved: up to ten years. And a
row that was due and is held back, since too few agree with it, would be due on another day, or on none that is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.anonymise.partition import VALUE, steps
from pipelines.data_map.model import DatasetMap, EventSource, FactSource
from pipelines.plan.artefact import Refusal
from pipelines.plan.context import Context, asked_of
from retention_rules.policy import Policy
from retention_rules.purposes import Purpose


def blurred(context: Context) -> Iterator[Refusal]:
    """Why a plan must not be carried out under these declarations of `anonymity`, for each column and who reads it."""
    for store in context.maps:
        active = context.active(store)
        for name, dataset in active.items():
            told = _changed(dataset)
            above = _purposes(context.policy, dataset)
            for child in sorted(_heirs(name, active)) if told else ():
                for purpose in _purposes(context.policy, active[child]):
                    events, facts = asked_of(context.policy, [purpose])
                    hit = (events | facts) & told.keys() - _own(child, name, active)
                    columns = ", ".join(f"`{each}`" for each in sorted({told[each] for each in hit}))
                    what = f"`anonymity` would make {columns} coarser, on which purpose {purpose.name} depends"
                    if hit and purpose not in above:
                        yield Refusal(store, name, f"{what} in {store}.{child} for longer", _LONGER)
                    elif hit and _held_back(active[child]):
                        yield Refusal(store, name, f"{what} in rows of {store}.{child} that can be held back", _WAIT)


_LONGER = "Have them by `value` in every level, or let the purpose keep something of both."
_WAIT = "Have them by `value` in every level, or give the rows that depend on them `anonymity` with a `link`."


def _held_back(dataset: DatasetMap) -> bool:
    """Whether rows that are due stay as they are where too few agree; with a link, they hide once nobody's."""
    return dataset.anonymity is not None and dataset.anonymity.link is None


def _changed(dataset: DatasetMap) -> dict[str, str]:
    """The events of its own records and the facts that a column tells which gets another value, and that column."""
    anonymity = dataset.anonymity
    if anonymity is None:
        return {}
    moved = {name for name in anonymity.columns if set(steps(anonymity, name)) != {VALUE}} | set(anonymity.measures)
    sources: dict[str, EventSource | FactSource] = {**dataset.facts}
    sources |= {name: each for name, each in dataset.events.items() if each.of == "record"}
    found: dict[str, str] = {}
    for name, source in sources.items():
        asked = [source.column]
        if isinstance(source, EventSource):
            asked += [each.column for each in (source.open_if, source.only_if) if each is not None]
        hit = [each for each in asked if each in moved]
        if hit and hit[0] is not None:
            found[name] = hit[0]
    return found


def _heirs(name: str, datasets: Mapping[str, DatasetMap]) -> set[str]:
    """What inherits from a dataset, by whatever way."""
    own = {child for child, each in datasets.items() if any(parent.dataset == name for parent in each.inherits)}
    return own.union(*(_heirs(child, datasets) for child in own))


def _own(child: str, above: str, datasets: Mapping[str, DatasetMap]) -> set[str]:
    """The events and facts that a dataset, or one between it and the other, tells itself: these are not inherited."""
    between = {each for each in _heirs(above, datasets) if each == child or child in _heirs(each, datasets)}
    return {told for each in between for told in (*datasets[each].events, *datasets[each].facts)}


def _purposes(policy: Policy, dataset: DatasetMap) -> list[Purpose]:
    found = {each.name: each for field in dataset.personal.values() for each in policy.purposes_for(field.category)}
    return [found[name] for name in sorted(found)]
