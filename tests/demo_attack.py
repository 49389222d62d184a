"""What somebody has who has the demonstration's four stores after a run: tables to join, and a list of candidates."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes, policy
from itertools import permutations
from typing import Any

import pandas as pd
from demo_contents import Contents, Row, addresses

from benchmarks.attack.joins import PERSON, Join, joins
from benchmarks.attack.persons import named
from benchmarks.attack.ranks import NOBODY, Guess, ranks
from pipelines.demo.company import Company
from pipelines.demo.crm import JULIEN
from pipelines.demo.people import Person
from pipelines.demo.reference import Expected, Reference
from pipelines.demo.seeding import connect_crm, open_billing
from pipelines.demo.stores import DemoStores
from pipelines.demo.truth import Identity, is_own, records

Place = tuple[str, str]
Tables = Mapping[Place, pd.DataFrame]
Categories = Mapping[Place, frozenset[str]]
Days = Mapping[Place, Sequence[tuple[str, str, Any]]]
"""By table, what is remembered of its rows: the row's key, an event, the last day of it."""
RECORD = "ardoise_record"
SHOWN = ("region", "segment", "locale")
"""Coarse columns that several stores may show of anybody: what they tell together is chance."""


def owners(company: Company) -> dict[Identity, tuple[str, ...]]:
    """Whose each record was, known to whoever judges and not to the attacker."""
    return {each.identity: each.subjects for each in records(company)}


def tables(contents: Contents, whose: Mapping[Identity, tuple[str, ...]]) -> dict[Place, pd.DataFrame]:
    """Every table of all stores; messages and meetings have a row for each person, with what stands for the person.

    Who else was in a message is what it is kept for, and no column of the person's.
    """
    everybody = {person for people in whose.values() for person in people}
    found: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for identity, row in contents.rows.items():
        for person in whose.get(identity, ()):
            found[identity[:2]].append({**row, RECORD: identity, PERSON: person})
    for identity, content in contents.items.items():
        columns, there = _columns(identity, content), addresses(identity, content)
        for person in whose.get(identity, ()):
            strangers = [each for each in there if each not in everybody and not is_own(each)]
            for address in [person] if person in there else strangers or [None]:
                found[identity[:2]].append({**columns, "address": address, RECORD: identity, PERSON: person})
    return {place: pd.DataFrame(rows) for place, rows in found.items()}


def _columns(identity: Identity, content: bytes) -> Row:
    """What else of a message or a meeting can be equal to a column elsewhere."""
    if identity.store == "mail":
        message = message_from_bytes(content, policy=policy.default)
        return {"sent": message["Date"].datetime, "subject": str(message["Subject"])}
    text = re.sub(rb"\r?\n[ \t]", b"", content).decode()
    lines = dict(re.findall(r"^(DTSTART|SUMMARY|LOCATION)[^:\r\n]*:(.+?)\r?$", text, re.MULTILINE))
    day = lines.pop("DTSTART")[:8]
    return {"start": f"{day[:4]}-{day[4:6]}-{day[6:]}", **lines}


def of_nobody(known: Tables, expected: Expected, categories: Categories) -> dict[Place, pd.DataFrame]:
    """The rows of persons of whom nothing personal is left in them: anonymised rows, messages that lost a person."""
    found = {place: rows[rows[NOBODY]] for place, rows in flagged(known, expected, categories).items()}
    return {place: rows.drop(columns=NOBODY).reset_index(drop=True) for place, rows in found.items() if len(rows)}


def flagged(known: Tables, expected: Expected, categories: Categories) -> dict[Place, pd.DataFrame]:
    """The tables, with a column that says which rows these are."""

    def nobodys(record: Identity, person: str) -> bool:
        if record in expected.redacted:
            return person in expected.redacted[record]
        return expected.anonymised.get(record, frozenset()) >= categories[record[:2]] > frozenset()

    found = {}
    for place, rows in known.items():
        found[place] = rows.copy()
        found[place][NOBODY] = [nobodys(*each) for each in zip(rows[RECORD], rows[PERSON], strict=True)]
    return found


def remembered(stores: DemoStores) -> Days:
    """What the engine's own tables in the two databases remember of anonymised rows."""
    query = "SELECT dataset, record, event, last_day FROM {}"
    with connect_crm(stores.crm_admin) as crm, open_billing(stores.billing) as billing:
        looks = {
            "crm": crm.execute(query.format("ardoise.remembered").encode()).fetchall(),
            "billing": billing.execute(query.format("ardoise_remembered")).fetchall(),
        }
    found: dict[Place, list[tuple[str, str, Any]]] = defaultdict(list)
    for store, rows in looks.items():
        for dataset, record, event, day in rows:
            found[store, str(dataset)].append((str(json.loads(str(record))[0]), str(event), day))
    return found


def with_days(known: Tables, days: Days) -> dict[Place, pd.DataFrame]:
    """The same tables, with what is remembered of their rows, a column for each event."""
    found = dict(known)
    for place, kept in days.items():
        beside: dict[str, dict[str, Any]] = defaultdict(dict)
        for key, event, day in kept:
            beside[key][f"remembered {event}"] = day
        columns = pd.DataFrame([beside[str(each)] for each in known[place]["id"]], index=known[place].index)
        found[place] = pd.concat([known[place], columns], axis="columns")
    return found


def betraying(nobody: Tables, everybody: Tables) -> Iterator[tuple[Place, Place, Join]]:
    """Whatever join between two stores finds more persons of the first tables in the second than chance would."""
    for one, other in permutations(sorted({*nobody, *everybody}), 2):
        if one[0] != other[0] and one in nobody and other in everybody:
            left, right = (each.drop(columns=RECORD) for each in (nobody[one], everybody[other]))
            for found in joins(left, right, SHOWN):
                if found.betrays:
                    yield one, other, found


def ranked(known: Tables) -> Iterator[tuple[Place, Place, Guess]]:
    """What the orders of tables of two stores tell of rows of nobody in the first."""
    for one, other in permutations(sorted(known), 2):
        if one[0] != other[0]:
            left, right = (known[each].drop(columns=RECORD) for each in (one, other))
            yield from ((one, other, each) for each in ranks(left, right))


def gone(reference: Reference, expected: Expected) -> list[Person]:
    """The persons whom nothing names any more, in any store."""
    named_still = {each.email for each in reference.company.crm.contacts if each.tenant != JULIEN}
    for truth, decisions in reference.decisions():
        identity, categories = truth.identity, reference.categories[truth.identity[:2]]
        nobodys = identity in expected.deleted or expected.anonymised.get(identity, frozenset()) >= categories
        if categories and not nobodys:
            named_still |= set(decisions) - expected.redacted.get(identity, frozenset())
    return [each for each in reference.company.people if each.email.lower() not in named_still]


def candidates(reference: Reference, expected: Expected, count: int) -> list[tuple[str, str, str]]:
    """A list of persons (name, address, telephone number): whoever has gone, and strangers."""
    known = {each.name for each in reference.company.people}
    found = [(each.name, each.email, each.phone) for each in gone(reference, expected)]
    strangers = named(2 * count).itertuples(index=False, name=None)
    return [*found, *(each for each in strangers if each[0] not in known)][:count]
