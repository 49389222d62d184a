"""What a row told of a person counts for that person's records elsewhere after the row is gone, and its link."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from told_estate import ENDED, GONE, LAST, ToldEstate, told_estate

DAY = dt.timedelta(days=1)


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> ToldEstate:
    return told_estate("sqlite", request, tmp_path)


def contacts_go_on_their_day(shop: ToldEstate) -> None:
    """Run on the day on which contracts go, and on those around the contacts' own."""
    shop.run(GONE)
    assert shop.ids("contracts") == [4]
    assert shop.contacts() == [1, 2, 3, 4]
    shop.run(LAST)
    assert shop.contacts() == [1, 2, 4], "prospecting is over for 3, and the follow-up of 1 and 2 is not"
    shop.run(LAST + DAY)
    assert shop.contacts() == [4]


def test_a_contact_stays_while_a_contract_that_is_gone_would_keep_it(shop: ToldEstate) -> None:
    contacts_go_on_their_day(shop)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_it_does_so_on_every_engine(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    contacts_go_on_their_day(told_estate(kind, request, tmp_path))
