"""A policy's digest changes with its meaning and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from policy_texts import HEAD, PURPOSE, load


class TestDigest:
    def test_does_not_depend_on_layout_comments_or_order(self, tmp_path: Path) -> None:
        first = load(tmp_path, HEAD + PURPOSE)
        rewritten = (
            "# a comment\n"
            + PURPOSE.replace("[identity]", "\n      - 'identity'  # who")
            + "\n"
            + HEAD.replace("user.name, user.contact", "user.contact, user.name").replace(
                "policy: shop\ncontroller: SHOP", "controller: SHOP\npolicy:   shop"
            )
        )
        assert load(tmp_path, rewritten).digest == first.digest
        assert len(first.digest) == 64

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("contract_end\n    then: anonymise", "contract_end\n    then: delete"),
            ("after: contract_end", "after: collected"),
            ("basis: contract", "basis: consent"),
            ("after: contract_end", "after: contract_end\n    for: 1 year"),
            ("after: contract_end", "after: contract_end\n    for: [1 year when flag, 2 years]"),
            ("after: contract_end", "after: contract_end\n    when: flag"),
            ("Terms §1", "Terms §2"),
            ("[identity]", "[user.name]"),
            ("Europe/Paris", "Europe/Brussels"),
            ("contract_end: end", "contract_end: point"),
            ("user.name, user.contact", "user.name"),
        ],
    )
    def test_changes_with_every_meaning(self, tmp_path: Path, before: str, after: str) -> None:
        text = HEAD + PURPOSE
        assert before in text
        assert load(tmp_path, text).digest != load(tmp_path, text.replace(before, after)).digest
