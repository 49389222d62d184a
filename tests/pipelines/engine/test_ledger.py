"""The ledger: what was appended stays, and what was tampered with is found and named."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from engine_samples import HOUR, NOON
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipelines.engine import Defect, EngineDatabase, EngineKeys, Entry, Flaw, Head, Ledger
from pipelines.engine.chain import GENESIS, digest_of
from pipelines.engine.connection import Connections
from pipelines.engine.tables import ledger, ledger_head
from pipelines.errors import EngineDown, LedgerBroken, UsageError

ENTRIES = 8
FORGED = '{"reason":"forged"}'
Pristine = tuple[Path, EngineKeys, list[Entry]]


def fill(chain: Ledger, count: int = ENTRIES) -> list[Entry]:
    return [
        chain.append("refusal", {"reason": f"limits.{number}", "store": "crm"}, at=NOON + number * HOUR)
        for number in range(count)
    ]


def flaws(defects: list[Defect]) -> list[tuple[int, Flaw]]:
    return [(defect.sequence, defect.flaw) for defect in defects]


def test_entries_come_back_in_order_as_they_were_appended(engine: EngineDatabase) -> None:
    appended = fill(engine.ledger)
    assert list(engine.ledger.entries()) == appended
    assert [entry.sequence for entry in appended] == list(range(1, ENTRIES + 1))
    assert appended[0].previous == GENESIS
    assert all(second.previous == first.digest for first, second in itertools.pairwise(appended))
    assert engine.ledger.verify() == []
    assert engine.ledger.head() == Head(ENTRIES, appended[-1].digest)


def test_entries_are_found_by_kind_and_behind_a_sequence(engine: EngineDatabase) -> None:
    fill(engine.ledger, 2)
    engine.ledger.append("revocation", {"approval": 1, "by": "dpo"}, at=NOON)
    assert [entry.sequence for entry in engine.ledger.entries("revocation")] == [3]
    assert [entry.sequence for entry in engine.ledger.entries("revocation", "refusal", after=1)] == [2, 3]


def test_long_ledgers_are_read_in_pages(light_engine: EngineDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.engine.chain.PAGE", 3)
    monkeypatch.setattr("pipelines.engine.ledger.PAGE", 3)
    fill(light_engine.ledger, 9)
    assert [entry.sequence for entry in light_engine.ledger.entries()] == list(range(1, 10))
    assert light_engine.ledger.verify() == []


def test_an_entry_and_its_change_are_kept_together_or_not_at_all(engine: EngineDatabase) -> None:
    def interrupted() -> None:
        with engine.connections.write() as connection:
            engine.ledger.append("refusal", {"reason": "limits"}, at=NOON, within=connection)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    assert list(engine.ledger.entries()) == []
    assert engine.ledger.verify() == []


APPENDER = """
import datetime, pathlib, sys
from pipelines.engine import EngineDatabase, EngineKeys
url, key, name = sys.argv[1:]
engine = EngineDatabase.open(url, EngineKeys.load_or_create(pathlib.Path(key)))
for number in range(25):
    body = {"reason": f"run.{name}.n{number}"}
    engine.ledger.append("refusal", body, at=datetime.datetime(2026, 6, 30, tzinfo=datetime.UTC))
