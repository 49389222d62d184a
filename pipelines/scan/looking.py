"""Looking into a store: a bounded sample of each table, classified. Values stay in memory and go nowhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.base import Connector, DatasetShape, Inventory, Kind
from pipelines.classify import Column, ColumnVerdict, Evidence, Table, Verdict, classify, spans
from pipelines.classify import categories as c
from pipelines.classify.verdict import Source as From
from pipelines.classify.wording import words
from pipelines.progress import Progress
from pipelines.scan.sources import source_of_shape

ROWS = 300
"""Records of a table that are sampled: by a stable hash, so that two scans agree. Only the verdict rests on them."""

ITEMS = 40
"""Mails or meetings of a container that are sampled."""

BY_KIND = {
    Kind.MESSAGES: ("from", "to", "cc", "bcc", "reply_to"),
    Kind.EVENTS: ("organizer", "attendee"),
}
"""The people of every item, whether or not the connector lists them among its texts."""

PEOPLE = words("from to cc bcc reply_to sender organizer attendee attendees participants addresses contact headers")
TEXTS = words("subject body summary description comment text texts html location attachments categories")


@dataclass(frozen=True, slots=True)
class Look:
    """What a store holds: its inventory, and the verdicts on the fields of each location."""

    inventory: Inventory
    verdicts: Mapping[str, tuple[ColumnVerdict, ...]]


def look(connector: Connector, progress: Progress) -> Look:
    """Inspect, sample and classify everything that the store holds.

    Raises:
        StoreDown: the store was lost on the way.
    """
    inventory = connector.inspect()
    tables: list[Table] = []
    verdicts: dict[str, tuple[ColumnVerdict, ...]] = {}
    total = len(inventory.datasets)
    for done, shape in enumerate(inventory.datasets):
        progress(f"scan {inventory.store}", done, total, "sampling")
        if shape.kind is Kind.ROWS:
            tables.append(_table(connector, shape))
        else:
            verdicts[shape.location] = tuple(_item_fields(connector, shape))
    progress(f"scan {inventory.store}", total, total, "classifying")
    return Look(inventory, verdicts | classify(tables))


def _table(connector: Connector, shape: DatasetShape) -> Table:
    values: dict[str, list[str]] = defaultdict(list)
    sampled = 0
    for document in connector.sample(source_of_shape(shape), ROWS):
        sampled += 1
        for name, text in document.fields.items():
            values[name].append(text)
    linking = frozenset(name for each in shape.references for name in each.columns)
    columns = tuple(
        Column(each.name, each.type, values[each.name], sampled, key=each.name in shape.key, unique=each.unique)
        for each in shape.fields
    )
    return Table(shape.location, columns, tuple(each.location for each in shape.references), linking)


def _item_fields(connector: Connector, shape: DatasetShape) -> list[ColumnVerdict]:
    """Mail and meetings: people by what the field is; texts are personal by nature, and looked at all the same."""
    texts: dict[str, list[str]] = defaultdict(list)
    for document in connector.sample(source_of_shape(shape), ITEMS):
        for name, text in document.fields.items():
            texts[name].append(text)
    names = dict.fromkeys([*BY_KIND.get(shape.kind, ()), *(each.name for each in shape.fields), *texts])
    return [_item_field(name, texts.get(name, [])) for name in names]


def _item_field(name: str, texts: list[str]) -> ColumnVerdict:
    plain = name.lower().replace("-", "_")
    if plain in PEOPLE:
        return ColumnVerdict(name, Verdict.PERSONAL, c.EMAIL, (Evidence(From.SCHEMA, "the people of an item"),))
    if plain in TEXTS or texts:
        hits = sum(bool(spans(text)) for text in texts)
        share = hits / len(texts) if texts else None
        evidence = Evidence(From.VALUES, "free text with personal spans", share)
        return ColumnVerdict(name, Verdict.PERSONAL, c.TEXT, (Evidence(From.SCHEMA, "the text of an item"), evidence))
    return ColumnVerdict(name, Verdict.NOT_PERSONAL, None, (Evidence(From.SCHEMA, "neither people nor text"),))
