"""How the calls of a function are divided into batches."""

from __future__ import annotations

import pytest

from zcbench.soak.batches import FEWEST_PARTS, LONGEST_WARM_UP, MOST_GAINED_BYTES, PARTS, Batches


def played(
    batches: Batches, *, call_s: float, reading_s: float = 0.001, bytes_a_call: float = 0.0
) -> list[int]:
    """The batches of a function whose calls take ``call_s``; those of the stream."""
    elapsed, found = 0.0, []
    while number := batches.next(elapsed):
        was_warm, measuring = batches.warm, batches.is_measuring
        took = number * call_s
        elapsed += took + (0.0 if measuring else reading_s)
        if measuring:
            batches.timed(number, took, elapsed)
        else:
            batches.done(number, reading_s, took, elapsed, round((batches.made + number) * bytes_a_call))
        if was_warm:
            found.append(number)
    return found


@pytest.mark.parametrize("calls", [48, 61, 5_000, 99_999])
def test_so_many_calls_are_made_as_were_asked_for(calls: int) -> None:
    batches = Batches(calls, None)
    assert batches.next(0.0) == 1
    stream = played(batches, call_s=1e-6)
    assert batches.made == calls
    assert len(stream) >= FEWEST_PARTS
    assert len(set(stream)) == 1


@pytest.mark.parametrize("call_s", [1e-7, 1e-3, 0.1])
def test_a_time_has_enough_readings_whatever_a_call_takes(call_s: float) -> None:
    stream = played(Batches(None, 10.0), call_s=call_s)
    assert FEWEST_PARTS <= len(stream) <= 2 * PARTS
    assert len(set(stream)) == 1


def test_dear_readings_are_fewer() -> None:
    cheap, dear = (played(Batches(None, 10.0), call_s=1e-5, reading_s=cost) for cost in (0.001, 0.1))
    assert FEWEST_PARTS // 2 <= len(dear) < len(cheap)


def test_slow_calls_take_three_times_as_long_at_most() -> None:
    assert FEWEST_PARTS <= len(played(Batches(None, 1.0), call_s=0.04)) <= 2 * FEWEST_PARTS
    assert len(played(Batches(None, 1.0), call_s=0.5)) <= 6


def test_a_leak_never_rests_and_its_warm_up_ends() -> None:
    batches = Batches(6_000, None)
    stream = played(batches, call_s=1e-6, bytes_a_call=100.0)
    assert sum(stream) == pytest.approx((1 - LONGEST_WARM_UP) * 6_000, rel=0.1)


def test_a_large_leak_has_small_batches() -> None:
    stream = played(Batches(6_000, None), call_s=1e-6, bytes_a_call=2.0**20)
    assert stream[-1] <= MOST_GAINED_BYTES / 2**20
