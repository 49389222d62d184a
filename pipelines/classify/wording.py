"""Word lists as they read best: words between spaces, phrases between bars."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


def phrases(text: str) -> tuple[frozenset[str], ...]:
    """Phrases between bars, each as the set of its words."""
    return tuple(words(phrase) for phrase in text.split("|"))


def alternatives(text: str) -> frozenset[str]:
    """Phrases between bars, each as it is."""
    return frozenset(text.split("|"))


def storable(text: str) -> str:
    """The text with a `?` for each half of a character (a lone surrogate), which no model and no digest accepts."""
    return text.encode("utf-8", "replace").decode()
