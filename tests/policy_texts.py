"""A small policy as text, and what loading it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from retention_rules.loading import PolicyInvalid, load_policy
from retention_rules.policy import Policy

HEAD = """\
policy: shop
controller: SHOP
time_zone: Europe/Paris
groups:
  identity: [user.name, user.contact]
events:
  contract_end: end
  collected: point
supplied:
  flag: boolean
  amount: number
"""
PURPOSE = """\
purposes:
  running:
    basis: contract
    source: Terms §1
    keeps: [identity]
    after: contract_end
    then: anonymise
"""


def load(folder: Path, text: str, **others: str) -> Policy:
    """Load the policy `shop`; ``others`` are further policies, by name."""
    for name, other in others.items():
        (folder / f"{name}.yaml").write_text(other, encoding="utf-8")
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def problems(folder: Path, text: str, **others: str) -> list[tuple[str, int, str, str]]:
    """What is wrong with it: file, line, what, remedy."""
    with pytest.raises(PolicyInvalid) as caught:
        load(folder, text, **others)
    return [(Path(each.file).name, each.line, each.what, each.remedy) for each in caught.value.problems]


def only(folder: Path, text: str, **others: str) -> tuple[int, str, str]:
    """The same of its one problem, without the file."""
    found = problems(folder, text, **others)
    assert len(found) == 1, found
    return found[0][1:]
