"""Items are joined with their participants in parts, so that memory stays flat; the parts tell what the whole tells."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest
import yaml

from pipelines.data_map.model import DatasetMap
from pipelines.plan.dialects import run
from pipelines.plan.item_occurrences import item_occurrences
from pipelines.plan.occurrences import Horizon
from pipelines.plan.supply import Supplier
from pipelines.scan.index import ITEMS, PARTICIPANTS
from retention_rules.loading import load_policy

TODAY = dt.date(2026, 6, 30)
EVENT = "last_inbound_contact"
MAIL = """
source: "*"
controller: JULIEN
subjects: [{kind: email, roles: [from, to]}, {kind: name, roles: [from], strength: name}]
events: {last_inbound_contact: {at: last, roles: [from], of: subject}}
"""

Told = dict[tuple[str, str], tuple[bool, bool, dt.date | None, dt.date | None]]


def told(index: duckdb.DuckDBPyConnection, parts: int) -> Told:
    """What all parts say of each digest of each kind, taken together."""
    dataset = DatasetMap.model_validate(yaml.safe_load(MAIL))
    supplier = Supplier("mail", "all", (EVENT,), frozenset(), items=True, approved=True)
    found: Told = {}
    for query in item_occurrences(supplier, dataset, load_policy("julien"), EVENT, Horizon("h", TODAY, TODAY), parts):
        for _, _, key, digest, is_open, missing, first, last in run(index, query).fetchall():
            before = found.get((key, digest.hex), (False, False, None, None))
            days = sorted(day for day in (first, last, before[2], before[3]) if day)
            found[key, digest.hex] = (
                before[0] or is_open, before[1] or missing, days[0] if days else None, days[-1] if days else None
            )  # fmt: skip
    return found


@pytest.fixture
def index() -> duckdb.DuckDBPyConnection:
    """500 messages of 40 people under 30 loose forms, some without a date, some automatic, some doubtful."""
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS items; USE items")
    for table in (ITEMS, PARTICIPANTS):
        connection.execute(f"CREATE TABLE {table}")
    connection.execute("""
        INSERT INTO items BY NAME
        SELECT 'mail' AS store, 'all' AS dataset, 'box' || n % 3 AS container, n::VARCHAR AS key,
            n % 10 = 0 AS automatic,
            CASE WHEN n % 7 > 0 THEN TIMESTAMP '2020-01-01' + n * INTERVAL 3 DAY END AS last, last AS first
        FROM range(500) AS r(n)
    """)
    connection.execute("""
        INSERT INTO participants BY NAME
        SELECT 'mail' AS store, 'all' AS dataset, container, key, 'from' AS role, md5('a' || key::INT % 40) AS digest,
            md5('l' || key::INT % 40 % 30) AS loose, md5('n' || key::INT % 11) AS name_digest,
            CASE WHEN key::INT % 13 = 0 THEN 'weak' END AS contact, false AS own
        FROM items
    """)
    connection.execute("USE memory")
    return connection


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_the_parts_of_all_items_tell_what_the_whole_tells(index: duckdb.DuckDBPyConnection, parts: int) -> None:
    whole = told(index, 1)
    assert {key for key, _ in whole} == {"strong_email", "weak_email", "weak_name"}
    assert told(index, parts) == whole
