"""What holds a plan back, and says why."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt

import pytest
import sqlalchemy as sa
from planned_shop import NOW, TODAY, Shop

from pipelines.engine.tables import holds
from pipelines.errors import DataMapInvalid, EstateInvalid, Refused
from pipelines.plan import make_plan


def test_limits_hold_a_plan_back(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example")
    sqlite_shop.contact("b@a.example", collected="2026-01-01")
    sqlite_shop.edit("ardoise.toml", "share = 1.0", "share = 1.0\n[limits.crm.contacts]\ncount = 0\nshare = 0.4")
    reasons = [refusal.reason for refusal in sqlite_shop.plan().refusals]
    assert reasons == ["1 record is due, the limit is 0", "1 record of 2 is due, the limit is 40%"]


def test_a_dataset_that_is_suddenly_empty_refuses(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example", collected="2026-01-01")
    sqlite_shop.plan()
    with sqlite_shop.crm.begin() as connection:
        connection.exec_driver_sql("DELETE FROM contacts")
    assert [(r.dataset, r.reason) for r in sqlite_shop.plan().refusals] == [
        ("contacts", "it is suddenly empty; it held 1 record")
    ]


def test_a_dataset_of_an_unusual_size_refuses(sqlite_shop: Shop) -> None:
    sqlite_shop.edit("ardoise.toml", "share = 1.0", "share = 1.0\n[limits.crm.contacts]\ndeviation = 0.5")
    sqlite_shop.contact("a@a.example", collected="2026-01-01")
    assert sqlite_shop.plan().refusals == ()
    sqlite_shop.contact("b@a.example", collected="2026-01-01")
    assert [(r.dataset, r.reason) for r in sqlite_shop.plan().refusals] == [
        ("contacts", "it holds 2 records, usually 1; the limit of deviation is 50%")
    ]


def test_a_plan_for_the_future_refuses_itself(sqlite_shop: Shop) -> None:
    (refusal,) = sqlite_shop.plan(TODAY + dt.timedelta(days=1)).refusals
    assert "lies in the future" in refusal.reason


def test_a_policy_without_purposes_is_refused_even_if_it_loads(sqlite_shop: Shop) -> None:
    estate = sqlite_shop.estate
    estate._policies["SHOP"] = dataclasses.replace(estate.policy("SHOP"), purposes=())
    with pytest.raises(Refused, match="no purposes"):
        make_plan(estate, "SHOP", as_of=TODAY, today=TODAY, now=NOW)


def test_a_policy_that_nothing_fits_is_refused_before_any_store_is_asked(sqlite_shop: Shop) -> None:
    sqlite_shop.edit("policies/shop.yaml", "keeps: [technical]", "keeps: [card]")
    with pytest.raises(EstateInvalid, match="technical"):
        sqlite_shop.plan()


def test_a_map_that_names_what_is_not_there_is_refused_with_its_place(sqlite_shop: Shop) -> None:
    sqlite_shop.edit("data_map/crm.yaml", "seen_ip: {", "sean_ip: {")
    with pytest.raises(DataMapInvalid, match="sean_ip"):
        sqlite_shop.plan()


def test_a_hold_that_may_not_find_its_person_refuses_until_it_is_opened_anew(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example")
    sqlite_shop.hold("a@a.example", "2026-01-01")
    assert sqlite_shop.plan().refusals == ()
    with contextlib.closing(sqlite_shop.estate.engine()) as engine:
        with engine.connections.write() as connection:
            connection.execute(sa.update(holds).values(forms=None))  # as versions before left it
        (refusal,) = sqlite_shop.plan().refusals
        assert "hold 1 was opened by a version that spelled addresses otherwise" in refusal.reason
        sqlite_shop.hold("a@a.example", "2026-01-01")
        for by in ("legal", "dpo"):
            engine.holds.release("case-1", until=TODAY, by=by, at=NOW, number=1)
    assert sqlite_shop.plan().refusals == ()
