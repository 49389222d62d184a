"""The page on techniques says what there is, and its data map loads."""

from __future__ import annotations

from pathlib import Path

from documentation import ROOT, blocks

from pipelines.anonymise.techniques import TECHNIQUES
from pipelines.data_map.loading import load_map

PAGE = "docs/anonymisation.md"


def test_the_table_holds_every_technique_with_what_it_does() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    section = page.partition("\n## Techniques\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {technique.does} |" for name, technique in TECHNIQUES.items()]


def test_its_partitions_load(tmp_path: Path) -> None:
    (block,) = (each for each in blocks(PAGE, "yaml") if each.section == "Records that stay hide among each other")
    path = tmp_path / "shop.yaml"
    path.write_text(block.text, encoding="utf-8")
    datasets = load_map(path).map.datasets
    anonymity = datasets["orders"].anonymity
    assert anonymity is not None
    assert anonymity.changed == ("customer_id", "ordered_on", "total_cents")


def test_its_data_map_loads(tmp_path: Path) -> None:
    first, second = (each for each in blocks(PAGE, "yaml") if each.section == "Techniques")
    path = tmp_path / "crm.yaml"
    path.write_text(first.text, encoding="utf-8")
    assert load_map(path).map.datasets["contacts"].fields["age"].technique == "age_band"
    path.write_text(second.text, encoding="utf-8")
    assert load_map(path).map.datasets["customers"].fields["number"].technique == "new_key"
