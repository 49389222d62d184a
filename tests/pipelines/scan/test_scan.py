"""The scan as a use case: proposals, index, gaps, and stores that are down; on real stores where there are some."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.base import Connector, Kind
from connectors.memory import MemoryConnector, MemoryStore
from pipelines.classify import text
from pipelines.classify.text_processes import in_use
from pipelines.cli.main import app
from pipelines.cli.tables import gap_lines
from pipelines.data_map.loading import load_map
from pipelines.data_map.review import accept
from pipelines.errors import EstateInvalid
from pipelines.estate import Estate
from pipelines.scan import Gap, ScanResult, index, review, scan
from pipelines.scan.review import State

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
CANARY = "Zephyrine-Quatremere"

SHOP = """
CREATE TABLE clients (id INTEGER PRIMARY KEY, email TEXT NOT NULL, prenom TEXT, nom TEXT, ville TEXT,
  created_at TIMESTAMP, updated_at TIMESTAMP);
CREATE TABLE commandes (id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL REFERENCES clients (id),
  vendeur_id INTEGER REFERENCES vendeurs (id), commentaire TEXT, occurred_on DATE, total NUMERIC);
CREATE TABLE lignes (id INTEGER PRIMARY KEY, commande_id INTEGER NOT NULL REFERENCES commandes (id), quantite INTEGER);
CREATE TABLE vendeurs (id INTEGER PRIMARY KEY, email TEXT, nom TEXT);
CREATE TABLE produits (id INTEGER PRIMARY KEY, nom TEXT, prix NUMERIC);
CREATE TABLE journal (message TEXT, at TIMESTAMP);
"""

TOML = """
[estate]
name = "Boutique"
[controllers.STARTER]
policy = "starter"
"""


@dataclass(frozen=True)
class EstateWithMemory(Estate):
    """An estate whose stores of kind `memory` hold what a test has put there."""

    memory: Mapping[str, MemoryStore] = field(default_factory=dict)

    def connector(self, store: str) -> Connector:
        return MemoryConnector(store, self.memory[store]) if store in self.memory else super().connector(store)


def load(folder: Path, **memory: MemoryStore) -> EstateWithMemory:
    estate = Estate.load(folder)
    return EstateWithMemory(**{each.name: getattr(estate, each.name) for each in fields(estate)}, memory=memory)


def shop(folder: Path) -> Path:
    path = folder / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(SHOP)
        for number in range(30):
            person = (number, f"client{number}@example.org", "Anne", "Dupont", "Nantes", "2020-01-01", "2026-01-01")
            connection.execute("INSERT INTO clients VALUES (?, ?, ?, ?, ?, ?, ?)", person)
            note = f"{CANARY} a rappelé au 06 12 34 56 {number:02}, elle veut être livrée mardi prochain sans faute."
            connection.execute("INSERT INTO commandes VALUES (?, ?, 1, ?, '2021-05-05', 10.5)", (number, number, note))
        connection.execute("INSERT INTO vendeurs VALUES (1, 'paul@boutique.example', 'Paul')")
    connection.close()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop(tmp_path)
    (tmp_path / "ardoise.toml").write_text(f'{TOML}\n[stores.shop]\nkind = "sql"\nread = "sqlite:///shop.sqlite"\n')
    return tmp_path


def mailbox() -> MemoryStore:
    memory = MemoryStore(Kind.MESSAGES)
    for number in range(5):
        memory.put(
            "INBOX",
            str(number),
            {
                "first": "2024-02-29T10:00:00+00:00",
                "last": "2024-02-29T10:00:00+00:00",
                "participants": [{"role": "from", "address": f"client{number}@example.org", "name": CANARY}],
                "texts": {"subject": "Bonjour", "body": f"Bonjour, ici {CANARY}, appelez le 06 12 34 56 78."},
            },
        )
    return memory


def add_mail(folder: Path) -> None:
    path = folder / "ardoise.toml"
    path.write_text(path.read_text() + '[stores.mail]\nkind = "memory"\nread = "-"\n')


def run(estate: Estate) -> ScanResult:
    return scan(estate, now=NOW)


def test_a_proposal_is_a_valid_map_with_keys_subjects_and_parents(folder: Path) -> None:
    result = run(load(folder))

    assert result.complete
    proposed = load_map(folder / "proposals" / "shop.yaml").map
    assert not proposed.active
    clients, orders = proposed.datasets["clients"], proposed.datasets["commandes"]
    assert clients.key == ("id",)
    assert [(link.kind, link.columns) for link in clients.subjects] == [
        ("email", ("email",)),
        ("name", ("prenom", "nom")),
    ]
    # The order concerns the client, not the seller who took it.
    assert [(parent.dataset, parent.on) for parent in orders.inherits] == [("clients", {"client_id": "id"})]
    assert proposed.datasets["lignes"].inherits[0].dataset == "commandes"
    assert not proposed.datasets["produits"].personal
    assert orders.fields["commentaire"].category == "user.content.private"


def test_events_are_guessed_among_those_of_the_policy_and_never_from_updated_at(folder: Path) -> None:
    run(load(folder))

    proposed = load_map(folder / "proposals" / "shop.yaml").map
    assert {name: list(each.events) for name, each in proposed.datasets.items() if each.events} == {
        "clients": ["last_activity"],
        "commandes": ["last_activity"],
    }
    assert proposed.datasets["clients"].events["last_activity"].column == "created_at"


def test_an_accepted_proposal_holds_against_policy_and_store(folder: Path) -> None:
    run(load(folder))
    accept(load(folder), "shop", by="dpo", at=NOW)

    estate = load(folder)
    assert set(estate.check()) == {"STARTER"}
    with estate.connected("shop") as connector:
        estate.check_store("shop", connector.inspect())


def test_no_value_is_written_anywhere(folder: Path) -> None:
    add_mail(folder)
    run(load(folder, mail=mailbox()))

    for path in folder.rglob("*"):
        if path.is_file() and path.name != "shop.sqlite":
            content = path.read_bytes().lower()
            for plain in (CANARY.lower().encode(), b"06 12 34 56", b"example.org"):
                assert plain not in content, path.name


def test_r44_special_categories_in_free_text_of_tables_and_mail_are_reported(folder: Path) -> None:
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        ill = "commentaire = commentaire || ' Elle est en arrêt maladie.'"
        connection.execute(f"UPDATE commandes SET {ill} WHERE id < 6")
    connection.close()
    add_mail(folder)
    mail = mailbox()
    union = {"body": "Il est délégué syndical."}
    mail.put("INBOX", "9", {"first": None, "last": None, "participants": [], "texts": union})
    for _ in range(2):  # what has not changed is not read again, and is reported again
        result = run(load(folder, mail=mail))
        found = {store.store: store.special for store in result.stores}
        assert found["shop"] == (("commandes", "commentaire", "health", 0.2),)
        assert [(place, name, category) for place, name, category, _ in found["mail"]] == [("INBOX", "body", "union")]
        said = [line for line in gap_lines(result) if "`health`, a special category" in line]
        assert [line.rpartition(": ")[2] for line in said] == ["commandes.commentaire (20%)."]
    (row,) = (each for each in review(load(folder), "shop").rows if each.field == "commentaire")
    assert "values special category `health` 20 %" in row.evidence


def test_undeclared_tables_are_reported_and_tables_without_a_key(folder: Path) -> None:
    findings = run(load(folder)).findings
    assert {each.location for each in findings if each.gap is Gap.UNDECLARED} >= {"clients", "journal"}
    assert [each.location for each in findings if each.gap is Gap.NO_KEY] == ["journal"]


def test_new_and_lost_columns_are_findings_and_the_approved_map_stands(folder: Path) -> None:
    run(load(folder))
    accept(load(folder), "shop", by="dpo", at=NOW)
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        connection.executescript(
            "ALTER TABLE clients ADD COLUMN telephone TEXT; ALTER TABLE clients DROP COLUMN ville;"
            "UPDATE clients SET telephone = '06 12 34 56 78'; CREATE TABLE secrets (id INTEGER PRIMARY KEY, email TEXT)"
        )
    connection.close()

    findings = {(each.gap, each.location, each.field): each.category for each in run(load(folder)).findings}

    assert findings[Gap.PERSONAL_UNMAPPED, "clients", "telephone"] == "user.contact.phone_number"
    assert (Gap.COLUMN_GONE, "clients", "ville") in findings
    assert (Gap.UNDECLARED, "secrets", "") in findings
    rows = {row.field: row for row in review(load(folder), "shop").rows if row.dataset == "clients"}
    assert (rows["telephone"].state, rows["telephone"].proposed) == (State.NEW, "user.contact.phone_number")
    assert rows["ville"].state is State.GONE
    assert rows["email"].state is State.APPROVED


def test_what_a_person_corrected_is_kept_and_a_denied_personal_column_is_reported(folder: Path) -> None:
    run(load(folder))
    accept(load(folder), "shop", by="dpo", at=NOW)
    path = folder / "data_map" / "shop.yaml"
    path.write_text(path.read_text().replace("prenom: {category: user.name.first}", "prenom: {category: none}"))

    result = run(load(folder))

    assert load_map(folder / "proposals" / "shop.yaml").map.datasets["clients"].fields["prenom"].category == "none"
    denied = [each.field for each in result.findings if each.gap is Gap.PERSONAL_DENIED]
    assert denied == ["prenom"]


def test_a_store_that_is_down_is_incomplete_and_the_others_go_on(folder: Path) -> None:
    text = (folder / "ardoise.toml").read_text()
    missing = '[stores.lost]\nkind = "sql"\nread = "env:NOBODY_HAS_SET_THIS"\n'
    (folder / "ardoise.toml").write_text(text + '[stores.mail]\nkind = "memory"\nread = "-"\n' + missing)
    memory = mailbox()
    memory.up = False

    result = run(load(folder, mail=memory))

    assert not result.complete
    said = {each.store: (each.complete, bool(each.reason)) for each in result.stores}
    assert said == {"shop": (True, False), "mail": (False, True), "lost": (False, True)}
    assert not (folder / "proposals" / "mail.yaml").exists()


def test_mail_is_indexed_and_its_people_are_subjects(folder: Path) -> None:
    add_mail(folder)
    estate = load(folder, mail=mailbox())

    result = run(estate)

    assert result.complete
    proposed = load_map(folder / "proposals" / "mail.yaml").map.datasets["messages"]
    assert proposed.subjects[0].roles[0] == "from"
    assert proposed.fields["body"].category == "user.content.private"
    with index.read(estate.index_file) as connection:
        assert connection.execute("SELECT count(DISTINCT digest) FROM participants").fetchall() == [(5,)]


def test_a_mailbox_that_is_down_is_no_longer_complete_in_the_index(folder: Path) -> None:
    add_mail(folder)
    memory = mailbox()
    run(load(folder, mail=memory))
    accept(load(folder), "mail", by="dpo", at=NOW)
    estate = load(folder, mail=memory)
    memory.up = False

    run(estate)

    with index.read(estate.index_file) as connection:
        assert [(each.store, each.complete) for each in index.scans(connection)] == [("mail", False)]
        assert connection.execute("SELECT count(*) FROM items").fetchall() == [(5,)]


def test_volumes_of_mapped_datasets_are_recorded(folder: Path) -> None:
    run(load(folder))
    accept(load(folder), "shop", by="dpo", at=NOW)
    run(load(folder))

    engine = load(folder).engine()
    try:
        assert engine.volumes.recent("shop", "clients") == [30]
    finally:
        engine.close()


def test_scanning_changes_nothing_in_the_store(folder: Path) -> None:
    before = (folder / "shop.sqlite").read_bytes()
    run(load(folder))
    assert (folder / "shop.sqlite").read_bytes() == before


def test_as_many_processes_read_as_the_estate_says_and_at_least_one(folder: Path) -> None:
    path = folder / "ardoise.toml"
    path.write_text(path.read_text() + "[scan]\nprocesses = 3\n")
    assert load(folder).config.scan.processes == 3
    path.write_text(path.read_text().replace("= 3", "= 0"))
    with pytest.raises(EstateInvalid) as error:
        load(folder)
    assert any("processes" in str(problem) for problem in error.value.problems)
    done = CliRunner().invoke(app, ["--estate", str(folder), "scan", "--processes", "0"])
    assert done.exit_code == 2


@pytest.mark.slow
@pytest.mark.timeout(600)  # it starts two processes, and each loads all models
def test_the_number_of_processes_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    for processes in (1, 2):
        place = tmp_path / str(processes)
        place.mkdir()
        shop(place)
        (place / "ardoise.toml").write_text(f'{TOML}\n[stores.shop]\nkind = "sql"\nread = "sqlite:///shop.sqlite"\n')
        add_mail(place)
        monkeypatch.setattr(text, "_memory", text._Memory())  # the second scan reads by itself what the first has read
        result = scan(load(place, mail=mailbox()), now=NOW, processes=processes)
        assert result.complete
        assert in_use() is None
        written.append({path.name: path.read_text() for path in sorted((place / "proposals").rglob("*.*"))})
    assert written[0] == written[1]
    assert CANARY not in str(written)
