"""From what a store holds to a data map that a person can correct and approve.

A proposal starts from what was approved before: a person's word stands, and the scan adds what is new. Columns that
are for review and have no category stay out of `fields`, so that nothing is called `none` that nobody has looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base import DatasetShape, Inventory, Kind, Reference
from pipelines.classify import categories as c
from pipelines.classify.names import tokens
from pipelines.classify.verdict import ColumnVerdict, Verdict
from pipelines.classify.wording import words
from pipelines.data_map.model import NOT_PERSONAL, DatasetMap, FieldMap, Parent, StoreMap, SubjectLink
from pipelines.scan.events import guess, guess_for_items, idle_dates
from pipelines.scan.evidence import DatasetEvidence, evidence_of
from pipelines.scan.looking import Look
from pipelines.scan.sources import covers, dataset_name, key_of
from pipelines.scan.vocabulary import kept, spoken
from retention_rules.policy import Policy

STAFF = words("rep manager author assigned assignee reviewer approver employee agent seller vendeur owner by")
"""Tokens of a reference to who handled a record, not to whom it concerns."""

TECHNICAL = frozenset({c.IP, c.DEVICE, c.DEVICE_ID, c.COOKIE, c.BROWSING, c.SEARCH})

ITEM_ROLES = {Kind.MESSAGES: ("from", "sender", "reply_to", "to", "cc", "bcc"), Kind.EVENTS: ("organizer", "attendee")}
ITEM_NAMES = {Kind.MESSAGES: "messages", Kind.EVENTS: "meetings"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed data map, with the evidence for each dataset."""

    map: StoreMap
    evidence: Mapping[str, DatasetEvidence]


@dataclass(slots=True)
class _Draft:
    """What is being put together for one store."""

    look: Look
    known: StoreMap | None
    controller: str
    policy: Policy | None
    names: dict[str, str] = field(default_factory=dict)  # location → dataset name
    datasets: dict[str, DatasetMap] = field(default_factory=dict)
    evidence: dict[str, DatasetEvidence] = field(default_factory=dict)


def propose(look: Look, known: StoreMap | None, controller: str, policy: Policy | None) -> Proposal:
    """A data map for everything that the store holds, starting from the ``known`` one."""
    draft = _Draft(look, known, controller, policy)
    _keep_known(draft)
    new = [shape for shape in look.inventory.datasets if not _declared(draft, shape)]
    rows = [shape for shape in new if shape.kind is Kind.ROWS and key_of(shape)]
    for shape in rows:
        taken = {*draft.datasets, *draft.names.values()}
        draft.names[shape.location] = dataset_name(shape.location, taken)
    subjects = {shape.location: _subjects(look.verdicts.get(shape.location, ())) for shape in look.inventory.datasets}
    for shape in rows:
        _add_table(draft, shape, subjects)
    for kind in (Kind.MESSAGES, Kind.EVENTS):
        _add_items(draft, [shape for shape in new if shape.kind is kind], kind)
    return Proposal(StoreMap(store=look.inventory.store, datasets=draft.datasets), draft.evidence)


def _declared(draft: _Draft, shape: DatasetShape) -> bool:
    return any(covers(dataset, shape) for dataset in draft.datasets.values())


def _keep_known(draft: _Draft) -> None:
    """What is mapped already, with the columns that have come since."""
    for name, dataset in (draft.known.datasets if draft.known else {}).items():
        shapes = [shape for shape in draft.look.inventory.datasets if covers(dataset, shape)]
        verdicts = [verdict for shape in shapes for verdict in draft.look.verdicts.get(shape.location, ())]
        fields = dict(dataset.fields)
        for column, mapped in _fields(draft, dataset.source, verdicts).items():
            if column not in _named(dataset):
                fields.setdefault(column, mapped)
        draft.datasets[name] = dataset.model_copy(update={"fields": fields, "approved": None})
        rows = [shape for shape in shapes if shape.kind is Kind.ROWS and not dataset.approved]
        notes = tuple(note for shape in rows for note in _notes(draft, draft.datasets[name], shape))
        idle = tuple(date for shape in shapes for date in idle_dates(shape, dataset.events))
        draft.evidence[name] = DatasetEvidence(
            dataset.source, {verdict.column: evidence_of(verdict) for verdict in verdicts}, notes=notes, dates=idle
        )
        if shapes and shapes[0].kind is Kind.ROWS:
            draft.names[dataset.source] = name


def _named(dataset: DatasetMap) -> set[str]:
    """Columns whose role in the map a person has settled without a category."""
    events = {event.column for event in dataset.events.values() if event.column}
    return {*dataset.key, *dataset.where, *events, *(name for each in dataset.inherits for name in each.on)}


def _add_table(draft: _Draft, shape: DatasetShape, subjects: Mapping[str, tuple[SubjectLink, ...]]) -> None:
    verdicts = draft.look.verdicts.get(shape.location, ())
    links = subjects[shape.location]
    inherits = () if links else _parents(draft, shape, subjects)
    held = {verdict.category for verdict in verdicts if verdict.personal}
    guessed = guess(shape, draft.policy, own_subject=bool(links), technical=bool(held & TECHNICAL) and not links)
    events = {
        name: event if links or inherits else event.model_copy(update={"of": "record"})
        for name, event in guessed.items()
    }
    name = draft.names[shape.location]
    draft.datasets[name] = DatasetMap(
        source=shape.location,
        controller=draft.controller,
        key=key_of(shape),
        subjects=links,
        inherits=inherits,
        events=events,
        fields=_fields(draft, shape.location, verdicts),
    )
    draft.evidence[name] = DatasetEvidence(
        shape.location,
        {verdict.column: evidence_of(verdict) for verdict in verdicts},
        tuple(_notes(draft, draft.datasets[name], shape)),
        idle_dates(shape, events),
    )


