"""What the tests of callables call."""

import time
from collections.abc import Iterator

KEPT: list[bytes] = []


def prepare() -> dict[str, int]:
    return {"calls": 0}


def count(given: dict[str, int]) -> None:
    given["calls"] += 1


def tell(given: dict[str, int]) -> None:
    print("called", given["calls"])


def keep() -> None:
    KEPT.append(bytes(100_000))


def fail() -> None:
    raise ValueError("the third argument is missing")


def stand_still() -> None:
    time.sleep(97)


class Codec:
    @staticmethod
    def decode() -> int:
        return sum(range(100))


def lazily() -> Iterator[int]:
    yield 3


async def later() -> None:
    KEPT.append(b"")


NUMBER = 3
