"""Nothing is downloaded at run time: classification works in a process that has no network at all."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

from pipelines.classify.models import ModelMissing, Models, classifier_folder, load_pipeline

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


def isolated(command: list[str]) -> list[str]:
    """The command in a network namespace of its own, where the system allows one."""
    probe = subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True, check=False)
    return ["unshare", "--map-root-user", "--net", *command] if probe.returncode == 0 else command


def test_classification_works_without_a_network() -> None:
    command = isolated([sys.executable, "-W", "error", "-c", GUARDED])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.strip() == "offline", done.stderr


@pytest.mark.parametrize("load", [lambda models: load_pipeline("fr", models), classifier_folder])
def test_a_missing_model_is_an_error_that_says_so(load: Callable[[Models], object]) -> None:
    absent = Models(french="fr_core_news_absent", english="en_absent", tokens="/absent/rampart")
    with pytest.raises(ModelMissing, match=r"absent.*nothing is ever downloaded.*\[models\]"):
        load(absent)


def test_heavy_libraries_are_loaded_only_when_something_is_classified() -> None:
    code = "import sys, pipelines.scan, pipelines.classify; print({'spacy', 'presidio_analyzer'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