def _add_items(draft: _Draft, shapes: Sequence[DatasetShape], kind: Kind) -> None:
    """All mailboxes or calendars become one dataset; where some are declared, each other one a dataset of its own."""
    if not shapes:
        return
    verdicts = {verdict.column: verdict for shape in shapes for verdict in draft.look.verdicts[shape.location]}
    locations = [shape.location for shape in shapes] if draft.datasets else ["*"]
    for location in locations:
        name = ITEM_NAMES[kind] if location == "*" else f"{ITEM_NAMES[kind]}_{location.replace('.', '_')}"
        each = dataset_name(name, draft.datasets)
        draft.datasets[each] = DatasetMap(
            source=location,
            controller=draft.controller,
            subjects=(
                SubjectLink(kind="email", roles=ITEM_ROLES[kind]),
                SubjectLink(kind="name", roles=ITEM_ROLES[kind], strength="name"),
            ),
            events=dict(guess_for_items(draft.policy, kind)),
            fields=_fields(draft, location, list(verdicts.values())),
        )
        draft.evidence[each] = DatasetEvidence(
            location,
            {column: evidence_of(verdict) for column, verdict in verdicts.items()},
            ("Set `own` to your own address patterns, such as `*@example.com`: they are no data subjects.",),
        )


def _fields(draft: _Draft, table: str, verdicts: Sequence[ColumnVerdict]) -> dict[str, FieldMap]:
    fields: dict[str, FieldMap] = {}
    for verdict in verdicts:
        if verdict.verdict is Verdict.NOT_PERSONAL:
            fields[verdict.column] = FieldMap(category=NOT_PERSONAL)
        elif verdict.category:
            category = spoken(verdict.category, verdict.column, table, draft.policy)
            fields[verdict.column] = FieldMap(category=category)
    return fields


def _subjects(verdicts: Sequence[ColumnVerdict]) -> tuple[SubjectLink, ...]:
    """What links a table's rows to a person: the plainest e-mail column, and beside it the name as a weak link."""
    held: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.personal and verdict.category:
            held.setdefault(verdict.category, []).append(verdict.column)
    if c.EMAIL not in held:
        return ()
    address = min(held[c.EMAIL], key=lambda name: (len(tokens(name)), len(name)))
    links = [SubjectLink(kind="email", columns=(address,))]
    if c.FIRST_NAME in held and c.LAST_NAME in held:
        columns = (held[c.FIRST_NAME][0], held[c.LAST_NAME][0])
        links.append(SubjectLink(kind="name", columns=columns, strength="name"))
    return tuple(links)


def _parents(draft: _Draft, shape: DatasetShape, subjects: Mapping[str, tuple[SubjectLink, ...]]) -> tuple[Parent, ...]:
    """The table that this one's records belong to: one that describes persons, or one that leads to it."""
    ways = [
        (_distance(draft.look.inventory, reference.location, subjects, frozenset({shape.location})), reference)
        for reference in shape.references
        if reference.location in draft.names and not _to_staff(reference)
    ]
    reachable = [(steps, reference) for steps, reference in ways if steps is not None]
    if not reachable:
        return ()
    _, nearest = min(reachable, key=lambda way: way[0])
    on = dict(zip(nearest.columns, nearest.target, strict=True))
    return (Parent(dataset=draft.names[nearest.location], on=on),)


def _distance(
    inventory: Inventory, location: str, subjects: Mapping[str, tuple[SubjectLink, ...]], seen: frozenset[str]
) -> int | None:
    """References to follow from a table to one that describes persons; None when none leads there."""
    if subjects.get(location):
        return 0
    shape = inventory.find(location)
    if shape is None or location in seen:
        return None
    steps = [
        _distance(inventory, reference.location, subjects, seen | {location})
        for reference in shape.references
        if not _to_staff(reference)
    ]
    known = [each for each in steps if each is not None]
    return min(known) + 1 if known else None


def _to_staff(reference: Reference) -> bool:
    return any(set(tokens(column)) & STAFF for column in reference.columns)


def _notes(draft: _Draft, dataset: DatasetMap, shape: DatasetShape) -> list[str]:
    """What a person should settle before approving the dataset."""
    if not dataset.personal:
        return []
    notes = [
        f"The event `{event}` is guessed from the name of `{each.column}`." for event, each in dataset.events.items()
    ]
    if not dataset.subjects and not dataset.inherits:
        notes.append("Nothing links its records to a person: add `subjects` or `inherits`.")
    unkept = sorted({each.category for each in dataset.personal.values() if not kept(each.category, draft.policy)})
    if unkept:
        notes.append(f"No purpose of the policy keeps {', '.join(unkept)}: such fields stay undetermined.")
    if shape.triggers:
        notes.append("It has triggers; what they do on deletion is not known here.")
    return notes
