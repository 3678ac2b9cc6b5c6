"""The types that JSON and plain data become, as msgspec is to know them."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_known: set[Any] = set()
_one_at_a_time = threading.Lock()


def prepared(kind: type[T]) -> type[T]:
    """``kind``, once msgspec knows it and every struct in it.

    It learns of a struct where it first meets it, in Python code that other threads may interrupt: two that
    begin with one struct at once read half of what the other has made, and the process dies (msgspec 0.22).
    """
    if kind not in _known:
        with _one_at_a_time:
            msgspec.json.Decoder(kind)
            _known.add(kind)
    return kind
