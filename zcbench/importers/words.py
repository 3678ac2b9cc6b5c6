"""Sets of words, written as a text."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of ``text``, which spaces separate."""
    return frozenset(text.split())
