"""Fills the planned shop with people whose dates, gaps, doubles and cases are drawn: something for every rule."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from collections.abc import Sequence

from planned_shop import NOW, TODAY, Shop

from pipelines.engine import HoldScope

PEOPLE = 60
BOUNDARIES = tuple(
    dt.date.fromisoformat(text)
    for text in (
        "2023-06-30", "2023-07-01", "2023-06-29", "2024-02-29", "2023-08-31", "2025-06-30", "2026-06-30", "2024-03-31",
        "2025-06-29", "2025-07-01", "2026-03-29",
    )
)  # fmt: skip


def crowd(shop: Shop, seed: int, people: int = PEOPLE) -> None:
    """Contacts, contracts (some end later, some run, some lack their date), mail, invoices, payments, holds."""
    drawn = random.Random(seed)
    shop.keep_books()
    for number in range(people):
        address = f"some.one{number}@a.example"
        shop.contact(
            drawn.choice([address] * 9 + [None]),
            collected=drawn.choice([_day(drawn), _day(drawn), None, "2031-01-01"][: drawn.choice([2, 2, 2, 4])]),
            tenant=drawn.choice(["shop"] * 9 + ["other"]),
            name=drawn.choice(["", f"Some One{number}"]),
            seen=drawn.choice([None, f"{_day(drawn)} 22:30:00"]),
            note=drawn.choice([None, "a note"]),
        )
        for _ in range(drawn.choice([0, 0, 1, 2])):
            ended = drawn.choice([_day(drawn), _day(drawn), _later(drawn), None])
            shop.contract(address, ended, drawn.choice(["closed", "closed", "closed", "running"]))
        _write(shop, drawn, number, address)
    for number in range(people // 2):
        shop.bill("INSERT INTO invoices (number, closed) VALUES (?, ?)", f"F-{number}", _long_ago(drawn))
        settled = drawn.choice([_day(drawn), _later(drawn), None])
        shop.bill("INSERT INTO payments (invoice_id, pan, cvv, settled) VALUES (?, '4', '1', ?)", number + 1, settled)
    _cases(shop, drawn, people)
    shop.scan()


def _write(shop: Shop, drawn: random.Random, number: int, address: str) -> None:
    """Messages from the person, from somebody with almost the same address, or of the same name."""
    for copy in range(drawn.choice([0, 0, 1, 2])):
        key = f"{number}-{copy}"
        other = f"some.one{drawn.randrange(PEOPLE)}@a.example"
        sender: str | tuple[str, str] = drawn.choice(
            [address, address, address.replace(".one", "one"), ("else@b.example", f"Some One{number}")]  # type: ignore[list-item]
        )
        shop.mail(key, _day(drawn), from_=sender, to=drawn.choice(["us@shop.example", [other, "us@shop.example"]]))
    if number % 10 == 0:
        shop.mail(f"{number}-own", _day(drawn), from_="us@shop.example", to="us@shop.example")


def _cases(shop: Shop, drawn: random.Random, people: int) -> None:
    for number in drawn.sample(range(people), 6):
        until = drawn.choice([None, None, "2026-01-01", "2027-02-10"])
        shop.hold(f"some.one{number}@a.example", "2024-01-01", until)
    with contextlib.closing(shop.estate.engine()) as engine:
        scope = HoldScope(store="billing", dataset="payments")
        engine.holds.open("case-2", scope, since=dt.date(2026, 1, 1), by="legal", at=NOW)


def _day(drawn: random.Random) -> str:
    past: Sequence[dt.date] = [dt.date(2021, 1, 1) + dt.timedelta(days=drawn.randrange(2006)), drawn.choice(BOUNDARIES)]
    return drawn.choice(past).isoformat()


def _later(drawn: random.Random) -> str:
    return (TODAY + dt.timedelta(days=drawn.randrange(1, 900))).isoformat()


def _long_ago(drawn: random.Random) -> str:
    return (dt.date(2014, 1, 1) + dt.timedelta(days=drawn.randrange(4500))).isoformat()