"""


@pytest.mark.slow
def test_processes_that_append_at_once_neither_lose_nor_repeat_an_entry(engine_url: str, tmp_path: Path) -> None:
    """They also meet on a database and a key file that none of them has made yet."""
    key = tmp_path / "state" / "key"
    arguments = [[sys.executable, "-c", APPENDER, engine_url, str(key), name] for name in "abcd"]
    children = [subprocess.Popen(each) for each in arguments]
    assert [child.wait(timeout=120) for child in children] == [0, 0, 0, 0]
    database = EngineDatabase.open(engine_url, EngineKeys.load(key))
    reasons = [entry.body["reason"] for entry in database.ledger.entries()]
    assert database.ledger.verify() == []
    database.close()
    assert len(reasons) == 100
    for name in "abcd":
        assert [each for each in reasons if f".{name}." in each] == [f"run.{name}.n{number}" for number in range(25)]


def tamper(engine: EngineDatabase, *statements: sa.Executable) -> list[tuple[int, Flaw]]:
    with engine.connections.write() as connection:
        for statement in statements:
            connection.execute(statement)
    return flaws(engine.ledger.verify())


def at(sequence: int) -> sa.ColumnElement[bool]:
    return ledger.c.sequence == sequence


def test_a_changed_entry_is_named(engine: EngineDatabase) -> None:
    fill(engine.ledger)
    assert tamper(engine, ledger.update().where(at(3)).values(body=FORGED)) == [(3, Flaw.CHANGED)]


def test_an_entry_that_is_no_longer_json_is_named(engine: EngineDatabase) -> None:
    fill(engine.ledger)
    assert tamper(engine, ledger.update().where(at(3)).values(body="{")) == [(3, Flaw.CHANGED)]


def test_a_changed_seal_is_named(engine: EngineDatabase) -> None:
    fill(engine.ledger)
    broken = ledger.update().where(at(3)).values(seal="0" * 64, body=FORGED)
    assert tamper(engine, broken) == [(3, Flaw.CHANGED)]


def test_a_rewritten_chain_without_the_key_is_named_from_its_first_forged_entry(engine: EngineDatabase) -> None:
    entries = fill(engine.ledger)
    previous = entries[1].digest
    statements: list[sa.Executable] = []
    for entry in entries[2:]:
        moment = entry.at.isoformat(timespec="microseconds")
        body = FORGED if entry.sequence == 3 else json.dumps(dict(entry.body))
        digest = digest_of(entry.sequence, moment, entry.kind, body, previous)
        values = {"body": body, "digest": digest, "previous": previous, "at": moment}
        statements.append(ledger.update().where(at(entry.sequence)).values(values))
        previous = digest
    statements.append(ledger_head.update().values(digest=previous))
    found = tamper(engine, *statements)
    assert found[0] == (3, Flaw.INSERTED)
    assert found[-1] == (ENTRIES, Flaw.HEAD)


@pytest.mark.parametrize(("gone", "named"), [((1,), (1, 1)), ((4,), (4, 4)), ((4, 5, 6), (4, 6))])
def test_removed_entries_are_named(engine: EngineDatabase, gone: tuple[int, ...], named: tuple[int, int]) -> None:
    fill(engine.ledger)
    tamper(engine, ledger.delete().where(ledger.c.sequence.in_(gone)))
    (defect,) = engine.ledger.verify()
    assert (defect.sequence, defect.through, defect.flaw) == (*named, Flaw.REMOVED)


def test_a_truncated_tail_is_found_by_the_sealed_head(engine: EngineDatabase) -> None:
    fill(engine.ledger)
    tamper(engine, ledger.delete().where(ledger.c.sequence > 5))
    (defect,) = engine.ledger.verify()
    assert (defect.sequence, defect.through, defect.flaw) == (6, ENTRIES, Flaw.TRUNCATED)


def test_truncation_is_found_though_the_head_is_written_to_match(engine: EngineDatabase) -> None:
    entries = fill(engine.ledger)
    found = tamper(
        engine,
        ledger.delete().where(ledger.c.sequence > 5),
        ledger_head.update().values(sequence=5, digest=entries[4].digest),
    )
    assert found == [(5, Flaw.HEAD)]


def test_moved_entries_are_named_with_where_they_came_from(engine: EngineDatabase) -> None:
    fill(engine.ledger)
    swap = [ledger.update().where(at(old)).values(sequence=new) for old, new in ((2, 99), (6, 2), (99, 6))]
    assert tamper(engine, *swap) == [(2, Flaw.MOVED), (6, Flaw.MOVED)]
    assert [defect.what for defect in engine.ledger.verify()] == ["was moved here from 6", "was moved here from 2"]


def test_the_first_entry_is_recognised_wherever_it_was_moved(engine: EngineDatabase) -> None:
    fill(engine.ledger, 20)
    swap = [ledger.update().where(at(old)).values(sequence=new) for old, new in ((1, 99), (18, 1), (99, 18))]
    assert tamper(engine, *swap) == [(1, Flaw.MOVED), (18, Flaw.MOVED)]


def test_an_inserted_entry_is_named_and_so_are_those_it_pushed_on(engine: EngineDatabase) -> None:
    entries = fill(engine.ledger, 4)
    moment = NOON.isoformat(timespec="microseconds")
    digest = digest_of(3, moment, "refusal", FORGED, entries[1].digest)
    values = {"at": moment, "kind": "refusal", "previous": entries[1].digest, "digest": digest, "seal": "0" * 64}
    found = tamper(
        engine,
        ledger.update().where(at(4)).values(sequence=5),
        ledger.update().where(at(3)).values(sequence=4),
        ledger.insert().values(sequence=3, body=FORGED, **values),
    )
    assert found == [(3, Flaw.INSERTED), (4, Flaw.MOVED), (5, Flaw.MOVED), (5, Flaw.INSERTED)]


def test_an_entry_before_the_first_is_named(light_engine: EngineDatabase) -> None:
    fill(light_engine.ledger, 2)
    row = ledger.insert().values(sequence=0, at="", kind="plan", body="{}", previous="", digest="", seal="")
    assert tamper(light_engine, row) == [(0, Flaw.INSERTED)]


def test_the_key_holder_cannot_graft_an_entry_of_another_branch(
    engine: EngineDatabase, engine_keys: EngineKeys
) -> None:
    """As after a restored backup whose rows were merged: each entry is authentic, the chain is not."""
    fill(engine.ledger)
    moment = NOON.isoformat(timespec="microseconds")
    digest = digest_of(4, moment, "refusal", FORGED, "e" * 64)
    grafted = {"at": moment, "body": FORGED, "previous": "e" * 64, "digest": digest}
    seal = engine_keys.mac("entry", digest)
    found = tamper(engine, ledger.update().where(at(4)).values(seal=seal, **grafted))
    assert found == [(4, Flaw.UNLINKED)]


def test_the_key_holder_cannot_replace_the_last_entry_unseen(engine: EngineDatabase, engine_keys: EngineKeys) -> None:
    entries = fill(engine.ledger)
    moment = NOON.isoformat(timespec="microseconds")
    digest = digest_of(ENTRIES, moment, "refusal", FORGED, entries[-2].digest)
    values = {"at": moment, "body": FORGED, "digest": digest, "seal": engine_keys.mac("entry", digest)}
    assert tamper(engine, ledger.update().where(at(ENTRIES)).values(values)) == [(ENTRIES, Flaw.CHANGED)]


@pytest.mark.parametrize(
    "tampering", [ledger_head.delete(), ledger_head.update().values(sequence=2), ledger_head.update().values(mac="x")]
)
def test_a_ledger_whose_head_cannot_be_trusted_takes_no_entry(engine: EngineDatabase, tampering: sa.Executable) -> None:
    fill(engine.ledger, 3)
    assert (3, Flaw.HEAD) in tamper(engine, tampering)
    with pytest.raises(LedgerBroken, match="head is missing or was changed"):
        engine.ledger.append("refusal", {"reason": "limits"}, at=NOON)
    with pytest.raises(LedgerBroken):
        engine.ledger.head()


def test_an_emptied_ledger_is_not_taken_for_a_new_one(engine_url: str, engine_keys: EngineKeys) -> None:
    first = EngineDatabase.open(engine_url, engine_keys)
    fill(first.ledger, 3)
    tamper(first, ledger.delete(), ledger_head.delete())
    first.close()
    again = EngineDatabase.open(engine_url, engine_keys)
    assert flaws(again.ledger.verify()) == [(0, Flaw.HEAD)]
    again.close()


def test_an_older_copy_of_everything_is_found_by_a_head_written_down_elsewhere(
    engine: EngineDatabase, engine_keys: EngineKeys
) -> None:
    entries = fill(engine.ledger)
    noted = engine.ledger.head()
    assert engine.ledger.verify(noted) == []
    mac = engine_keys.mac("head", f"5:{entries[4].digest}")
    rolled_back = (
        ledger.delete().where(ledger.c.sequence > 5),
        ledger_head.update().values(sequence=5, digest=entries[4].digest, mac=mac),
    )
    assert tamper(engine, *rolled_back) == []
    assert flaws(engine.ledger.verify(noted)) == [(6, Flaw.TRUNCATED)]
    assert flaws(engine.ledger.verify(Head(4, "f" * 64))) == [(4, Flaw.CHANGED)]


def test_nothing_goes_on_with_a_broken_ledger(engine: EngineDatabase) -> None:
    fill(engine.ledger)
    engine.ledger.require_whole()
    tamper(engine, ledger.update().where(at(2)).values(kind="plan"))
    with pytest.raises(LedgerBroken, match="entry 2 was changed") as caught:
        engine.ledger.require_whole()
    assert caught.value.exit_code == 7


def test_a_time_without_a_zone_is_no_instant(light_engine: EngineDatabase) -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        light_engine.ledger.append("refusal", {"reason": "limits"}, at=NOON.replace(tzinfo=None))


# ── any tampering at all ──


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    path = tmp_path_factory.mktemp("pristine") / "engine.sqlite"
    keys = EngineKeys.generate()
    database = EngineDatabase.open(f"sqlite:///{path}", keys)
    entries = fill(database.ledger)
    database.close()
    return path, keys, entries


positions = st.integers(1, ENTRIES)
hexadecimal = st.text("0123456789abcdef", min_size=64, max_size=64)


@st.composite
def changes(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    """An entry, and another value for one of its columns."""
    column = draw(st.sampled_from(["at", "kind", "body", "previous", "digest", "seal"]))
    values = {
        "at": st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='microseconds')}+00:00"),
        "kind": st.sampled_from(["plan", "approval", "intent"]),
        "body": st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(0, 9)).map(json.dumps),
    }
    return draw(positions), {column: draw(values.get(column, hexadecimal))}


quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
thorough = settings(quick, max_examples=200)


def verify_copy(pristine: Pristine, tmp_path: Path, *statements: sa.Executable) -> list[Defect]:
    path, keys, _ = pristine
    copy = tmp_path / "copy.sqlite"
    shutil.copy(path, copy)
    connections = Connections.of(f"sqlite:///{copy}")
    with connections.write() as connection:
        for statement in statements:
            connection.execute(statement)
    defects = Ledger(connections, keys).verify()
    connections.dispose()
    return defects


def changed(pristine: Pristine, tmp_path: Path, change: tuple[int, dict[str, Any]]) -> set[int]:
    """The entries that are named after a change of one column."""
    position, values = change
    ((column, value),) = values.items()
    assume(value != getattr(pristine[2][position - 1], column, None))
    defects = verify_copy(pristine, tmp_path, ledger.update().where(at(position)).values(values))
    return {defect.sequence for defect in defects}


def removed(pristine: Pristine, tmp_path: Path, gone: set[int]) -> tuple[set[int], set[Flaw]]:
    """The entries that are named after some were removed, and as what."""
    defects = verify_copy(pristine, tmp_path, ledger.delete().where(ledger.c.sequence.in_(gone)))
    named = {each for defect in defects for each in range(defect.sequence, (defect.through or 0) + 1)}
    return named, {defect.flaw for defect in defects}


def reordered(pristine: Pristine, tmp_path: Path, order: list[int]) -> list[tuple[int, Flaw]]:
    """What is named after entries were put in another order."""
    away = ledger.update().values(sequence=ledger.c.sequence + 1000)
    back = [ledger.update().where(at(old + 1000)).values(sequence=new) for new, old in enumerate(order, start=1)]
    return flaws(verify_copy(pristine, tmp_path, away, *back))


def moved(order: list[int]) -> list[tuple[int, Flaw]]:
    return [(new, Flaw.MOVED) for new, old in enumerate(order, start=1) if new != old]


some_gone = st.sets(positions, min_size=1)
orders = st.permutations(range(1, ENTRIES + 1))


@quick
@given(change=changes())
def test_any_change_of_any_column_is_found_at_its_entry(
    pristine: Pristine, tmp_path: Path, change: tuple[int, dict[str, Any]]
) -> None:
    assert change[0] in changed(pristine, tmp_path, change)


@quick
@given(gone=some_gone)
def test_any_set_of_removed_entries_is_named_exactly(pristine: Pristine, tmp_path: Path, gone: set[int]) -> None:
    named, as_what = removed(pristine, tmp_path, gone)
    assert named == gone
    assert as_what <= {Flaw.REMOVED, Flaw.TRUNCATED}


@quick
@given(order=orders)
def test_any_new_order_is_found_at_every_entry_that_was_moved(
    pristine: Pristine, tmp_path: Path, order: list[int]
) -> None:
    assert reordered(pristine, tmp_path, order) == moved(order)


@pytest.mark.slow
@thorough
@given(change=changes(), gone=some_gone, order=orders)
def test_whatever_is_done_to_a_ledger_is_found_many_times_over(
    pristine: Pristine, tmp_path: Path, change: tuple[int, dict[str, Any]], gone: set[int], order: list[int]
) -> None:
    assert change[0] in changed(pristine, tmp_path, change)
    assert removed(pristine, tmp_path, gone)[0] == gone
    assert reordered(pristine, tmp_path, order) == moved(order)


# ── what may be written ──


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "anne.dupont@acme.example"},
        {"reason": "Anne Dupont wants it so"},
        {"reason": "0612345678"},
        {"reason": "limits", "note": "called her"},
        {"reason": "limits", "store": 3},
        {"reason": "limits", "plan": "not a digest"},
        {"reason": ["limits"]},
        {},
    ],
)
def test_no_address_sentence_or_unknown_key_gets_into_the_ledger(
    light_engine: EngineDatabase, body: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as caught:
        light_engine.ledger.append("refusal", body, at=NOON)
    assert not any(str(value) in str(caught.value) for value in body.values() if value not in ("limits", 3))
    assert list(light_engine.ledger.entries()) == []


def test_a_receipt_counts_outcomes_and_nothing_else(light_engine: EngineDatabase) -> None:
    receipt = {
        "plan": "a" * 64, "store": "crm", "dataset": "contacts", "step": "crm.contacts.delete", "action": "delete",
        "outcomes": {"done": 7, "stale": 1}, "residue": ["wal"], "intent": 1,
    }  # fmt: skip
    assert light_engine.ledger.append("receipt", receipt, at=NOON).body["outcomes"] == {"done": 7, "stale": 1}
    for outcomes in ({"anne@acme.example": 1}, {"done": -1}, {"done": "7"}):
        with pytest.raises(UsageError, match="outcomes"):
            light_engine.ledger.append("receipt", receipt | {"outcomes": outcomes}, at=NOON)


def test_an_unknown_kind_is_refused(light_engine: EngineDatabase) -> None:
    with pytest.raises(UsageError, match="no ledger entry of kind 'gossip'"):
        light_engine.ledger.append("gossip", {}, at=NOON)


def test_a_database_that_cannot_be_written_says_so_without_its_parameters(light_engine: EngineDatabase) -> None:
    with light_engine.connections.write() as connection:
        connection.exec_driver_sql("DROP TABLE ledger")
    with pytest.raises(EngineDown) as caught:
        light_engine.ledger.append("refusal", {"reason": "limits"}, at=NOON)
    assert "limits" not in str(caught.value)
    assert caught.value.__suppress_context__
