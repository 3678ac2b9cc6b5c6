"""Random choices out of a fuzzer's bytes."""

from __future__ import annotations

import random


class Chance(random.Random):
    """A generator whose every choice takes the next of ``data``; when that is used up, the first is taken.

    So libFuzzer, which changes bytes, changes single choices; Hypothesis brings a ``random.Random`` of its own.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data, self._at = data, 0

    def random(self) -> float:
        """In [0, 1)."""
        return self.getrandbits(53) / 2**53

    def getrandbits(self, k: int, /) -> int:
        """The next ``k`` bits; zeros after the end."""
        count = -(-k // 8)
        taken = self._data[self._at : self._at + count]
        self._at += count
        return int.from_bytes(taken, "little") & ((1 << k) - 1)
