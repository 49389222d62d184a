"""Looking into a store: a bounded sample of each table, classified. Values stay in memory and go nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import getaddresses

from connectors.base import Connector, DatasetShape, Inventory, Kind
from pipelines.classify import Column, ColumnVerdict, Evidence, Table, Verdict, classify, spans_of
from pipelines.classify import categories as c
from pipelines.classify.text_special import special_evidence
from pipelines.classify.verdict import Source as From
from pipelines.classify.wording import words
from pipelines.progress import Progress
from pipelines.scan.sampling import Remembered, Sample, Sampled, sampled, to_read

BY_KIND = {
    Kind.MESSAGES: ("from", "to", "cc", "bcc", "reply_to"),
    Kind.EVENTS: ("organizer", "attendee"),
}
"""The people of every item, whether or not the connector lists them among its texts."""

PEOPLE = words("from to cc bcc reply_to sender organizer attendee attendees participants addresses contact headers")
TEXTS = words("subject body summary description comment text texts html location attachments categories")


@dataclass(frozen=True, slots=True)
class Look:
    """What a store holds: its inventory, and the verdicts on the fields of each location.

    ``samples``: what they rest on. ``unchanged``: the locations that were not read again, since the store says that
    nothing has changed there since they were; their verdicts are those of then.
    """

    inventory: Inventory
    verdicts: Mapping[str, tuple[ColumnVerdict, ...]]
    samples: Mapping[str, Sampled] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()


def look(connector: Connector, progress: Progress, before: Mapping[str, Remembered] | None = None) -> Look:
    """Inspect, sample and classify everything that the store holds; ``before``: what the last look saw.

    Raises:
        StoreDown: the store was lost on the way.
    """
    inventory = connector.inspect()
    needed = to_read(inventory, before or {})
    tables: list[Table] = []
    verdicts: dict[str, tuple[ColumnVerdict, ...]] = {}
    samples: dict[str, Sampled] = {}
    total = len(inventory.datasets)
    for done, shape in enumerate(inventory.datasets):
        progress(f"scan {inventory.store}", done, total, "sampling")
        if shape.location not in needed.read:
            continue
        seen = sampled(connector, shape)
        if shape.kind is Kind.ROWS:
            tables.append(_table(shape, seen))
        else:
            verdicts[shape.location] = tuple(_item_fields(shape, seen.texts))
        if shape.location in needed.judge:
            samples[shape.location] = seen.note
    progress(f"scan {inventory.store}", total, total, "classifying")
    verdicts |= classify(tables)
    for location, each in (before or {}).items():
        if location in needed.unchanged:  # tables that were read for the sake of others keep their verdicts
            verdicts[location], samples[location] = each.verdicts, each.sample
    return Look(inventory, verdicts, samples, needed.unchanged)


def _table(shape: DatasetShape, seen: Sample) -> Table:
    linking = frozenset(name for each in shape.references for name in each.columns)
    columns = tuple(
        Column(
            each.name,
            each.type,
            seen.texts.get(each.name, []),
            seen.note.records,
            key=each.name in shape.key,
            unique=each.unique,
        )
        for each in shape.fields
    )
    return Table(shape.location, columns, tuple(each.location for each in shape.references), linking)


def _item_fields(shape: DatasetShape, texts: Mapping[str, Sequence[str]]) -> list[ColumnVerdict]:
    """Mail and meetings: people by what the field is; texts are personal by nature, and looked at all the same."""
    names = dict.fromkeys([*BY_KIND.get(shape.kind, ()), *(each.name for each in shape.fields), *texts])
    known = _known(texts)
    return [_item_field(name, texts.get(name, []), known) for name in names]


def _known(texts: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The names of the people of the items: in their texts, these are names whatever the models say."""
    said = [text for name, each in texts.items() if _plain(name) in PEOPLE for text in each]
    return frozenset(name for name, _ in getaddresses(said) if " " in name.strip() and "@" not in name)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _item_field(name: str, texts: Sequence[str], known: frozenset[str]) -> ColumnVerdict:
    plain = _plain(name)
    if plain in PEOPLE:
        return ColumnVerdict(name, Verdict.PERSONAL, c.EMAIL, (Evidence(From.SCHEMA, "the people of an item"),))
    if plain in TEXTS or texts:
        hits = sum(map(bool, spans_of(texts, known=known)))
        share = hits / len(texts) if texts else None
        evidence = Evidence(From.VALUES, "free text with personal spans", share)
        nature = Evidence(From.SCHEMA, "the text of an item")
        return ColumnVerdict(name, Verdict.PERSONAL, c.TEXT, (nature, evidence, *special_evidence(texts)))
    return ColumnVerdict(name, Verdict.NOT_PERSONAL, None, (Evidence(From.SCHEMA, "neither people nor text"),))
