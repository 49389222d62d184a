"""What a dataset's `anonymity` must hold to: in itself, and against the table."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from connectors.base import DatasetShape
from pipelines.anonymise.partition import HIERARCHIES, NAMES, averaged, coarser, step, steps
from pipelines.anonymise.replacement import TechniqueUnfit
from pipelines.data_map.model import Anonymity, DatasetMap
from retention_rules.problems import suggestion

Mistake = tuple[tuple[str | int, ...], str, str]

LEAST = 5
"""Subjects below which a cell hides nobody, whoever signs."""
USUAL = 11
"""Subjects from which no signature is needed."""


def alone(place: tuple[str | int, ...], dataset: DatasetMap) -> Iterator[Mistake]:
    """What does not fit together in the declaration itself."""
    anonymity, name = dataset.anonymity, place[-1]
    if anonymity is None:
        return
    where = (*place, "anonymity")
    if anonymity.k < LEAST:
        yield (*where, "k"), f"`{name}` asks for k = {anonymity.k}, which hides nobody", f"Ask for {USUAL} or more"
    elif anonymity.k < USUAL and anonymity.signed_off is None:
        remedy = f"Ask for {USUAL} or more, or add `signed_off: {{by: …, on: …}}` of the data protection officer"
        yield (*where, "k"), f"`{name}` asks for k = {anonymity.k}, for which nobody has signed", remedy
    if not anonymity.partition:
        yield (*where, "partition"), f"the partition of `{name}` has no level", "Write one from fine to coarse"
        return
    yield from _levels(where, name, anonymity)
    yield from _roles(where, name, dataset, anonymity)


def _levels(where: tuple[str | int, ...], name: str | int, anonymity: Anonymity) -> Iterator[Mistake]:
    for number, level in enumerate(anonymity.partition):
        for column, how in level.items():
            if how not in NAMES:
                yield (
                    (*where, "partition", number, column),
                    f"the partition of `{name}` does not know how to have `{column}` by `{how}`",
                    suggestion(how, sorted(NAMES), f"Write one of {', '.join(sorted(NAMES))}"),
                )
    if any(how not in NAMES for level in anonymity.partition for how in level.values()):
        return
    for column in anonymity.columns:
        chain = steps(anonymity, column)
        for number, (fine, coarse) in enumerate(itertools.pairwise(chain), start=1):
            if not coarser(fine, coarse):
                which = f"level {number + 1} of the partition of `{name}`"
                yield (
                    (*where, "partition", number),
                    f"{which} has `{column}` by {coarse}, which is not coarser than {fine}",
                    f"Order the levels from fine to coarse: {'; '.join(' → '.join(each) for each in HIERARCHIES)}",
                )


def _roles(
    where: tuple[str | int, ...], name: str | int, dataset: DatasetMap, anonymity: Anonymity
) -> Iterator[Mistake]:
    links = {own for parent in dataset.inherits for own in parent.on}
    told = {each.column for each in dataset.events.values() if each.of == "subject" and each.column}
    fixed = dict.fromkeys(dataset.key, "is part of the key")
    fixed |= dict.fromkeys(dataset.where, "tells whose the rows are")
    fixed |= dict.fromkeys(links, "leads to the row of the person")
    changed = [name for name in (*anonymity.columns, *anonymity.measures) if name != anonymity.link]
    if anonymity.link is None:
        fixed |= dict.fromkeys(told, "tells a day on which other records of the person depend")
    for column in changed:
        if column in fixed:
            yield (
                (*where, "partition"),
                f"the partition of `{name}` would change `{column}`, which {fixed[column]}",
                "Take it out of `partition` and `measures`",
            )
    for column in sorted({*anonymity.columns} & {*anonymity.measures}):
        yield (*where, "measures"), f"`{column}` of `{name}` is in the partition and a measure", "Keep one of them"
    for column in sorted({*anonymity.free} & set(changed)):
        yield (*where, "free"), f"`{column}` of `{name}` is declared free, and in the partition", "Keep one of them"
    for column in sorted({*anonymity.free} & set(dataset.personal)):
        yield (*where, "free"), f"`{column}` of `{name}` is personal, and declared free of meaning", "Take it out"
    for column in sorted({*anonymity.measures} & set(dataset.personal)):
        yield (
            (*where, "measures"),
            f"the measure `{column}` of `{name}` has a category of its own",
            "A measure is `none`: give it that category, or suppress the field",
        )
    subject, alone = anonymity.subject, dataset.key if len(dataset.key) == 1 else ()
    if subject is not None and subject not in {*dataset.personal, *alone, anonymity.link}:
        yield (
            (*where, "subject"),
            f"the subject `{subject}` of `{name}` stays in every row and tells whose it is",
            "Take it out of the key"
            if subject in dataset.key
            else f"Add `link: {subject}`, or give the column a category",
        )
    yield from _link(where, name, dataset, anonymity)
    if anonymity.link is not None and anonymity.link not in links:
        yield (
            (*where, "link"),
            f"the link `{anonymity.link}` of `{name}` leads to no parent",
            suggestion(anonymity.link, sorted(links), "Name a column of `inherits`"),
        )


def _link(
    where: tuple[str | int, ...], name: str | int, dataset: DatasetMap, anonymity: Anonymity
) -> Iterator[Mistake]:
    if anonymity.link is None:
        return
    for column in sorted({*anonymity.columns, *anonymity.measures} & set(dataset.personal)):
        yield (
            (*where, "partition"),
            f"`{column}` of `{name}` is personal: it is anonymised before its row is turned to another parent",
            "Leave it to its technique",
        )
    if set(steps(anonymity, anonymity.link)) - {"value", "any"}:
        remedy = "Have it by `value`: the parent that stands for the cell of its own"
        yield (*where, "partition"), f"the link `{anonymity.link}` of `{name}` has no coarser form", remedy


def parents(name: str, datasets: Mapping[str, DatasetMap]) -> Iterator[Mistake]:
    """Whether the rows to whom a link leads hide among each other themselves."""
    dataset = datasets[name]
    link = dataset.anonymity.link if dataset.anonymity else None
    for parent in dataset.inherits:
        above = datasets.get(parent.dataset)
        if link is not None and link in parent.on and above is not None and above.anonymity is None:
            yield (
                ("datasets", name, "anonymity", "link"),
                f"`{link}` of `{name}` leads to `{parent.dataset}`, whose rows do not hide among each other",
                f"Add `anonymity` to `{parent.dataset}`",
            )
        if link is not None and link in parent.on and above is not None and not _alone(link, dataset, parent.on, above):
            remedy = (
                "Join by one column that tells those rows apart, give the others of the join one value in `where` on "
                "both sides, or leave `link` out"
            )
            what = f"`{link}` of `{name}` does not tell by itself to which row of `{parent.dataset}` it leads"
            yield ("datasets", name, "anonymity", "link"), what, remedy


def _alone(link: str, dataset: DatasetMap, on: Mapping[str, str], above: DatasetMap) -> bool:
    """Whether a link can be turned by itself: it is all of a join, but for what is the same in all rows."""
    both = {own: (dataset.where.get(own, ()), above.where.get(target, ())) for own, target in on.items()}
    same = {own for own, (mine, theirs) in both.items() if mine and theirs and len({*mine, *theirs}) == 1}
    whole = on[link] not in above.key or {*above.key} <= {*on.values()}
    return whole and {*on} - same <= {link}


def against_shape(place: tuple[str | int, ...], dataset: DatasetMap, shape: DatasetShape) -> Iterator[Mistake]:
    """What the table's columns do not admit."""
    anonymity = dataset.anonymity
    if anonymity is None:
        return
    where, fields = (*place, "anonymity"), {each.name: each for each in shape.fields}
    named = [("partition", each) for each in anonymity.columns] + [("measures", each) for each in anonymity.measures]
    named += [("free", each) for each in anonymity.free]
    named += [(role, each) for role, each in (("subject", anonymity.subject), ("link", anonymity.link)) if each]
    for role, column in named:
        if column not in fields:
            remedy = suggestion(column, fields, "Take it out of the map")
            yield (*where, role), f"`{shape.location}` has no column `{column}`", remedy
    for column in anonymity.columns:
        for how in dict.fromkeys(steps(anonymity, column) if column in fields else ()):
            try:
                step(fields[column], how)
            except TechniqueUnfit as error:
                yield (*where, "partition"), str(error), "Have it by `value` or `any`, or take it out"
            except KeyError:
                continue  # said by `alone`
    yield from _references(where, anonymity, dataset.key or shape.key, shape)
    for column in anonymity.measures:
        if column in fields and not averaged(fields[column]):
            kind = fields[column].type
            yield (*where, "measures"), f"`{column}` of `{shape.location}` is {kind}, no number", "Take it out"


def _references(
    where: tuple[str | int, ...], anonymity: Anonymity, key: tuple[str, ...], shape: DatasetShape
) -> Iterator[Mistake]:
    """A link that is part of the key stays; a reference that may not be NULL can lead to no row that stands for all."""
    if anonymity.link in key:
        what = f"the link `{anonymity.link}` of `{shape.location}` is part of the key, which stays"
        yield (*where, "link"), what, "Give the table a key without it, or delete the rows with their parent"
    fixed = {each.name for each in shape.fields if not each.nullable}
    for column in sorted({name for each in shape.references for name in each.columns} & fixed):
        if column in anonymity.columns and column != anonymity.link and "any" in steps(anonymity, column):
            yield (
                (*where, "partition"),
                f"`{column}` of `{shape.location}` references another table and may not be NULL: it cannot be `any`",
                "Have it by `value` at every level",
            )
