"""Connection strings: found where the estate says, and never repeated in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import SecretMissing
from pipelines.estate.connections import ConnectionStrings


def strings(folder: Path, **environment: str) -> ConnectionStrings:
    return ConnectionStrings(folder, environment=environment)


def test_a_string_is_written_out_or_in_the_environment_or_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "crm.secret").write_text("mysql+pymysql://u:p@h/crm\n")
    found = strings(tmp_path, CRM="imap://u:p@h:143")
    assert found.find("imap://u:p@h:143", "here") == "imap://u:p@h:143"
    assert found.find("env:CRM", "here") == "imap://u:p@h:143"
    assert found.find("file:crm.secret", "here") == "mysql+pymysql://u:p@h/crm"
    assert found.find(f"file:{tmp_path / 'crm.secret'}", "here") == "mysql+pymysql://u:p@h/crm"


def test_airflow_resolves_its_own_connections(tmp_path: Path) -> None:
    found = ConnectionStrings(tmp_path, resolve=lambda name: f"postgres://u:p@h/{name}")
    assert found.find("airflow:crm_read", "here") == "postgresql+psycopg://u:p@h/crm_read"
    with pytest.raises(SecretMissing, match="known to Airflow alone"):
        strings(tmp_path).find("airflow:crm_read", "here")


def test_what_airflow_says_when_it_fails_is_not_repeated(tmp_path: Path) -> None:
    def failing(name: str) -> str:
        raise KeyError(f"postgres://u:secret@h/{name}")

    with pytest.raises(SecretMissing, match="KeyError") as caught:
        ConnectionStrings(tmp_path, resolve=failing).find("airflow:crm", "here")
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("sqlite:///billing.sqlite", "sqlite:///{folder}/billing.sqlite"),
        ("sqlite:///.ardoise/e.sqlite?mode=ro", "sqlite:///{folder}/.ardoise/e.sqlite?mode=ro"),
        ("duckdb:///x.duckdb", "duckdb:///{folder}/x.duckdb"),
        ("sqlite:////var/x.sqlite", "sqlite:////var/x.sqlite"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///file:x?uri=true", "sqlite:///file:x?uri=true"),
        ("postgresql://h/x", "postgresql+psycopg://h/x"),
        ("postgresql+psycopg://h/x", "postgresql+psycopg://h/x"),
    ],
)
def test_relative_files_are_of_the_estate(tmp_path: Path, url: str, absolute: str) -> None:
    assert strings(tmp_path).find(url, "here") == absolute.format(folder=tmp_path)


@pytest.mark.parametrize("text", ["env:NONE", "env:EMPTY", "file:none", "file:empty", "file:binary"])
def test_a_string_that_is_not_there_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(SecretMissing, match=r"\[stores.crm\] read") as caught:
        strings(tmp_path, EMPTY="").find(text, "[stores.crm] read")
    assert caught.value.exit_code == 5
    assert caught.value.remedy
