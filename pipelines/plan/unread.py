"""Rows that tell of somebody whom no engine can read: several addresses in one cell, or one with a name around it.

They are few: their cells are streamed to this process, the addresses in them digested here, and what the row tells
counts for each of them. Plaintext stays in this process's memory: it is in no error, no file and no log. A row in whose
cells some sign of an address belongs to no address that was read stays unread: whoever is meant may be anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.digests import DigestKey
from connectors.sql.lines import Restriction, key_among
from pipelines.counted import counted
from pipelines.data_map.model import SubjectLink
from pipelines.plan.carried import Carried, Datasets, referenced
from pipelines.plan.cells import addresses_in
from pipelines.plan.links import EMAIL, ONE_ADDRESS, STRONG
from pipelines.plan.supply import Supplier
from pipelines.plan.tables import column
from pipelines.plan.transfer import BATCH, receive, tells
from pipelines.subjects import canonical_email, digest_canonical, loose_email

if TYPE_CHECKING:
    import duckdb

MANY = 100_000
"""Rows of one dataset that are read one by one; where more cannot be read otherwise, its evidence is incomplete."""

Digests = tuple[str | None, str | None]
"""A strong and a weak digest, as `links.ONE_ADDRESS` has them."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one link, in the dataset itself or in one from which it inherits its subjects.

    ``given``: whether they are unread.
    """

    link: SubjectLink
    scope: str
    columns: tuple[sa.ColumnElement[Any], ...]
    given: sa.ColumnElement[bool]

    def digests(self, texts: Sequence[str | None], key: DigestKey) -> list[Digests] | None:
        """Whom a row's cells name; None if they cannot be read."""
        widths = (getattr(each.type, "length", None) for each in self.columns)
        if any(width and text and len(text) >= width for width, text in zip(widths, texts, strict=True)):
            return None  # as wide as the column: what stood behind may have been cut
        named = addresses_in(" ".join(filter(None, texts)))
        if named is None:
            return None

        def digest(form: str) -> str:
            return digest_canonical(key, self.scope, EMAIL, form)

        sure = named.sure if self.link.strength in STRONG else ()
        strong = {form for address in sure for form in _spellings(address)}
        weak = {loose_email(address) for address in named.sure | named.doubtful}
        return [(digest(form), None) for form in strong] + [(None, digest(form)) for form in weak]


def read_cells(evidence: duckdb.DuckDBPyConnection, datasets: Datasets, supplier: Supplier) -> int:
    """Add what a dataset's unread rows tell to the table `evidence`; returns how many of them could be read.

    Raises:
        sqlalchemy.exc.DBAPIError: the store fails; the caller knows its name.
    """
    query, cells, carried = _unread_rows(datasets, supplier.dataset, frozenset(supplier.events))
    read = 0
    with datasets.connection.execute(query, execution_options={"yield_per": BATCH}) as result:
        for part in result.partitions():
            told = []
            for row in part:
                known, found = _told(row, cells, datasets.key)
                read += known
                told += [(*pair, *days, 0) for pair, days in found]
            if told:
                receive(evidence, told, carried)
    return read


def told_in_cells(
    datasets: Datasets, name: str, events: frozenset[str], restriction: Restriction
) -> list[tuple[Digests, dict[tuple[str, str], tuple[Any, ...]]]]:
    """What those of some rows tell that are unread and can be read: digests, and four columns by horizon and event.

    Where no row of them is unread, nothing more is asked.
    """
    _, source, given = _beside(datasets, name, restriction)
    unread: sa.Select[Any] = (
        sa.select(sa.literal_column("1")).select_from(source).where(sa.or_(sa.false(), *(c.given for c in given)))
    )
    if not given or datasets.connection.execute(unread.limit(1)).first() is None:
        return []
    query, cells, carried = _unread_rows(datasets, name, events, restriction)
    found = []
    for row in datasets.connection.execute(query).all():
        for pair, days in _told(row, cells, datasets.key)[1]:
            told = {place: days[4 * n : 4 * n + 4] for n, place in enumerate(carried.supplied)}
            found.append((pair, told))
    return found


