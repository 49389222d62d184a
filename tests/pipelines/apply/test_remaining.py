"""What no command removes from a store expires on a day that the estate declares; what nobody declared says so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from apply_states import planned
from estates import NOW, SmallEstate, small_estate

from connectors.lasting import Lasting
from pipelines.apply import apply
from pipelines.apply.remaining import declare, ledger_names, remaining
from pipelines.cli.tables import residue_lines
from pipelines.errors import EstateInvalid
from pipelines.estate import Estate
from pipelines.estate.config import ResidueConfig
from pipelines.report.gather import gather
from retention_rules.periods import Period

DAY = dt.date(2026, 1, 31)


@pytest.mark.parametrize("kind", Lasting)
def test_every_kind_can_be_declared(kind: Lasting) -> None:
    key = declare("crm", kind.said()).partition(" ")[0]
    (left,) = remaining("crm", "contacts", [kind.said()], ResidueConfig(**{key: Period.parse("1 month")}), DAY)
    assert left.expires == dt.date(2026, 2, 28)
    (unknown,) = remaining("crm", "contacts", [kind.said()], ResidueConfig(), DAY)
    assert unknown.expires is None
    assert remaining("crm", "contacts", [kind.said()], ResidueConfig(**{key: "none"}), DAY) == ()


def test_what_a_person_has_to_remove_has_no_expiry_and_asks_for_no_declaration() -> None:
    declared = ResidueConfig(backups=Period.parse("30 days"))
    free, backups = remaining("crm", "visits", ["free space of visits: until …", "backups: …"], declared, DAY)
    assert (free.expires, free.declare) == (None, "")
    assert ledger_names([free, backups]) == {
        "residue/free-space-of-visits": None, "residue/backups": dt.date(2026, 3, 2),
    }  # fmt: skip


def _declare(small: SmallEstate, text: str) -> None:
    path = small.folder / "ardoise.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.slow
def test_expiry_dates_are_in_receipts_summary_and_report(tmp_path: Path) -> None:
    small = small_estate(tmp_path / "estate")
    _declare(small, '\n[stores.crm.residue]\nbackups = "30 days"\n')
    plan = planned(small)
    summary = apply(small.estate, plan.digest, now=NOW, today=NOW.date(), actor="tests", retries=())
    expires = NOW.date() + dt.timedelta(days=30)
    assert {(each.store, each.expires) for each in summary.residue} == {("crm", expires), ("billing", None)}
    lines = list(residue_lines(summary))
    assert f"crm, what remains: backups (until {expires})" in lines
    unknown = "no expiry is declared: declare backups in [stores.billing.residue]"
    assert f"billing, what remains: backups ({unknown})" in lines
    engine = small.estate.engine()
    closing = [each.body for each in engine.ledger.entries("receipt") if "residue" in each.body]
    engine.close()
    told = {(each["store"], *(each.get("expires") or {}).values()) for each in closing if each["residue"]}
    assert told == {("crm", expires.isoformat()), ("billing",)}
    data = gather(small.estate, plan.digest, now=NOW)
    assert {(each.store, each.kind, each.expires) for each in data.residue} == {
        ("crm", "backups", expires), ("billing", "backups", None),
    }  # fmt: skip


def test_a_declaration_that_is_no_period_is_refused_with_its_place(tmp_path: Path) -> None:
    small = small_estate(tmp_path / "estate")
    _declare(small, '\n[stores.crm.residue]\nbackups = "soon"\nflaws = "1 day"\n')
    with pytest.raises(EstateInvalid) as caught:
        Estate.load(small.folder)
    text = str(caught.value)
    assert "backups" in text
    assert "flaws" in text
