"""Anonymised rows hide among each other: planned, applied in whole groups, held back, resumed, verified."""

from __future__ import annotations

import datetime as dt
import functools
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from apply_states import worker
from approving import confirm_maps
from hidden_shop import KEPT, NOW, TABLE, Club, K, club, club_in, hidden, is_nobody

from connectors.sql.strategy import Strategy
from pipelines.verify.anonymity import HIDDEN, measured

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    return club_in(request.param, request, tmp_path)


def test_former_members_hide_among_each_other_run_after_run(store: Club) -> None:
    store.join(range(1, 120))
    store.join(range(200, 210), left=1)
    before = store.rows()
    plan = store.plan()
    summary = store.apply(plan)
    assert summary.complete
    after = store.rows()
    cells = hidden(after, is_nobody)
    assert cells
    assert min(cells.values()) >= K
    living = [row for row in after if row["id"] >= 200]
    assert living == [{**row, "ip": None} for row in before if row["id"] >= 200], "only the traces of the living go"
    assert not store.working(), "what a step has worked with goes with it"
    findings = store.verify(plan)
    assert [each for each in findings if not each.passed] == []
    assert any(each.expectation == HIDDEN for each in findings)
    found = next(each for each in measured(store.estate, plan) if each.dataset == "members")
    assert (found.k, found.cells) == (min(cells.values()), len(cells))


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_amounts_of_a_domain_are_averaged_to_the_scale_of_what_it_restricts(store: Club) -> None:
    store.join(range(1, 60))
    store.run("CREATE DOMAIN amount AS numeric(10, 2)")
    store.run("ALTER TABLE members ALTER cents TYPE amount USING cents / 100.0")
    plan = store.plan()
    assert store.apply(plan).complete
    assert any(row["cents"] % 1 for row in store.rows() if is_nobody(row) and row["cents"])
    assert [each for each in store.verify(plan) if not each.passed] == []


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_whoever_hides_already_hides_among_as_many_after_later_runs(store: Club) -> None:
    hiding: list[dict[tuple[Any, ...], int]] = []
    for joining in (range(1, 40), range(100, 120), range(200, 203)):
        store.join(joining, seed=joining.start)
        plan = store.plan()
        assert store.apply(plan).complete
        hiding.append(hidden(store.rows(), is_nobody))
        assert min(hiding[-1].values()) >= K
    first, second, third = hiding
    assert sum(second.values()) > sum(first.values()), "the second run has hidden somebody"
    assert all(second[cell] >= count for cell, count in first.items())
    assert all(third[cell] >= count for cell, count in second.items())
    assert [each for each in store.verify(plan) if not each.passed] == []
    found = next(each for each in measured(store.estate, plan) if each.dataset == "members")
    assert (found.k, found.cells) == (min(third.values()), len(third))


@pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("moved", [False, True])
def test_a_table_that_is_written_anew_has_the_groups_too(store: Club, moved: bool) -> None:
    """``moved``: somebody deletes members between the plan and the act."""
    store.rewriting()
    store.join(range(1, 120))
    store.join(range(200, 210), left=1)
    living = [row for row in store.rows() if row["id"] >= 200]
    plan = store.plan()
    chosen = {step.dataset: step.strategy for step in plan.steps if step.fields != ("ip",)}
    assert chosen["members"] is Strategy.REWRITE, [step.declined for step in plan.steps]

    def checkpoint(point: str) -> None:
        if moved and point == "intent":
            store.run("DELETE FROM members WHERE id IN (1, 2, 3)")

    summary = store.apply(plan, checkpoint=checkpoint)
    assert summary.complete
    after = store.rows()
    cells = hidden(after, is_nobody)
    assert cells
    assert min(cells.values()) >= K
    assert [row for row in after if row["id"] >= 200] == [{**row, "ip": None} for row in living]
    back = [row["id"] for row in after if row["id"] < 200 and not is_nobody(row)]
    assert back == [29, 58, 87, 116], "too few without an amount to hide each other"
    assert summary.counts["held_back"] == len(back)
    assert not store.working()
    unmet = {each.expectation for each in store.verify(plan) if not each.passed}
    theirs = {"registered statistics are what they were", "what was not due is untouched"}
    assert unmet == (theirs if moved else set()), "somebody has deleted three rows"


