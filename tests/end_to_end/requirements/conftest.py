"""Stores under the three shipped policies, empty: each test fills in the life that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest
from policy_estate import Make, PolicyEstate

JULIEN_SCHEMA = """
CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, name TEXT, birth TEXT, region TEXT, collected TEXT,
  objected TEXT);
CREATE TABLE contracts (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), ended TEXT, number TEXT,
  note TEXT, amount NUMERIC, delivered TEXT);
CREATE TABLE services (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), ended TEXT, last_act TEXT);
CREATE TABLE exchanges (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), at TEXT, kind TEXT,
  body TEXT);
CREATE TABLE visits (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), ip TEXT, url TEXT, at TEXT,
  cents INTEGER);
CREATE TABLE cards (id INTEGER PRIMARY KEY, pan TEXT, cvv TEXT, holder TEXT, settled TEXT, agreed_from TEXT,
  agreed_to TEXT, debited TEXT, disputed TEXT, deferred INTEGER);
CREATE TABLE invoices (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), number TEXT, issued TEXT,
  settled TEXT);
"""
JULIEN_DATASETS = {
    "people": """
    subjects: [{kind: email, columns: [email]}]
    events:
      collected: {column: collected, null: absent, of: subject}
      objection: {column: objected, null: absent, of: subject}
    fields:
      email: {category: user.contact.email}
      name: {category: user.name}
      birth: {category: user.demographic.date_of_birth}
      region: {category: none}
    statistics: [{name: people, by: [{column: region}]}]
""",
    "contracts": """
    inherits: [{dataset: people, on: {person_id: id}}]
    events:
      contract_end: {column: ended, null: open, of: subject}
      delivered: {column: delivered, null: absent}
    facts: {contract_amount: {column: amount}}
    fields:
      number: {category: contract.evidence}
      note: {category: contract.note}
""",
    "services": """
    inherits: [{dataset: people, on: {person_id: id}}]
    events:
      service_end: {column: ended, null: open, of: subject}
      last_intervention: {column: last_act, null: absent, of: subject}
    fields: {ended: {category: none}}
""",
    "exchanges": """
    inherits: [{dataset: people, on: {person_id: id}}]
    events:
      last_inbound_contact: {column: at, only_if: {column: kind, values: [inbound, bought]}, of: subject}
      outbound_contact: {column: at, only_if: {column: kind, values: [outbound, automatic]}, of: subject}
      mail_opened: {column: at, only_if: {column: kind, values: [opened, bounced]}, of: subject}
    fields: {body: {category: correspondence}}
""",
    "visits": """
    inherits: [{dataset: people, on: {person_id: id}}]
    events: {created: {column: at}}
    fields:
      ip: {category: technical.ip}
      url: {category: technical.url}
      cents: {category: none}
    statistics: [{name: turnover, sum: cents, by: [{column: at, by: month}]}]
""",
    "cards": """
    events:
      payment_settled: {column: settled, null: open}
      agreement_start: {column: agreed_from, null: absent}
      agreement_end: {column: agreed_to, null: open}
      debited: {column: debited, null: absent}
      disputed: {column: disputed, null: absent}
    facts: {deferred_debit: {column: deferred}}
    fields:
      pan: {category: card.pan}
      cvv: {category: card.cvv}
      holder: {category: card.holder}
""",
    "invoices": """
    inherits: [{dataset: people, on: {person_id: id}}]
    events:
      invoice_issued: {column: issued}
      payment_settled: {column: settled, null: open}
      fiscal_year_end: {column: issued, rolls_to_end_of: 12}
    fields: {number: {category: invoice.number}}
""",
}
LIFE = ("people", "contracts", "services", "exchanges")
"""What is needed to know how long a person is kept."""

DATASET = """
  {name}:
    source: {name}
    controller: {controller}
    key: [id]
    approved: {{by: dpo, on: 2010-01-01}}
"""


@pytest.fixture
def julien(tmp_path: Path) -> Make:
    """Makes a shop under the policy `julien`, with these datasets mapped."""

    def made(*names: str) -> PolicyEstate:
        data_map = "datasets:" + "".join(
            DATASET.format(name=name, controller="JULIEN").rstrip() + JULIEN_DATASETS[name] for name in names
        )
        return PolicyEstate.write(tmp_path, JULIEN_SCHEMA, data_map, {"JULIEN": 'policy = "julien"'}, {})

    return made


@pytest.fixture
def shop(julien: Make) -> PolicyEstate:
    """A shop that knows its people, their contracts, services and exchanges."""
    return julien(*LIFE)


JULIE_SCHEMA = """
CREATE TABLE messages (id INTEGER PRIMARY KEY, client TEXT, contract TEXT, body TEXT, at TEXT);
CREATE TABLE contacts (id INTEGER PRIMARY KEY, client TEXT, name TEXT, slot TEXT, collected TEXT, last TEXT);
CREATE TABLE places (id INTEGER PRIMARY KEY, client TEXT, place TEXT, at TEXT);
CREATE TABLE visits (id INTEGER PRIMARY KEY, ip TEXT, clicks TEXT, at TEXT);
"""
OF_A_CLIENT = {
    "messages": """
    facts: {contract: {column: contract}}
    events: {created: {column: at}}
    fields: {body: {category: correspondence}}
