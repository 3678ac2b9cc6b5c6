"""A program in any language whose counters have our names is judged as our engine is, by the same checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import Row, make_command_record
from zcbench.page.layout import State
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import End, Ending, Result
from zcbench.verdict import judge

PER_S = 100
SLOTS = 10
Count = Callable[[int], Row]


def pool(index: int, *, returned: Callable[[int], int] = lambda taken: taken - 3) -> Row:
    """What a pool publishes that took 100 packets a second and has ``returned(taken)`` of them back."""
    taken = PER_S * (index + 1)
    out = taken - returned(taken)
    hits = min(taken, SLOTS + returned(taken))
    return {
        "engine.captured": taken,
        "engine.delivered": taken,
        "engine.drops": 0,
        "pool.slots": SLOTS,
        "pool.hits": hits,
        "pool.misses": taken - hits,
        "pool.returns": returned(taken),
        "pool.in_flight": out,
        "pool.high_water": out + 1,
    }


def without(count: Count, *names: str) -> Count:
    return lambda index: {name: value for name, value in count(index).items() if name not in names}


def changed(count: Count, **more: Callable[[int], int]) -> Count:
    """``count`` with these counters instead, by the number of packets taken."""
    return lambda index: (
        count(index) | {name.replace("__", "."): value(PER_S * (index + 1)) for name, value in more.items()}
    )


def drained(index: int) -> Row:
    """A pool that has every lease back."""
    return pool(index, returned=lambda taken: taken)


TOTALS = ("engine.captured", "engine.delivered", "pool.hits", "pool.returns")

SOUND: dict[str, Count] = {
    "all of it": pool,
    "no queue counted, a few packets on their way": changed(pool, engine__delivered=lambda n: n - 5),
    "the pool alone": without(pool, "engine.captured", "engine.delivered", "engine.drops"),
    "packets alone": lambda index: {k: v for k, v in pool(index).items() if k.startswith("engine.")},
    "counters of before": lambda index: (
        pool(index) | {name: (pool(index)[name] or 0) + 10**6 for name in TOTALS}
    ),
    "too small": lambda index: pool(index, returned=lambda taken: max(0, taken - 20)),
    "a gauge alone": lambda index: {"pool.in_flight": 3},
    "nothing yet": lambda index: {"engine.captured": 0, "pool.hits": 0, "pool.misses": 0, "pool.slots": 4},
}


def judged(directory: Path, count: Count, **story: object) -> Result:
    return judge(make_command_record(directory, counts=count, **story))


def failures(result: Result) -> set[tuple[str, str | None]]:
    return {(f.check, f.cause) for f in result.findings if f.outcome == "fail" and f.level == "fail"}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_program_is_not_accused(tmp_path: Path, name: str) -> None:
    assert failures(judged(tmp_path, SOUND[name])) == set()


FAULTS: dict[str, tuple[Count, tuple[str, str]]] = {
    "a return that does nothing": (
        lambda index: pool(index, returned=lambda _: 0),
        ("pool.recycling", "never_recycled"),
    ),
    "drops": (changed(pool, engine__drops=lambda n: n // 50), ("delivery", "dropped")),
    "drops and no packets": (lambda index: {"engine.drops": index}, ("delivery", "dropped")),
    "refused": (lambda index: {"pool.refused": index}, ("delivery", "dropped")),
    "lost between capture and delivery": (
        changed(pool, engine__delivered=lambda n: n - n // 10),
        ("delivery", "lost"),
    ),
    "gaps": (changed(pool, consumer__missing=lambda n: n // 100), ("gaps", "gaps")),
    "counters that disagree": (
        changed(pool, pool__hits=lambda n: n + n // 5),
        ("conservation", "counters_disagree"),
    ),
    "more in flight than the pool has": (
        lambda index: (
            pool(index, returned=lambda taken: taken - 90)
            | {"pool.hits": PER_S * (index + 1), "pool.misses": 0}
        ),
        ("conservation", "counters_disagree"),
    ),
    "leases returned twice": (
        changed(pool, pool__returns=lambda n: 2 * n),
        ("conservation", "returned_twice"),
    ),
    "written past the end": (
        changed(pool, pool__guard_violations=lambda n: 1),
        ("integrity", "overrun"),
    ),
    "xruns": (changed(pool, engine__xruns=lambda n: n // 1000), ("xruns", "lost_sound")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_a_program_counts_is_called_by_its_name(tmp_path: Path, name: str) -> None:
    count, expected = FAULTS[name]
    assert expected in failures(judged(tmp_path, count))


def test_leases_left_fail_only_where_the_program_says_that_it_is_done(tmp_path: Path) -> None:
    # given programs that were in the middle of their work when they were stopped, and one that drained
    assert failures(judged(tmp_path / "no page", pool)) == set()
    assert failures(judged(tmp_path / "ready", pool, state=State.READY)) == set()
    assert ("pool.recycling", "leases_left") in failures(judged(tmp_path / "done", pool, state=State.DONE))


def test_fewer_than_no_leases_in_flight_are_leases_returned_twice(tmp_path: Path) -> None:
    # given a program whose counters agree: each double return is counted, and taken off what is in flight
    def twice(index: int) -> dict[str, int | None]:
        row = drained(index)
        returns, in_flight = row["pool.returns"] or 0, row["pool.in_flight"] or 0
        return row | {"pool.returns": returns + index, "pool.in_flight": in_flight - index}

    for state in (State.DONE, State.READY):
        found = judged(tmp_path / state.name, twice, state=state)
        assert ("conservation", "returned_twice") in failures(found)
        assert not [f for f in found.findings if "-" in f.sentence and "never came back" in f.sentence]


def test_laws_hold_exactly_where_the_program_says_that_it_is_done(tmp_path: Path) -> None:
    off = changed(drained, engine__delivered=lambda n: n - 2, engine__queued=lambda _: 0)
    assert failures(judged(tmp_path / "sound", drained, state=State.DONE)) == set()
    assert failures(judged(tmp_path / "ready", off, state=State.READY)) == set()
    assert failures(judged(tmp_path / "done", off, state=State.DONE)) == {
        ("delivery", "lost"),
        ("conservation", "counters_disagree"),
    }


def test_what_a_process_counted_before_it_was_attached_to_is_not_held_against_the_run(tmp_path: Path) -> None:
    before = {"engine.drops": 500, "engine.captured": 10**6, "engine.delivered": 10**6 - 500}
    before |= {"consumer.missing": 7, "engine.xruns": 3, "pool.guard_violations": 1}

    def old(index: int) -> Row:
        return {name: number + (0 if number < 1000 else 100 * index) for name, number in before.items()}

    def going_on(index: int) -> Row:
        return old(index) | {"engine.drops": 500 + index}

    attached = SubjectInfo(kind="attached", pid=4242, title="engine (4242)")
    assert failures(judged(tmp_path / "old", old, subject=attached)) == set()
    # what it counts from there on is
    result = judged(tmp_path / "new", going_on, subject=attached)
    assert ("delivery", "dropped") in failures(result)
    assert "dropped 59" in next(f.sentence for f in result.findings if f.check == "delivery")
    # and of a command that was started here, all of it
    assert ("delivery", "dropped") in failures(judged(tmp_path / "command", old))


def test_what_was_promised_and_never_came_is_no_pass(tmp_path: Path) -> None:
    # given a program that was to count packets, and did not
    subject = SubjectInfo(kind="command", title="./engine", capabilities=("packets", "pool"))
    result = judged(tmp_path, lambda _: {}, subject=subject)
    undecided = {f.check for f in result.findings if f.outcome == "inconclusive" and f.required}
    assert {"delivery", "conservation", "pool.recycling"} <= undecided
    assert result.verdict == "inconclusive"


OUR_FLAGS = ("--pool", "--rate", "pool.policy", "pool.queue", "tracemalloc", "gc.garbage")
PYTHONS = (
    "gc.collect",
    "gc.freeze",
    "py-spy",
    "pip install",
    "with-statement",
    "tempfile",
    "Popen",
    "executor",
)


def test_remedies_speak_of_the_program_not_of_our_engines_flags(tmp_path: Path) -> None:
    counts = (*SOUND.values(), *(count for count, _ in FAULTS.values()))
    for number, count in enumerate(counts):
        for finding in judged(tmp_path / str(number), count).asked:
            said = f"{finding.sentence} {finding.remedy}"
            for ours in OUR_FLAGS:
                assert ours not in said, (finding.check, said)


def test_a_crash_fails_whatever_was_counted(tmp_path: Path) -> None:
    end = End(ending=Ending.CRASHED, signal="SIGSEGV", exit_code=-11, message="the command died of SIGSEGV")
    result = judged(tmp_path, pool, ending=end)
    assert failures(result) == {("life", "crashed")}
    # the last count of what it published is said
    assert "SIGSEGV; 6,000 packets had been delivered" in result.findings[0].sentence
    drops = judged(tmp_path / "drops", lambda _: {"pool.hits": 3}, ending=end)
    assert "packet" not in drops.findings[0].sentence
    assert result.exit_code == 5


def slow(index: int) -> Row:
    """Packets that come late, cost more and more, and wait for a collector; files that pile up."""
    late = 40_000_000 if index % 5 == 0 else 100_000
    return pool(index) | {
        "delivery_p50_ns": 100_000 + 100_000 * index,
        "delivery_max_ns": late * 10,
        "gc.pause_ns": 200_000_000 * index,
        "gc.collections": index,
        "cpu_user_s": 0.01 * index * index,
        "cpu_system_s": 0.0,
        "temporary_files": 3 * index,
        "temporary_bytes": 3000 * index,
        "output_bytes": 10**6 * index,
        "fds": 5 + index,
        "threads": 2 + index,
        "children": index,
    }


def test_remedies_tell_no_other_program_of_pythons_tools(tmp_path: Path) -> None:
    failed = [f for f in judged(tmp_path, slow, duration_s=120.0, rows=120).findings if f.outcome == "fail"]
    assert {f.check for f in failed} >= {"resources", "disk", "timing", "cost"}
    for finding in failed:
        for word in (*OUR_FLAGS, *PYTHONS):
            assert word not in f"{finding.sentence} {finding.remedy}", (finding.check, finding.remedy)


@pytest.mark.parametrize(("misses", "outcome"), [(0.0, "fail"), (0.5, "inconclusive")])
def test_only_a_miss_can_be_refused(tmp_path: Path, misses: float, outcome: str) -> None:
    def half(index: int) -> Row:
        taken = PER_S * (index + 1)
        missed = int(misses * taken)
        back = {"pool.returns": taken // 2 - 2, "pool.in_flight": 2}
        return {"pool.hits": taken - missed, "pool.misses": missed, **back}

    findings = judge(make_command_record(tmp_path, counts=half)).findings
    conservation = next(finding for finding in findings if finding.check == "conservation")
    assert conservation.outcome == outcome
