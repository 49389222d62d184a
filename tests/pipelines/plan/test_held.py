"""Holds keep what is due, but for what nobody may hold."""

from __future__ import annotations

import contextlib
import datetime as dt

from planned_shop import NOW, Shop, identity, tally

from pipelines.engine import HoldScope
from pipelines.plan.artefact import Tally


def test_a_hold_keeps_what_is_due_and_its_release_frees_it(shop: Shop) -> None:
    for name in ("held", "released", "free", "living"):
        shop.contact(f"{name}@a.example", collected="2025-01-01" if name == "living" else "2020-01-01")
    shop.hold("held@a.example", "2021-01-01")
    shop.hold("living@a.example", "2021-01-01")
    shop.hold("released@a.example", "2021-01-01", "2026-04-10")
    plan = shop.plan()
    (step,) = plan.steps
    assert shop.keys(plan, step.id) == [2, 3]
    assert (step.first_due, step.last_due) == (dt.date(2023, 1, 2), dt.date(2026, 4, 10))
    assert identity(plan) == Tally("crm", "contacts", "user.name", found=4, kept=1, due=2, held=1)


def test_no_hold_keeps_the_security_code(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.keep_books()
    shop.bill("INSERT INTO payments VALUES (1, NULL, '4111', '123', '2026-06-30')")
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.holds.open("case-2", HoldScope(store="billing"), since=dt.date(2020, 1, 1), by="legal", at=NOW)
    plan = shop.plan()
    assert tally(plan, "billing", "payments", "card.cvv").due == 1
    assert tally(plan, "billing", "payments", "card.pan").held == 1