class Stopped(Exception):
    """The run ends here."""


@pytest.mark.parametrize("resumed", [False, True])
def test_a_group_of_which_rows_are_gone_is_made_anew(store: Club, resumed: bool) -> None:
    """Two rows of each group go between the groups and the act, of the same run or of the one that resumes it."""
    store.join(range(1, 120))
    plan = store.plan()
    met: list[str] = []

    def go() -> None:
        schema = "ardoise" if store.admin.dialect.name == "postgresql" else None
        (name,) = (each for each in sa.inspect(store.admin).get_table_names(schema=schema) if "work_" in each)
        place = f"{schema}.{name}" if schema else name
        numbered = "row_number() OVER (PARTITION BY ardoise_group ORDER BY id) AS n"
        groups = f"SELECT id, {numbered} FROM {place} WHERE ardoise_group IS NOT NULL"
        store.run(f"DELETE FROM members WHERE id IN (SELECT id FROM ({groups}) AS g WHERE n <= 2)")

    def checkpoint(point: str) -> None:
        if point == "placed" and not met:
            met.append(point)
            if resumed:
                raise Stopped
            go()

    if resumed:
        with pytest.raises(Stopped):
            store.apply(plan, checkpoint=checkpoint)
        go()
    summary = store.apply(plan, checkpoint=checkpoint)
    assert met
    assert summary.complete
    cells = hidden(store.rows(), is_nobody)
    assert cells
    assert min(cells.values()) >= K


def test_what_a_killed_run_worked_with_goes_with_the_next_one(store: Club) -> None:
    """And whoever resumes the killed one yet ends it all the same."""
    store.join(range(1, 120))
    old = store.plan()

    def stop(last: str) -> Callable[[str], None]:
        """At the point, once rows are in groups."""

        def checkpoint(point: str) -> None:
            if point == last and set(store.working()) - set(left):
                raise Stopped

        return checkpoint

    left: list[str] = []
    with pytest.raises(Stopped):
        store.apply(old, checkpoint=stop("committed"))
    left = store.working()
    tomorrow = NOW + dt.timedelta(days=1)
    new = store.plan(tomorrow)
    with pytest.raises(Stopped):
        store.apply(new, now=tomorrow, today=tomorrow.date(), checkpoint=stop("placed"))
    assert len(store.working()) == len(left) == 1
    assert store.working() != left
    assert store.apply(old).complete
    assert not store.working()
    assert min(hidden(store.rows(), is_nobody).values()) >= K


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_run_that_an_older_version_began_is_resumed(store: Club) -> None:
    """Its work table has no numbers."""
    store.join(range(1, 60))
    plan = store.plan()

    def stop(point: str) -> None:
        if point == "placed":
            raise Stopped

    with pytest.raises(Stopped):
        store.apply(plan, checkpoint=stop)
    (work,) = (each for each in sa.inspect(store.admin).get_table_names(schema="ardoise") if "work_" in each)
    store.run(f"ALTER TABLE ardoise.{work} DROP ardoise_number, DROP ardoise_version, ADD PRIMARY KEY (id)")
    assert store.apply(plan).complete
    assert min(hidden(store.rows(), is_nobody).values()) >= K
    assert not store.working()


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_run_that_ends_when_it_has_written_a_table_anew_is_resumed(store: Club) -> None:
    """Of its groups nothing is left to be done."""
    store.rewriting()
    store.join(range(1, 60))
    store.run("UPDATE members SET cents = 1 WHERE cents IS NULL")
    plan = store.plan()
    written: list[str] = []

    def stop(point: str) -> None:
        written.extend([point] * (point == "after_commit"))
        if len(written) == len(plan.steps):
            raise Stopped

    with pytest.raises(Stopped):
        store.apply(plan, checkpoint=stop)
    assert all(map(is_nobody, store.rows())), "the last step is that of the groups"
    assert store.apply(plan).complete
    assert not store.working()


