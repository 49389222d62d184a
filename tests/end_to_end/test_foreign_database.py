"""The path of docs/own-database.md, from a connection string to the first plan, on databases that are not ours.

The commands are the page's own; only the connection string and the names of the datasets are put in the place of its.
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import foreign_shop
import pytest
import sqlalchemy as sa
from command_line import ardoise, typed
from documentation import ROOT, blocks

from pipelines.data_map.loading import load_map, read_map
from pipelines.estate.config import EstateConfig
from retention_rules.problems import Problem

PAGE = "docs/own-database.md"
ACT = "5. Act on it"
NAMES = {"--accept customer --accept invoice": "--accept adherents --accept commandes --accept factures"}


EACH_ENGINE = pytest.mark.parametrize("foreign", ["sqlite", "postgresql"], indirect=True)
SLOW_POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.slow)


@dataclass
class Foreign:
    """A foreign database: where it is, for reading, for writing and for looking behind the engine's back."""

    folder: Path
    read: str
    write: str
    admin: str

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        engine = sa.create_engine(self.admin, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def types(self, line: str, expect: int = 0) -> str:
        """Type a line of the page, for this database; what was printed, in words."""
        for word, own in {**NAMES, "sqlite:///shop.sqlite": self.read}.items():
            line = line.replace(word, own)
        return typed(line, self.folder, expect).words


@pytest.fixture
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Foreign:
    if getattr(request, "param", "sqlite") == "sqlite":
        (tmp_path / "shop.sqlite").touch()
        url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
        found = Foreign(tmp_path, "sqlite:///shop.sqlite", url, url)
    else:
        database = request.getfixturevalue("postgres_database")
        found = Foreign(tmp_path, database.read, database.write, database.admin)
    foreign_shop.fill(found.admin)
    return found


def lines(*, acting: bool) -> list[str]:
    """The commands of the page, in their order: those of the last section, or those before it."""
    return [line for block in blocks(PAGE, "sh") if (block.section == ACT) is acting for line in block.commands]


def everything(foreign: Foreign) -> list[list[tuple[object, ...]]]:
    tables = {"adherents": 1, "commandes": 1, "factures": 1, "produits": 1}
    return [foreign.rows(f"SELECT * FROM {table} ORDER BY {key}") for table, key in tables.items()]


@pytest.mark.slow
@pytest.mark.parametrize("foreign", ["sqlite", SLOW_POSTGRESQL], indirect=True)
def test_the_page_leads_to_a_plan_that_makes_sense_and_changes_nothing(foreign: Foreign) -> None:
    before = everything(foreign)

    said = [foreign.types(line) for line in lines(acting=False)]

    assert len(said) == 7
    init, scan, review, accept, check, plan, later = said
    assert "Next: 1. look at my-estate/policies/shop.yaml" in init
    assert "ardoise --estate my-estate scan" in init
    assert "proposal: proposals/shop.yaml" in scan
    assert scan.endswith("Next: ardoise --estate my-estate review")
    assert "last_activity ← date_commande, of the person" in review
    assert "--accept adherents --accept commandes --accept factures --by ROLE" in review
    assert accept.endswith("Next: ardoise --estate my-estate plan")
    assert "In order: 1 policy, 1 store, 3 approved datasets." in check
    half = foreign_shop.MEMBERS // 2
    assert f"adherents: {2 * half} records" in plan
    assert "user.name: first, last" in plan
    assert f"anonymise shop.adherents {half} 2022-0" in plan
    assert f"invoice · {2 * half} ·" in plan, "invoices are archived by law"
    assert 'write = "…" in [stores.shop] of ardoise.toml' in plan
    assert "lies in the future" in later
    assert everything(foreign) == before


@pytest.mark.slow
@EACH_ENGINE
def test_the_page_leads_on_to_an_outcome_that_is_verified(foreign: Foreign) -> None:
    for line in lines(acting=False):
        foreign.types(line)
    estate = foreign.folder / "my-estate"
    toml = next(block.text for block in blocks(PAGE, "toml") if block.section == ACT)
    text = (estate / "ardoise.toml").read_text()
    (estate / "ardoise.toml").write_text(text[: text.index("[stores.shop]")] + toml + text[text.index("[limits]") :])
    (estate / "connections" / "shop.write").write_text(foreign.write)

    said = [foreign.types(line) for line in lines(acting=True)]

    assert "anonymise 12 12 · · yes" in said[2]
    assert "failed" not in said[3]
    assert Path(said[4].split()[0] if " " not in str(foreign.folder) else said[4]).suffix == ".html"
    half = foreign_shop.MEMBERS // 2
    addresses = foreign.rows("SELECT courriel FROM adherents ORDER BY no_adherent")
    assert all(address.endswith(".invalid") for (address,) in addresses[:half])
    assert [address for (address,) in addresses[half:]] == [f"{n}.adherent@exemple.fr" for n in range(half + 1, 25)]
    assert "Nothing is due." in foreign.types("ardoise --estate my-estate plan")


@pytest.mark.slow
def test_without_the_dataset_that_tells_when_the_plan_says_which_one_to_accept(foreign: Foreign) -> None:
    for line in lines(acting=False)[:2]:
        foreign.types(line)

    said = foreign.types("ardoise -e my-estate review shop --accept adherents --by dpo")
    refused = foreign.types("ardoise -e my-estate plan", expect=3)

    for told in (said, refused):
        assert "policies/shop.yaml:0: no dataset supplies the event `last_activity`, which relation needs" in told
        assert "`shop.commandes` is proposed to supply it from `date_commande`" in told
        assert "`ardoise review shop --accept commandes --by ROLE`" in told


@pytest.mark.slow
def test_where_no_column_seems_to_tell_when_the_dates_that_there_are_get_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'staff.sqlite'}"
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE agents (matricule INTEGER PRIMARY KEY, prenom TEXT, nom TEXT, courriel TEXT, embauche DATE)"
        )
        connection.exec_driver_sql("INSERT INTO agents VALUES (1, 'Anne', 'Morvan', 'anne@exemple.fr', '2015-01-05')")
    ardoise("init", "e", "--store", "shop", "--url", url, "--controller", "SHOP", cwd=tmp_path)
    ardoise("-e", "e", "scan", cwd=tmp_path)
    ardoise("-e", "e", "review", "shop", "--accept", "all", "--by", "dpo", cwd=tmp_path)

    refused = ardoise("-e", "e", "plan", cwd=tmp_path, expect=3).words

    assert "Dates that could supply it: shop.agents.embauche" in refused
    assert "# The policy has no invoice_issued, last_activity yet." in (tmp_path / "e/proposals/shop.yaml").read_text()


