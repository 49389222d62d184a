"""Opening the engine database: migrated, bound to its keys, and clear about what is wrong."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from engine_samples import NOON

from pipelines.engine import EngineDatabase, EngineKeys
from pipelines.engine.migrate import HEAD, SCRIPTS, differences
from pipelines.errors import EngineDown, SecretMissing


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(engine: EngineDatabase) -> None:
    with engine.connections.read() as connection:
        assert differences(connection) == []


def test_the_newest_migration_is_the_one_that_databases_are_brought_to() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_can_be_taken_back(light_engine: EngineDatabase) -> None:
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    with light_engine.connections.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == ["ardoise_version"]


def test_a_database_is_opened_again_with_what_it_held(engine_url: str, engine_keys: EngineKeys) -> None:
    first = EngineDatabase.open(engine_url, engine_keys)
    first.ledger.append("refusal", {"reason": "limits"}, at=NOON)
    first.close()
    second = EngineDatabase.open(engine_url, engine_keys)
    assert len(list(second.ledger.entries())) == 1
    second.close()


def test_other_keys_do_not_open_a_database(engine_url: str, engine_keys: EngineKeys) -> None:
    EngineDatabase.open(engine_url, engine_keys).close()
    with pytest.raises(EngineDown, match="other keys"):
        EngineDatabase.open(engine_url, EngineKeys.generate())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("no url", "cannot be read"),
        ("duckdb:///x.duckdb", "cannot be duckdb"),
        ("postgresql://nobody:secret@127.0.0.1:1/none", "failed"),
    ],
)
def test_a_database_that_cannot_be_opened_says_so_without_the_password(
    url: str, said: str, engine_keys: EngineKeys
) -> None:
    with pytest.raises(EngineDown, match=said) as caught:
        EngineDatabase.open(url, engine_keys)
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 5


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path, engine_keys: EngineKeys) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineDown, match="cannot be written"):
        EngineDatabase.open(f"sqlite:///{tmp_path / 'file' / 'engine.sqlite'}", engine_keys)


def test_a_database_in_memory_serves_a_whole_process(engine_keys: EngineKeys) -> None:
    database = EngineDatabase.open("sqlite:///:memory:", engine_keys)
    database.ledger.append("refusal", {"reason": "limits"}, at=NOON)
    assert database.ledger.verify() == []
    database.close()


def test_keys_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key"
    made = EngineKeys.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert EngineKeys.load_or_create(path) == made
    assert [each.name for each in path.parent.iterdir()] == ["key"]
    assert made.seal.hex() not in repr(made)
    assert made.digest.inner.hex() not in repr(made)


def test_keys_that_came_first_win(tmp_path: Path) -> None:
    from pipelines.engine.keys import _create

    first = EngineKeys.load_or_create(tmp_path / "key")
    _create(tmp_path / "key", EngineKeys.generate())
    assert EngineKeys.load(tmp_path / "key") == first


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    EngineKeys.load_or_create(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(SecretMissing, match="read by others"):
        EngineKeys.load_or_create(tmp_path / "key")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"digest_inner": 1}', '{"digest_inner":"aa","digest_outer":"aa","ledger":"aa"}']
)
def test_what_is_no_key_file_is_refused_and_not_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SecretMissing):
        EngineKeys.load_or_create(path)
    assert path.read_text() == text


def test_a_missing_key_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match="cannot be read"):
        EngineKeys.load(tmp_path / "key")