def test_what_nobody_can_hide_is_held_back(store: Club) -> None:
    store.join(range(1, 4))
    plan = store.plan()
    summary = store.apply(plan)
    assert summary.complete
    assert summary.counts["held_back"] == 3
    assert not any(map(is_nobody, store.rows()))
    assert [each for each in store.verify(plan) if not each.passed] == []


BRANCHES = {
    "PRIMARY KEY": "NOT NULL",
    "cents integer": "branch varchar(9) DEFAULT 'A', country varchar(2) DEFAULT 'FR', cents integer, "
    "PRIMARY KEY (branch, id)",
}


def test_a_key_of_several_columns_and_what_chooses_rows_count(store: Club) -> None:
    """Each says something of a member: in which branch he was, in which country."""
    store.run("DROP TABLE visits")
    store.run("DROP TABLE members")
    store.run(functools.reduce(lambda text, each: text.replace(*each), BRANCHES.items(), TABLE))
    file = store.folder / "data_map" / "club.yaml"
    text, visits = file.read_text(encoding="utf-8").split("  visits:")
    assert visits
    text = text.replace("key: [id]", "key: [branch, id]\n    where: {country: [FR, BE]}")
    text = text.replace("      cents:", "      branch: {category: none}\n      country: {category: none}\n      cents:")
    file.write_text(text, encoding="utf-8")
    confirm_maps(store.folder)
    store.join(range(1, 200))
    store.run("UPDATE members SET branch = 'B' WHERE id > 100")
    store.run("UPDATE members SET country = CASE WHEN id < 150 THEN 'BE' ELSE 'CH' END WHERE id BETWEEN 50 AND 159")
    before = store.rows()
    assert any(
        "club.members: anonymised rows keep what counts for k in every cell (branch, country, id), since" in each
        for each in store.plan().warnings
    )

    file.write_text(text.replace("free: [seen_on]", "free: [seen_on, id]"), encoding="utf-8")
    confirm_maps(store.folder)
    plan = store.plan()
    assert any(
        "club.members: anonymised rows keep what counts for k in every cell (branch, country)" in each
        for each in plan.warnings
    )
    assert store.apply(plan).complete
    after = store.rows()
    cells = Counter(tuple(row[name] for name in (*KEPT, "branch", "country")) for row in after if is_nobody(row))
    assert {cell[-2:] for cell in cells} == {("A", "FR"), ("A", "BE"), ("B", "FR"), ("B", "BE")}
    assert min(cells.values()) >= K
    swiss = [row for row in before if row["country"] == "CH"]
    assert [row for row in after if row["country"] == "CH"] == swiss, "they are no part of it"
    assert [each for each in store.verify(plan) if not each.passed] == []
    (found,) = measured(store.estate, plan)
    assert (found.k, found.cells) == (min(cells.values()), len(cells))


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_where_k_was_raised_since_verification_says_what_helps(store: Club) -> None:
    store.join(range(1, 60))
    assert store.apply(store.plan()).complete
    reached = min(hidden(store.rows(), is_nobody).values())
    file = store.folder / "data_map" / "club.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("k: 5", "k: 12", 1), encoding="utf-8")
    confirm_maps(store.folder)
    plan = store.plan()
    store.apply(plan)
    (small,) = (each for each in store.verify(plan) if not each.passed)
    assert f"if `k` was raised since, put it back to {reached}" in small.remedy


def test_visits_of_former_members_lead_to_nobody(store: Club) -> None:
    store.join(range(1, 60))
    store.join(range(200, 206), left=1)
    store.visit(range(1, 60))
    store.visit(range(200, 206))
    before = store.rows("visits")
    plan = store.plan()
    assert store.apply(plan).complete
    members = {row["id"]: row for row in store.rows()}
    after = store.rows("visits")
    assert [row for row in after if row["member_id"] >= 200] == [row for row in before if row["member_id"] >= 200]
    turned = [row for row in after if row["member_id"] < 200]
    hidden_visits = [row for row in turned if is_nobody(members[row["member_id"]])]
    whose = {row["id"]: row["member_id"] for row in before}
    cells: dict[tuple[object, ...], set[int]] = {}
    for row in hidden_visits:
        cell = (row["member_id"], row["on_day"], row["cents"])
        cells.setdefault(cell, set()).add(whose[row["id"]])
    assert cells
    assert min(len(persons) for persons in cells.values()) >= K, "together with the cell of its parent"
    assert {row["note"] for row in hidden_visits} == {None}
    assert [each for each in store.verify(plan) if not each.passed] == []
    again = store.plan()
    store.apply(again)
    assert store.rows("visits") == after, "a later run turns nothing again"