@pytest.mark.slow
def test_a_corrected_proposal_survives_the_next_scan_and_is_what_gets_accepted(foreign: Foreign) -> None:
    for line in lines(acting=False)[:2]:
        foreign.types(line)
    path = foreign.folder / "my-estate" / "proposals" / "shop.yaml"
    before = path.read_text()
    assert "commentaire: {category: user.content.private}" in before
    path.write_text(before.replace("commentaire: {category: user.content.private}", "commentaire: {category: none}"))

    foreign.types("ardoise --estate my-estate scan")
    foreign.types(lines(acting=False)[3])

    approved = load_map(foreign.folder / "my-estate" / "data_map" / "shop.yaml").map
    assert approved.datasets["commandes"].fields["commentaire"].category == "none"


@pytest.mark.slow
def test_a_proposal_that_was_broken_by_hand_is_left_alone_and_its_line_named(foreign: Foreign) -> None:
    for line in lines(acting=False)[:2]:
        foreign.types(line)
    path = foreign.folder / "my-estate" / "proposals" / "shop.yaml"
    broken = path.read_text() + "    colour: blue\n"
    path.write_text(broken)

    said = foreign.types("ardoise --estate my-estate scan", expect=3)

    assert f"shop.yaml:{len(broken.splitlines())}: " in said
    assert path.read_text() == broken


def test_every_example_of_the_page_is_valid(tmp_path: Path) -> None:
    for number, block in enumerate(blocks(PAGE, "yaml")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block.text)
        problems: list[Problem] = []
        read_map(path, problems)
        assert [problem for problem in problems if "is not in this map" not in problem.what] == []
    for block in blocks(PAGE, "toml"):
        EstateConfig.model_validate({"estate": {"name": "Shop"}, **tomllib.loads(block.text)})


@pytest.fixture
def chinook(tmp_path: Path) -> Foreign:
    """The sample database, where the folder of foreign data is at hand."""
    beside = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("ARDOISE_DATA", beside))
    file = folder / "chinook" / "Chinook_Sqlite.sqlite"
    if not file.is_file():
        pytest.skip("ARDOISE_DATA does not name a folder with chinook/Chinook_Sqlite.sqlite")
    shutil.copyfile(file, tmp_path / "shop.sqlite")
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    return Foreign(tmp_path, "sqlite:///shop.sqlite", url, url)


@pytest.mark.slow
def test_the_page_word_by_word_on_chinook(chinook: Foreign) -> None:
    for line in lines(acting=False):
        typed(line, chinook.folder)

    made = json.loads(typed("ardoise --estate my-estate show --json", chinook.folder).out)

    tallies = {(each["dataset"], each["category"]): each for each in made["tallies"]}
    assert tallies["customer", "user.contact.email"]["found"] == 59
    assert tallies["invoice", "invoice"]["found"] == 412
    assert not any(each["undetermined"] for each in made["tallies"])
