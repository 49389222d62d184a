"""Free text read in several processes: the spans are those of one, whatever the number."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import pytest

from pipelines.classify import spans_of
from pipelines.classify.models import ModelMissing, Models, choose, chosen
from pipelines.classify.text import read_blocks
from pipelines.classify.text_processes import ReaderLost, Readers, _shares, in_use, reading_with

TEXTS = [
    "Bonjour, Madame Éloïse Garnier habite 51 avenue Gutenberg, 04000 Digne-les-Bains. Rappelez le 06 12 34 56 78.",
    "I spoke to John Smith yesterday, he lives at 12 Baker Street and writes from john.smith@example.org.",
    "Question 13",
    "> I spoke to John Smith yesterday, he lives at 12 Baker Street and writes from john.smith@example.org.",
    *(
        f"Le dossier {number} de M. Paul Martin est parti de Nantes, voir avec Anne Le Goff." * 9
        for number in range(20)
    ),
]


def test_shares_hold_every_text_once_and_in_order() -> None:
    shares = list(_shares(TEXTS, 2))
    assert len(shares) > 2
    assert [text for share in shares for text in share] == TEXTS
    assert list(_shares([], 2)) == []
    assert list(_shares(["short", "texts"], 2)) == [["short"], ["texts"]]


@pytest.mark.slow
@pytest.mark.timeout(600)  # it starts two processes, and each loads all models
def test_the_number_of_processes_changes_nothing() -> None:
    alone = list(read_blocks(TEXTS, "fr"))
    assert any(alone)
    with Readers(2) as readers:
        assert len(readers.ready()) == 2
        assert list(readers.read(TEXTS, "fr")) == alone
        assert spans_of(TEXTS, readers=readers) == spans_of(TEXTS)


def test_one_process_reads_by_itself() -> None:
    with reading_with(1):
        assert in_use() is None
    with reading_with(2):
        assert in_use() is not None
    assert in_use() is None


def test_a_missing_model_is_the_same_error_from_another_process() -> None:
    error = ModelMissing("token classifier", "models/none")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - its own


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_missing_model_and_a_lost_process_are_told(tmp_path: Path) -> None:
    before = chosen()
    choose(Models(tokens=str(tmp_path / "none")))
    try:
        with Readers(1) as readers, pytest.raises(ModelMissing, match="none"):
            list(readers.read(TEXTS, "fr"))
        with Readers(1) as readers:
            readers.ready()
            for process in multiprocessing.active_children():
                process.kill()
                process.join()
            with pytest.raises(ReaderLost, match="fewer"):
                list(readers.read(TEXTS, "fr"))
    finally:
        choose(before)
