# ruff: noqa: E501 - one log stands on one line
"""Tables of others: a counted fault always fails, a healthy log never, and nothing passes by a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.record.test_ingest import foreign, named
from zcbench.importers.ingest import Story, survey, write_record
from zcbench.record.reader import read_record
from zcbench.record.schema import Ending, Result
from zcbench.verdict import judge
from zcbench.verdict.next_step import next_step

Columns = Mapping[str, Sequence[object]]
NAN = ""


def judged(tmp_path: Path, columns: Columns, story: Story | None = None, **totals: float) -> Result:
    """The verdict over a table of ``columns`` under our names; ``totals`` as --total gives them."""
    path = tmp_path / "log.csv"
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    theirs = foreign(path, story=story, **totals)
    (tmp_path / "run").mkdir()
    write_record(tmp_path / "run", theirs, survey(theirs))
    return judge(read_record(tmp_path / "run"))


def failures(result: Result) -> set[tuple[str, str | None]]:
    return {(f.check, f.cause) for f in result.findings if f.outcome == "fail"}


# Each fault counter, and the check and cause that it must get by itself.
FAULTS = {
    "engine_drops": ("delivery", "dropped"),
    "pool_refused": ("delivery", "dropped"),
    "engine_xruns": ("xruns", None),
    "consumer_gaps": ("gaps", "gaps"),
    "consumer_missing": ("gaps", "gaps"),
    "consumer_duplicates": ("gaps", "duplicates"),
    "consumer_reordered": ("gaps", "reordered"),
    "consumer_corrupt_on_delivery": ("integrity", "corrupt_on_delivery"),
    "consumer_corrupt_before_return": ("integrity", "changed_while_held"),
    "consumer_wrong_size": ("integrity", "wrong_size"),
    "consumer_aliased": ("integrity", "aliased"),
    "pool_guard_violations": ("integrity", "overrun"),
    "pool_poison_violations": ("integrity", "written_after_return"),
}


@pytest.mark.parametrize("shape", ["grows", "one row", "constant", "with holes", "total"])
@pytest.mark.parametrize("column", FAULTS)
def test_a_fault_that_was_counted_fails_by_itself(tmp_path: Path, column: str, shape: str) -> None:
    # given nothing but a time and one counter of faults, in five shapes
    tables: dict[str, Columns] = {
        "grows": {"elapsed_s": [0, 30, 60], column: [0, 1, 3]},
        "one row": {"elapsed_s": [40], column: [3]},
        "constant": {"elapsed_s": [10, 20, 30], column: [3, 3, 3]},
        "with holes": {"elapsed_s": [0, 10, 20, 30], column: [NAN, 0, 3, "nan"]},
        "total": {"elapsed_s": [0, 60]},
    }
    name = column.replace("_", "__", 1)
    totals = {name: 3.0} if shape == "total" else {}
    result = judged(tmp_path, tables[shape], **totals)
    # then that is what it fails by
    check, cause = FAULTS[column]
    assert result.verdict == "fail"
    assert any(c == check and cause in (None, why) for c, why in failures(result)), failures(result)
    assert "3" in named(result, check).sentence


T = list(range(0, 61, 5))  # 13 rows, a minute
STREAM = [100 * t for t in T]

WRONG: dict[str, tuple[Columns, dict[str, float]]] = {
    "delivered of captured": ({"elapsed_s": [0, 40], "engine_captured": [0, 4000], "engine_delivered": [0, 1], "engine_drops": [0, 0]}, {}),
    "one packet vanished": ({"elapsed_s": [40], "engine_captured": [2001], "engine_delivered": [2000]}, {}),
    "more delivered than captured": ({"elapsed_s": [0, 60], "engine_captured": [0, 6000], "engine_delivered": [0, 6100]}, {}),
    "hits and misses make no acquires": ({"elapsed_s": [0, 60]}, {"engine__captured": 1000, "pool__hits": 500, "pool__misses": 400}),
    "more returns than acquires": ({"elapsed_s": [0, 60]}, {"engine__captured": 1000, "pool__returns": 1005}),
    "more returns than hits and misses": ({"elapsed_s": [0, 60]}, {"pool__hits": 1000, "pool__misses": 0, "pool__returns": 1005}),
    "received less than delivered": ({"elapsed_s": [0, 60]}, {"engine__delivered": 1000, "consumer__received": 900}),
    "due is a column": ({"elapsed_s": T, "due": STREAM, "engine_delivered": [n // 2 for n in STREAM]}, {}),
    "due is a total": ({"elapsed_s": [0, 60]}, {"due": 1000, "engine__delivered": 999}),
    "overflow left over": ({"elapsed_s": [0, 60]}, {"pool__overflow_bytes": 7680, "pool__overflow_freed_bytes": 3840, "pool__in_flight": 0}),
    "descriptors climb": ({"elapsed_s": T, "fds": [40 + 2 * t for t in T]}, {}),
    "threads climb in bursts": ({"elapsed_s": [0, 1, 2, 600, 601, 7200, 9000], "threads": [8, 9, 9, 12, NAN, 20, 44]}, {}),
    "never recycled": ({"elapsed_s": [0, 60]}, {"pool__hits": 10, "pool__misses": 5990, "pool__slots": 10}),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_sound_fails(tmp_path: Path, case: str) -> None:
    columns, totals = WRONG[case]
    assert judged(tmp_path, columns, **totals).verdict == "fail"


RATE = Story("x", rate_per_s=100.0)
HEALTHY: dict[str, tuple[Columns, Story | None]] = {
    "two times and nothing else": ({"elapsed_s": [0, 50]}, None),
    "a planned end, by their word": ({"elapsed_s": [0, 50]}, Story("x", ended=Ending.FINISHED)),
    "one sample": ({"elapsed_s": [3], "rss_bytes": [5e7], "fds": [9]}, None),
    "all NaN": ({"elapsed_s": T, "engine_drops": [NAN] * 13, "fds": ["NaN"] * 13}, None),
    "faults counted, and none": ({"elapsed_s": T, **{c: [0] * 13 for c in FAULTS}}, None),
    "constant gauges": ({"elapsed_s": T, "fds": [9] * 13, "threads": [4] * 13, "rss_bytes": [5e7] * 13}, None),
    "gauges that fall": ({"elapsed_s": T, "fds": [99 - t for t in T], "rss_bytes": [9e7 - 1e6 * t for t in T]}, None),
    "a pool of threads that fills": ({"elapsed_s": T, "threads": [4, 5, 6, 7, 8] + [8] * 8}, None),
    "counters that began before": ({"elapsed_s": T, "engine_captured": [10**6 + n for n in STREAM], "engine_delivered": [10**6 - 50 + n for n in STREAM]}, RATE),
    "pool counters that began before": ({"elapsed_s": T, "engine_captured": [500 + n for n in STREAM], "pool_hits": [7 + n for n in STREAM], "pool_misses": [2] * 13}, None),
    "what is on the move": ({"elapsed_s": T, "engine_captured": STREAM, "engine_delivered": [max(0, n - 3) for n in STREAM]}, None),
    "a queue nobody counts": ({"elapsed_s": T, "engine_captured": STREAM, "engine_delivered": [max(0, n - 20) for n in STREAM]}, None),
    "columns of a row read one after another": ({"elapsed_s": T, "engine_captured": STREAM, "engine_delivered": [n + 1 for n in STREAM]}, None),
    "a stream at its rate": ({"elapsed_s": T, "engine_delivered": STREAM}, RATE),
    "the rate, and a bit late": ({"elapsed_s": T, "engine_captured": [max(0, n - 1) for n in STREAM]}, RATE),
    "due is a column": ({"elapsed_s": T, "due": STREAM, "engine_delivered": STREAM}, None),
    "a pool that waits (block)": ({"elapsed_s": T, "pool_hits": STREAM, "pool_misses": [t // 5 for t in T], "pool_overflow_allocations": [0] * 13, "pool_refused": [0] * 13}, None),
    "leases out": ({"elapsed_s": T, "engine_captured": STREAM, "pool_returns": [max(0, n - 80) for n in STREAM]}, None),
    "rows that are not even": ({"elapsed_s": [0, 1, 2, 50, 51, 60], "fds": [7, 9, 8, 9, 9, 8], "engine_drops": [0, 0, 0, NAN, 0, 0]}, None),
    "times from 1 on": ({"elapsed_s": [1, 2, 3], "engine_delivered": [100, 200, 300]}, RATE),
    "latencies": ({"elapsed_s": T, "delivery_max_ns": [2e6] * 13, "delivery_p50_ns": [1e6] * 13}, RATE),
}  # fmt: skip
PASSING = {
    "constant gauges": False,  # RSS alone never passes
    "faults counted, and none": None,
    "a stream at its rate": True,
    "due is a column": True,
    "a pool of threads that fills": True,
    "latencies": True,
    "two times and nothing else": False,
    "a planned end, by their word": False,
    "one sample": False,
    "all NaN": False,
}


@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_log_does_not_fail(tmp_path: Path, case: str) -> None:
    columns, story = HEALTHY[case]
    result = judged(tmp_path, columns, story)
    assert not failures(result), [f.sentence for f in result.findings if f.outcome == "fail"]
    # and what says nothing does not pass, what says enough does
    passes = PASSING.get(case)
    if passes is not None:
        assert (result.verdict == "pass") == passes
    assert result.exit_code == (0 if result.verdict == "pass" else 4)


@pytest.mark.parametrize(
    ("columns", "check", "untrue"),
    [
        ({"elapsed_s": T, "fds": [9] * 13}, "resources", "descriptors, threads, child processes were not"),
        ({"elapsed_s": T, "delivery_max_ns": [2e6] * 13}, "timing", "in 0 samples"),
        ({"elapsed_s": T, "consumer_missing": [0] * 13, "engine_delivered": STREAM}, "gaps", "was not measured"),
        ({"elapsed_s": T, "engine_drops": [0] * 13}, "delivery", "how many packets were due or delivered"),
        ({"elapsed_s": T, "pool_hits": STREAM, "pool_misses": [5] * 13, "pool_slots": [4] * 13}, "pool.hit_rate", "at most 0"),
        ({"elapsed_s": T, "pool_hits": STREAM, "pool_misses": [5] * 13, "pool_slots": [4] * 13}, "pool.hit_rate", "never got a slot back"),
    ],
)  # fmt: skip
def test_no_sentence_says_that_a_reading_is_not_there_which_is(
    tmp_path: Path, columns: Columns, check: str, untrue: str
) -> None:
    assert untrue not in named(judged(tmp_path, columns), check).sentence


def test_a_false_pass_of_an_hour_fails_by_each_of_its_faults(tmp_path: Path) -> None:
    # given an hour whose heap is flat, and everything else is not
    t = list(range(0, 3601, 10))
    n = range(len(t))
    result = judged(
        tmp_path,
        {
            "elapsed_s": t,
            "native_heap_bytes": [50_000_000 + 64 * (i % 3) for i in n],
            "gc_forced_collections": list(n),
            "engine_captured": [1000 * i for i in n],
            "engine_delivered": [997 * i for i in n],
            "engine_drops": [3 * i for i in n],
            "consumer_missing": [3 * i for i in n],
            "consumer_duplicates": list(n),
            "engine_xruns": [2 * i for i in n],
            "fds": [40 + 2 * i for i in n],
            "threads": [8 + i // 10 for i in n],
        },
    )
    assert result.exit_code == 1
    assert {check for check, _ in failures(result)} == {"delivery", "gaps", "xruns", "resources"}
    resources = named(result, "resources").sentence
    assert "descriptors climb from 40 to 760" in resources
    assert "threads climb from 8 to 44" in resources
    assert named(result, "memory").outcome == "pass"


@pytest.mark.parametrize("ppm", [-340, 340])
def test_a_clock_that_drifts_is_no_loss(tmp_path: Path, ppm: int) -> None:
    # given an hour of counts, one a minute, on a line beside the nominal rate
    per_s = 44_100 / 1024
    counts = [int(60 * i * per_s * (1 + ppm / 1e6)) for i in range(61)]
    columns = {"elapsed_s": [60 * i for i in range(61)], "engine_captured": counts}
    result = judged(tmp_path, columns, Story("x", rate_per_s=per_s))
    assert failures(result) == {("rate", "clock_drift")}
    assert named(result, "rate").evidence["drift_ppm"] == pytest.approx(ppm, abs=2)


def test_packets_lost_at_a_moment_are_no_clock(tmp_path: Path) -> None:
    counts = [int(60 * i * 43.0) - (53 if i > 30 else 0) for i in range(61)]
    columns = {"elapsed_s": [60 * i for i in range(61)], "engine_captured": counts}
    result = judged(tmp_path, columns, Story("x", rate_per_s=43.0))
    assert failures(result) == {("delivery", "lost")}


def test_remedies_speak_of_no_language_that_is_not_known(tmp_path: Path) -> None:
    t = list(range(0, 601, 5))
    result = judged(
        tmp_path,
        {
            "elapsed_s": t,
            "native_heap_bytes": [50_000_000 + 20_000 * s for s in t],
            "gc_forced_collections": list(range(len(t))),
            "rss_bytes": [90_000_000 + 20_000 * s for s in t],
            "fds": [9 + s for s in t],
        },
    )
    assert {check for check, _ in failures(result)} == {"memory", "resources"}
    for finding in result.findings:
        for word in (
            "Popen",
            "memray",
            "gc.collect",
            "with-statement",
            "tracemalloc",
            "--diagnose",
        ):
            assert word not in (finding.remedy or ""), finding.check


LONG = list(range(0, 3601, 10))
TOLD: dict[str, tuple[Columns, str, str]] = {
    "files pile up": ({"elapsed_s": LONG, "temporary_files": range(len(LONG))}, "disk", "files"),
    "it prints without end": ({"elapsed_s": LONG, "output_bytes": [30_000 * t for t in LONG]}, "disk", "output"),
    "it stalls": ({"elapsed_s": LONG, "delivery_max_ns": [4e8 if i % 20 == 3 else 1e7 for i in range(len(LONG))]}, "timing", "stalls"),
    "hits stand still": ({"elapsed_s": LONG, "pool_hits": [min(10, 100 * t) for t in LONG], "pool_misses": [max(0, 100 * t - 10) for t in LONG]}, "pool.recycling", "never_recycled"),
    "hits stand still and packets go on": ({"elapsed_s": LONG, "pool_hits": [10] * len(LONG), "engine_captured": [10 + 100 * t for t in LONG]}, "pool.recycling", "never_recycled"),
    "no slot was ever free": ({"elapsed_s": LONG, "pool_hits": [0] * len(LONG), "pool_misses": [100 * t for t in LONG]}, "pool.recycling", "never_recycled"),
    "no slot returns any more": ({"elapsed_s": LONG, "pool_hits": [min(9_000, 100 * t) for t in LONG], "pool_misses": [max(0, 100 * t - 9_000) for t in LONG]}, "pool.recycling", "never_recycled"),
    "no slot returns": ({"elapsed_s": LONG, "pool_slots": [10] * len(LONG), "pool_hits": [min(10, 100 * t) for t in LONG], "pool_misses": [max(0, 100 * t - 10) for t in LONG], "pool_returns": [0] * len(LONG)}, "pool.recycling", "never_recycled"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD)
def test_what_a_table_counts_beside_the_packets_is_judged_too(tmp_path: Path, case: str) -> None:
    columns, check, cause = TOLD[case]
    assert failures(judged(tmp_path, columns)) == {(check, cause)}


@pytest.mark.parametrize(
    ("hits", "misses"),
    [
        ([10 + t // 30 * 10 for t in LONG], [99 * t for t in LONG]),  # kept for 30 s each
        ([min(100 * t, 300_000) for t in LONG], [max(0, min(t - 3000, 50)) for t in LONG]),  # the stream ended
        ([10] * len(LONG), [0] * len(LONG)),  # nobody asks any more
        ([10 if t < 3580 else 20 for t in LONG], [100 * t for t in LONG]),  # one came back at last
    ],
)
def test_a_hit_rate_explains_and_carries_no_verdict(tmp_path: Path, hits: list[int], misses: list[int]) -> None:
    result = judged(tmp_path, {"elapsed_s": LONG, "pool_hits": hits, "pool_misses": misses})
    assert not failures(result)
    assert named(result, "pool.hit_rate").outcome == "pass"
    assert (result.verdict, result.exit_code) == ("inconclusive", 4)
    assert "sound" not in next_step(read_record(tmp_path / "run"), result)


def test_a_table_without_word_of_disk_or_returns_says_only_that(tmp_path: Path) -> None:
    result = judged(tmp_path, {"elapsed_s": T, "temporary_files": [3] * 13, "pool_hits": STREAM, "pool_misses": [0] * 13, "pool_returns": STREAM, "pool_slots": [9] * 13})  # fmt: skip
    assert not failures(result)
    assert "the subject's output: not counted" in named(result, "disk").sentence
    assert "not measured: pool.in_flight" in named(result, "pool.recycling").sentence


def test_a_heap_that_rises_unjudged_is_not_said_to_have_been_seen_flat(tmp_path: Path) -> None:
    # given a heap of which nobody knows the collections, and it rises by ten times what it could tell
    heap = [50_000_000 + 1000 * t for t in LONG]
    memory = named(judged(tmp_path, {"elapsed_s": LONG, "native_heap_bytes": heap}), "memory")
    assert memory.outcome == "inconclusive"
    assert "native heap rose by 1,000 B/s, of which some may be garbage" in memory.sentence
    assert "would have been seen" not in memory.sentence
    assert memory.detection_limit is None


def test_packets_that_came_twice_are_no_clock_that_is_fast(tmp_path: Path) -> None:
    # given a stream at its rate, in which four packets come twice: none of the counts is a clock's
    received = [100 * t + sum(t > at for at in (10, 25, 40, 55)) for t in range(61)]
    result = judged(
        tmp_path,
        {"elapsed_s": range(61), "engine_delivered": received, "consumer_duplicates": [n - 100 * t for t, n in enumerate(received)], "due": [100 * t for t in range(61)]},
        RATE,
    )  # fmt: skip
    assert failures(result) == {("gaps", "duplicates")}
    assert "came twice: that is no clock" in named(result, "rate").sentence