""",
    "contacts": """
    facts: {contract: {value: frame}}
    events:
      collected: {column: collected}
      last_exchange: {column: last, null: absent}
    fields:
      name: {category: user.name}
      slot: {category: user.preferences}
""",
    "places": """
    events: {created: {column: at}}
    fields: {place: {category: user.location}}
""",
}
OWN_VISITS = """
    events: {created: {column: at}}
    fields:
      ip: {category: user.device.ip_address}
      clicks: {category: user.behavior}
"""
JULIE_TERMS = {
    "acme": """
controller: CLIENTS
tenant: acme
source: Contract of ACME, annex 2
terms: {service: 1 year, contact: 3 years, personalisation: 6 months, location: P1M, tracking: 13 months}
contracts:
  A-1: {service: 6 months}
  A-2: {service: 2 years}
""",
    "globex": """
controller: CLIENTS
tenant: globex
source: Terms of service, §7
terms: {service: 3 months, contact: 1 year, personalisation: 1 year, location: 1 year, tracking: 1 year}
""",
    "own": """
controller: JULIE_DESK
source: Privacy policy, §4
terms: {service: 1 year, contact: 1 year, personalisation: 1 year, location: 1 year, tracking: 13 months}
""",
}


@pytest.fixture
def julie_desk(tmp_path: Path) -> Make:
    """Makes the scheduling service: two clients' data as their processor, its own visits as a controller."""

    def made(*names: str) -> PolicyEstate:
        data_map = "datasets:"
        for name in names:
            for client in ("acme", "globex") if name in OF_A_CLIENT else ():
                head = (
                    DATASET.format(name=name, controller="CLIENTS")
                    .rstrip()
                    .replace(f"  {name}:", f"  {name}_{client}:")
                )
                data_map += f"{head}\n    tenant: {client}\n    where: {{client: [{client}]}}{OF_A_CLIENT[name]}"
        if "visits" in names:
            data_map += DATASET.format(name="visits", controller="JULIE_DESK").rstrip() + OWN_VISITS
        controllers = {"CLIENTS": 'policy = "julie_desk"\nrole = "processor"', "JULIE_DESK": 'policy = "julie_desk"'}
        terms = {f"terms/{name}.yaml": text for name, text in JULIE_TERMS.items()}
        return PolicyEstate.write(tmp_path, JULIE_SCHEMA, data_map, controllers, terms)

    return made


JENJI_SCHEMA = """
CREATE TABLE employees (id INTEGER PRIMARY KEY, email TEXT, name TEXT, closure TEXT, ended TEXT);
CREATE TABLE trips (id INTEGER PRIMARY KEY, employee_id INTEGER REFERENCES employees (id), route TEXT);
CREATE TABLE receipts (id INTEGER PRIMARY KEY, employee_id INTEGER REFERENCES employees (id), picture TEXT,
  collection TEXT);
"""
JENJI_DATASETS = {
    "employees": """
    subjects: [{kind: email, columns: [email]}]
    events:
      closure_requested: {column: closure, null: absent}
      relation_end: {column: ended, null: open}
    fields:
      email: {category: user.contact.email}
      name: {category: user.name}
""",
    "trips": """
    inherits: [{dataset: employees, on: {employee_id: id}}]
    fields: {route: {category: trip}}
""",
    "receipts": """
    inherits: [{dataset: employees, on: {employee_id: id}}]
    fields: {picture: {category: receipt}}
""",
}
JENJI_TERMS = """
controller: ACME
source: Contract J-7, annex 1
terms:
  identity: 3 years
  trip: 5 years
  expense: 10 years
  receipt: 10 years
"""


@pytest.fixture
def jenji(tmp_path: Path) -> PolicyEstate:
    """The expense reports of a company, whose processor the service is."""
    data_map = "datasets:" + "".join(
        DATASET.format(name=name, controller="ACME").rstrip() + text for name, text in JENJI_DATASETS.items()
    )
    controllers = {"ACME": 'policy = "jenji"\nrole = "processor"'}
    return PolicyEstate.write(tmp_path, JENJI_SCHEMA, data_map, controllers, {"terms/acme.yaml": JENJI_TERMS})
