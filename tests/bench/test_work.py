"""The work that every peer does, and how what was measured becomes ratios."""

from __future__ import annotations

from collections import deque
from itertools import cycle, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcbench.bench import _native
from zcbench.bench.cell import Measured
from zcbench.bench.peers import BenchError
from zcbench.bench.plan import make_plan, work
from zcbench.bench.ratios import FEWEST, ratio, summary
from zcbench.bench.results import Cell, Setting
from zcbench.bench.work import Work, blocks, take

SETTING = Setting(size=64, hold=0, threads=1)


@given(
    threads=st.integers(1, 5),
    hold=st.integers(0, 20),
    warm=st.integers(0, 9),
    timed=st.integers(1, 99),
)
def test_the_expected_sum_is_that_of_every_packet_once(threads: int, hold: int, warm: int, timed: int) -> None:
    made = Work(size=64, hold=hold, threads=threads, warm=warm, timed=timed)
    packets = islice(cycle(blocks(made)), made.packets)
    assert take(packets, deque(maxlen=made.held)) == made.expected


@given(threads=st.integers(1, 5), hold=st.integers(0, 20))
def test_there_is_memory_for_all_that_wait_are_held_and_are_read(threads: int, hold: int) -> None:
    made = work(Setting(size=64, hold=hold, threads=threads), 1)
    assert made.held * threads >= hold
    assert made.ring_slots * threads >= made.slots > made.held * threads + threads
    assert made.warm * threads >= 2 * made.slots  # every page is touched before the clock starts


def test_what_is_held_are_the_latest_packets() -> None:
    made = Work(size=64, hold=3, threads=1, warm=0, timed=1)
    holding: deque[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = deque(maxlen=made.held)
    take(blocks(made), holding)
    assert [packet[0, 0] for packet in holding] == [6, 7, 8]


def test_the_loop_in_c_copies_every_packet_round_and_round() -> None:
    source = np.arange(6, dtype=np.float32)  # 3 packets of 8 bytes
    target = np.zeros(4, np.float32)  # 2 slots
    assert _native.copy_packets(source, target, 8, 5) >= 0
    # the fourth packet is the first again, the fifth the second
    assert target.tolist() == [2, 3, 0, 1]


@pytest.mark.parametrize(("size", "packets"), [(0, 1), (16, 1), (12, 1), (8, -1)])
def test_the_loop_in_c_stays_inside_its_buffers(size: int, packets: int) -> None:
    small = np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="whole packets"):
        _native.copy_packets(np.zeros(6, np.float32), small, size, packets)


def _cell(peer: str, *times_ns: float | None) -> Cell:
    rounds = tuple(
        None if t is None else Measured(wall_ns=t, cpu_ns=t, application_ns=t, kept_blocks=0, peak_bytes=1)
        for t in times_ns
    )  # fmt: skip
    return Cell(peer=peer, setting=SETTING, packets=1, moved_bytes=64, rounds=rounds)


def test_a_ratio_is_taken_within_each_round() -> None:
    # given a machine that is three times slower in the second round, and a peer that failed in the last
    found = ratio(_cell("zcbench", 10, 30, 20, None), _cell("queue", 100, 300, 100, 1))
    # then the ratios are 0.1, 0.1 and 0.2
    assert found is not None
    assert found.median == 0.1


def test_an_interval_needs_rounds() -> None:
    assert summary([]) is None
    few, enough = summary([1.0, 2.0, 3.0]), summary([float(n) for n in range(1, FEWEST + 1)])
    assert few is not None
    assert (few.low, few.high) == (None, None)
    assert enough is not None
    assert enough.low is not None
    assert enough.high is not None
    assert 1 <= enough.low < enough.median == 3 < enough.high <= 5


def test_without_a_base_there_is_no_ratio() -> None:
    assert ratio(_cell("zcbench", 1), None) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sizes": "10"}, "--sizes: 10: 10 B is not a multiple of 8"),
        ({"sizes": "8"}, "in 16.."),
        ({"sizes": "128MiB"}, "in 16.."),
        ({"sizes": "three"}, "--sizes: "),
        ({"sizes": "3840,"}, "--sizes '3840,': an empty item"),
        ({"hold": "-1"}, "--hold: '-1' is not a whole number in 0..10,000"),
        ({"threads": "0"}, "--threads: '0' is not a whole number in 1..64"),
        ({"rounds": 0}, "--rounds: 0 is not in 1..1,000"),
        ({"peers": "zcbench,nobody"}, "--peers: no peer 'nobody'; there are memcpy"),
        ({"sizes": "64MiB", "hold": "10000"}, "more than half of the"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_runs(wrong: dict[str, object], said: str) -> None:
    asked = {
        "peers": None, "sizes": "3840", "hold": "0", "threads": "1", "rounds": 1, "seed": 1, "seconds": 0.1,
    }  # fmt: skip
    with pytest.raises(BenchError) as refused:
        make_plan(**(asked | wrong))  # type: ignore[arg-type]
    assert said in str(refused.value)