SPENT = """  bills:
    source: {schema}bills
    controller: CLUB
    key: [id]
    inherits: [{{dataset: visits, on: {{visit_id: id}}}}]
    fields: {{item: {{category: user.content}}, cents: {{category: none}}}}
    anonymity:
      k: 5
      signed_off: {{by: dpo, on: 2026-06-01}}
      partition: [{{visit_id: value}}, {{}}]
      measures: [cents]
      subject: visit_id
      link: visit_id
    approved: {{by: dpo, on: 2026-01-01}}
"""


def test_what_hangs_on_turned_rows_is_turned_in_the_same_run(store: Club) -> None:
    """A child is turned after its parent, whatever their names are: where its link leads is known only then."""
    store.run("CREATE TABLE bills (id integer PRIMARY KEY, visit_id integer, item varchar(80), cents integer NOT NULL)")
    path = store.folder / "data_map" / "club.yaml"
    schema = "public." if store.admin.dialect.name == "postgresql" else ""
    path.write_text(path.read_text(encoding="utf-8") + SPENT.format(schema=schema), encoding="utf-8")
    confirm_maps(store.folder)
    store.join(range(1, 30))
    store.visit(range(1, 30))
    for number, visit in enumerate(store.rows("visits")):
        store.run(f"INSERT INTO bills VALUES ({number}, {visit['id']}, 'tea', {100 + number})")
    plan = store.plan()
    assert store.apply(plan).complete
    nobodys = {row["id"] for row in store.rows() if is_nobody(row)}
    visits = {row["id"]: row for row in store.rows("visits")}
    whose = {number: visit // 100 for number, visit in enumerate(sorted(visits))}
    bills = [row for row in store.rows("bills") if whose[row["id"]] in nobodys]
    cells = Counter((row["visit_id"], row["cents"], row["item"]) for row in bills)
    assert bills
    assert min(cells.values()) >= K
    assert {item for _, _, item in cells} == {None}
    assert [each for each in store.verify(plan) if not each.passed] == []


KILLS = [
    ("placed", 1), ("mid_batch", 2), ("before_commit", 5), ("committed", 3), ("turning", 1), ("turned", 2),
]  # fmt: skip
"""Before anything is written, inside groups, between them; before and between chunks of rows that are turned."""


def outcome(store: Club) -> Any:
    """What does not depend on chance: amounts are all different, so groups and their means are the same."""
    members = [{name: row[name] for name in ("id", *KEPT)} for row in store.rows()]
    nobody = {row["id"] for row in store.rows() if is_nobody(row)}
    visits = sorted((row["on_day"], row["cents"], row["member_id"] in nobody) for row in store.rows("visits"))
    return members, nobody, visits


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "club.sqlite").touch()
    store = club(folder / "estate", *(f"sqlite:///{folder / 'club.sqlite'}",) * 3)
    fill(store)
    assert store.apply(store.plan()).complete
    return outcome(store)


def fill(store: Club) -> None:
    store.join(range(1, 50))
    store.visit(range(1, 50), each=2)


@pytest.mark.parametrize(("point", "occurrence"), KILLS)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_killed_run_is_resumed_with_the_groups_that_it_had(
    store: Club, undisturbed: Any, point: str, occurrence: int
) -> None:
    fill(store)
    plan = store.plan()
    died = worker(store, plan, point=point, occurrence=occurrence)
    _, errors = died.communicate(timeout=280)
    assert died.returncode == -signal.SIGKILL, errors
    cells = hidden(store.rows(), is_nobody)
    assert all(count >= K for count in cells.values()), "whole groups or none, even of a run that was never resumed"
    assert store.apply(plan).complete
    assert outcome(store) == undisturbed
    assert not store.working()