def _told(
    row: Sequence[Any], cells: Sequence[_Cells], key: DigestKey
) -> tuple[bool, list[tuple[Digests, tuple[Any, ...]]]]:
    """Whether all cells of a row could be read, and what it tells of each whom they name."""
    named = list(_named(row, cells, key))
    days = tuple(row[sum(len(each.columns) for each in cells) :])
    return None not in named, [(pair, days) for pair in {pair for each in named if each for pair in each}]


def why_incomplete(unread: int) -> str:
    """What the plan says of rows that name somebody and could not be read."""
    if unread > MANY:
        return (
            f"{unread:,} of its records hold no single address where one belongs: at most {MANY:,} are read one by one"
        )
    return counted(
        unread,
        "{n} of its records names somebody by what is no address: correct or empty those cells, then plan again",
        "{n} of its records name somebody by what is no address: correct or empty those cells, then plan again",
    )


def _unread_rows(
    datasets: Datasets, name: str, events: frozenset[str], restriction: Restriction | None = None
) -> tuple[sa.Select[Any], list[_Cells], Carried]:
    """The texts of unread cells and what their rows tell, as `receive` takes it behind digests of `ONE_ADDRESS`."""
    key = datasets.map(name).key
    rows, source, cells = _beside(datasets, name, restriction)
    texts = [
        sa.case((each.given, sa.cast(found, sa.Text))).label(f"t{number}_{place}")
        for number, each in enumerate(cells)
        for place, found in enumerate(each.columns)
    ]
    unread = sa.select(*(rows.c[name] for name in key), *texts).select_from(source)
    unread = unread.where(sa.or_(*(each.given for each in cells)))
    found = unread.cte()
    carried = datasets.carried(
        name,
        events=events,
        restriction=lambda table: key_among(table, key, sa.select(*(found.c[name] for name in key))),
    )
    relation = carried.relation
    told = (
        relation.c[each]
        for names in carried.supplied.values()
        for each in (names.open, names.missing, names.first, names.last)
    )
    query = (
        sa.select(*(found.c[text.name] for text in texts), *told)
        .join_from(relation, found, sa.and_(*(relation.c[column(name)] == found.c[name] for name in key)))
        .where(relation.c.inside, relation.c.unread, tells(carried))
    )
    return query, cells, replace(carried, links={key.name: key for key in ONE_ADDRESS})


def _beside(
    datasets: Datasets, name: str, restriction: Restriction | None = None
) -> tuple[sa.FromClause, sa.FromClause, list[_Cells]]:
    """A dataset's rows, the same beside those that they inherit their subjects from, and the cells in all of them."""
    dataset = datasets.map(name)
    rows = datasets.spelled(name, restriction=restriction)
    source: sa.FromClause = rows
    cells = [
        _Cells(link, dataset.scope, tuple(rows.c[each] for each in link.columns), given)
        for link, given in datasets.unread(rows, name)
    ]
    for parent in filter(datasets.single, dataset.inherits):
        upwards = restriction and referenced(datasets.table(dataset.source), parent, restriction)
        theirs, beside, above = _beside(datasets, parent.dataset, upwards)
        on = (rows.c[own] == theirs.c[target] for own, target in sorted(parent.on.items()))
        source = sa.outerjoin(source, beside, sa.and_(*on))
        cells += above
    return rows, source, cells


def _named(row: Sequence[Any], cells: Sequence[_Cells], key: DigestKey) -> Iterator[list[Digests] | None]:
    """Whom each link's cells of a row name, where they are unread."""
    start = 0
    for each in cells:
        texts = row[start : start + len(each.columns)]
        start += len(each.columns)
        if any(text is not None for text in texts):
            yield each.digests(texts, key)


def _spellings(address: str) -> set[str]:
    """The canonical form, and for an international address what engines make of it that know no IDNA or no Unicode."""
    if address.isascii():
        return {canonical_email(address)}
    letters = "".join(each.lower() if each.isascii() else each for each in address)
    return {canonical_email(address), address.lower(), letters}
