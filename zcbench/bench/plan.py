"""What a benchmark is to measure, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import psutil

from zcbench.bench.peers import BenchError, PeerInfo, find_peers
from zcbench.bench.results import Setting
from zcbench.bench.work import FRAME_BYTES, Work
from zcbench.capture.engine import MAX_PACKET_BYTES
from zcbench.quantities.parsing import UnitError, parse_size
from zcbench.quantities.units import format_bytes

MOST_HELD, MOST_THREADS, MOST_ROUNDS = 10_000, 64, 1000
_SHARE = 0.5  # of the available memory that the largest setting may take: two processes may map it
_COPIES = 2  # of each packet in memory, at most: the slot's and the application's


Counting = Literal["always", "once"]


@dataclass(frozen=True)
class Plan:
    """``seconds`` is how long each measurement aims to last. Allocations are counted in every setting, or where
    ``counting`` is "once", in the first."""

    peers: list[PeerInfo]
    settings: list[Setting]
    rounds: int
    seed: int
    seconds: float
    counting: Counting = "always"

    def counts(self, setting: Setting) -> bool:
        """Whether allocations are counted in ``setting``."""
        return self.counting == "always" or setting == self.settings[0]


def make_plan(
    *,
    peers: str | None,
    sizes: str,
    hold: str,
    threads: str,
    rounds: int,
    seed: int,
    seconds: float,
    counting: Counting = "always",
) -> Plan:
    """From what the command line says; lists have commas between. Raises BenchError."""
    if not 1 <= rounds <= MOST_ROUNDS:
        raise BenchError(f"--rounds: {rounds} is not in 1..{MOST_ROUNDS:,}")
    settings = [
        Setting(size=size, hold=held, threads=count)
        for size, held, count in product(
            [_size(text) for text in _items("--sizes", sizes)],
            _numbers("--hold", hold, 0, MOST_HELD),
            _numbers("--threads", threads, 1, MOST_THREADS),
        )
    ]
    for setting in settings:
        _fits(setting)
    return Plan(find_peers(peers), list(dict.fromkeys(settings)), rounds, seed, seconds, counting)


def work(setting: Setting, packets: int) -> Work:
    """The work of a setting with about ``packets`` on the clock; the warm-up fills every slot twice."""
    made = Work(
        size=setting.size,
        hold=setting.hold,
        threads=setting.threads,
        warm=0,
        timed=max(1, round(packets / setting.threads)),
    )
    return Work(
        size=made.size,
        hold=made.hold,
        threads=made.threads,
        timed=made.timed,
        warm=2 * made.ring_slots,
    )


def _items(flag: str, text: str) -> list[str]:
    found = [item.strip() for item in text.split(",")]
    if not all(found):
        raise BenchError(f"{flag} {text!r}: an empty item; write values with commas between")
    return found


def _size(text: str) -> int:
    try:
        size = int(parse_size(text))
    except UnitError as error:
        raise BenchError(f"--sizes: {error}") from error
    if not 2 * FRAME_BYTES <= size <= MAX_PACKET_BYTES or size % FRAME_BYTES:
        raise BenchError(
            f"--sizes: {text}: {size:,} B is not a multiple of {FRAME_BYTES} in "
            f"{2 * FRAME_BYTES}..{MAX_PACKET_BYTES:,}"
        )
    return size


def _numbers(flag: str, text: str, least: int, most: int) -> list[int]:
    found = []
    for item in _items(flag, text):
        if not item.isdecimal() or not least <= int(item) <= most:
            raise BenchError(f"{flag}: {item!r} is not a whole number in {least}..{most:,}")
        found.append(int(item))
    return found


def _fits(setting: Setting) -> None:
    need = _COPIES * work(setting, 1).slots * setting.size
    available = psutil.virtual_memory().available
    if need > _SHARE * available:
        raise BenchError(
            f"--sizes {setting.size} --hold {setting.hold} --threads {setting.threads}: needs "
            f"{format_bytes(need)}, more than half of the {format_bytes(available)} available; take less of one"
        )
