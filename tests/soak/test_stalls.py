"""When a subject is called hung: told by progress, by what it owes, and by whether anybody looked."""

from __future__ import annotations

from zcbench.soak.stalls import LOADING_GRACE_S, START_GRACE_S, HangWatch

S = 10**9
LIMIT_S = 2.0


def looks(watch: HangWatch, times_s: list[float], *, starting: bool = False, owes: bool = True,
          moves: bool = False) -> list[bool]:  # fmt: skip
    """What the watch says at each time, of a subject that takes a step before each look or none."""
    return [
        watch.is_hung(
            round(at * S), round(at * S) if moves else 7, owes=owes, starting=starting
        )
        for at in times_s
    ]  # fmt: skip


HALVES = [n / 2 for n in range(1, 21)]  # ten seconds, a look every half


def test_a_subject_that_owes_a_step_and_takes_none_hangs_once_the_limit_is_past() -> None:
    told = looks(HangWatch(LIMIT_S, 0), HALVES)
    # the first look is the first that sees its progress
    assert HALVES[told.index(True)] == 0.5 + LIMIT_S + 0.5


def test_a_subject_that_moves_or_owes_nothing_never_hangs() -> None:
    assert not any(looks(HangWatch(LIMIT_S, 0), HALVES, moves=True))
    assert not any(looks(HangWatch(LIMIT_S, 0), HALVES, owes=False))


def test_a_start_may_take_longer_than_the_limit_on_packets() -> None:
    told = looks(HangWatch(LIMIT_S, 0), HALVES, starting=True)
    assert HALVES[told.index(True)] == 0.5 + START_GRACE_S + 0.5
    # but not longer than a limit that is longer still
    assert not any(looks(HangWatch(60.0, 0), HALVES, starting=True))


def test_a_worker_that_has_not_loaded_yet_has_time_for_it_and_the_limit_begins_with_it() -> None:
    watch = HangWatch(LIMIT_S, 0)
    times_s = [n / 2 for n in range(1, 200)]
    hung = [watch.is_hung(round(at * S), 7, owes=True, starting=True, loading=True) for at in times_s]
    assert times_s[hung.index(True)] == LOADING_GRACE_S + 0.5
    # one that has loaded at last has all of its start before it
    watch = HangWatch(LIMIT_S, 0)
    for at in range(1, 41):
        assert not watch.is_hung(at * S // 2, 7, owes=True, starting=True, loading=True)
    told = looks(watch, [20 + half for half in HALVES], starting=True)
    assert 20 + HALVES[told.index(True)] == 20 + START_GRACE_S + 0.5


def test_a_supervisor_that_was_frozen_accuses_nobody() -> None:
    # given no look for ten minutes, as when the machine was suspended
    told = looks(HangWatch(LIMIT_S, 0), [0.5, 1.0, 600.0, 600.5, 601.0])
    assert not any(told)
