"""Free text read in several processes: the spans are those of one, whatever the number."""

from __future__ import annotations

import pytest

from pipelines.classify import spans_of
from pipelines.classify.text import read_blocks
from pipelines.classify.text_processes import Readers, _shares

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
    shares = list(_shares(TEXTS))
    assert len(shares) > 2
    assert [text for share in shares for text in share] == TEXTS
    assert list(_shares([])) == []


@pytest.mark.slow
@pytest.mark.timeout(600)  # it starts two processes, and each loads all models
def test_the_number_of_processes_changes_nothing() -> None:
    alone = list(read_blocks(TEXTS, "fr"))
    assert any(alone)
    with Readers(2) as readers:
        assert len(readers.ready()) == 2
        assert list(readers.read(TEXTS, "fr")) == alone
        assert spans_of(TEXTS, readers=readers) == spans_of(TEXTS)
