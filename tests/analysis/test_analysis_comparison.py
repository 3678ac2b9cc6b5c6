"""Better, worse, no evidence, not comparable: which figure gets which."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.records import ENVIRONMENT, Row, make_record, scenario
from zcbench.comparing.comparison import FAMILY_ALPHA, Compared, Comparison, compare
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending
from zcbench.verdict import judge
from zcbench.verdict.checks import EXPLAINED

MINUTES = {"plan": scenario(duration_s=120), "rows": 120}


def held(base: Record, new: Record) -> Comparison:
    return compare((base, judge(base)), (new, judge(new)), EXPLAINED)


def by_figure(comparison: Comparison) -> dict[str, Compared]:
    return {one.figure: one for one in comparison.compared}


def times(factor: float, *columns: str, seed: int = 0) -> Callable[[int, Row], None]:
    """Multiplies readings that a machine makes noisy, so that two runs are never the same."""
    random = np.random.default_rng(seed)

    def bend(_index: int, row: Row) -> None:
        for column in columns:
            if row.get(column) is not None:
                row[column] = float(row[column] or 0) * factor * random.lognormal(0, 0.05)

    return bend


def leaking(bytes_a_row: float, seed: int) -> Callable[[int, Row], None]:
    random = np.random.default_rng(seed)

    def bend(index: int, row: Row) -> None:
        row["native_heap_bytes"] = 6e6 + bytes_a_row * index + 64 * random.integers(0, 9)

    return bend


def test_a_slow_down_is_seen_where_it_is_and_nowhere_else(tmp_path: Path) -> None:
    # given a delivery that takes three times as long
    columns = ("delivery_p50_ns",)
    base = make_record(tmp_path / "base", **MINUTES, bend=times(10, *columns, seed=1))
    slow = make_record(tmp_path / "slow", **MINUTES, bend=times(30, *columns, seed=2))
    # when it is compared, either way
    worse, better = held(base, slow), held(slow, base)
    # then that figure is worse, or better, and its interval holds the truth
    found = by_figure(worse)["delivery.p50"]
    assert (found.verdict, by_figure(better)["delivery.p50"].verdict) == ("worse", "better")
    assert [one.figure for one in worse.regressions] == ["delivery.p50"]
    assert found.low is not None
    assert found.high is not None
    assert found.base is not None
    assert found.low < 2 * float(found.base) < found.high


def test_two_sound_runs_with_other_noise_show_no_evidence(tmp_path: Path) -> None:
    columns = ("delivery_p50_ns", "delivery_p99_ns", "delivery_max_ns", "hold_p50_ns")
    runs = [
        make_record(tmp_path / str(seed), **MINUTES, bend=times(10, *columns, seed=seed)) for seed in range(3)
    ]
    pairs = [(runs[0], runs[1]), (runs[1], runs[2]), (runs[2], runs[0])]
    assert {held(base, new).verdict for base, new in pairs} == {"no evidence"}


def test_a_leak_is_worse_in_bytes_a_packet(tmp_path: Path) -> None:
    sound = make_record(tmp_path / "sound", **MINUTES, bend=leaking(0, 1))
    leak = make_record(tmp_path / "leak", **MINUTES, bend=leaking(2000, 2))
    found = by_figure(held(sound, leak))["growth.native_heap"]
    assert found.verdict == "worse"
    assert found.unit == "bytes/packet"
    assert found.difference == pytest.approx(2000 / 100, rel=0.2)  # 100 packets a row


def test_a_hit_rate_that_falls_is_worse(tmp_path: Path) -> None:
    # given a pool of which a tenth of the acquires finds no slot any more
    def bend(_index: int, row: Row) -> None:
        captured = int(row["engine.captured"] or 0)
        row["pool.hits"], row["pool.misses"] = captured - captured // 10, captured // 10

    misses = {"pool.hits": 10_800, "pool.misses": 1200}
    base = make_record(tmp_path / "base", **MINUTES)
    new = make_record(tmp_path / "new", **MINUTES, bend=bend, counters=misses)
    found = by_figure(held(base, new))["pool.hit_rate"]
    assert found.verdict == "worse"
    assert found.difference == pytest.approx(-0.1, abs=0.001)


def test_leases_that_never_come_back_are_worse_but_not_those_of_a_run_cut_short(
    tmp_path: Path,
) -> None:
    kept = {"pool.returns": 11_000, "pool.in_flight": 1000}
    base = make_record(tmp_path / "base", **MINUTES)
    lost = make_record(tmp_path / "lost", **MINUTES, counters=kept)
    died = End(ending=Ending.CRASHED, signal="SIGSEGV", last_sequence=11_999, received=12_000)
    cut = make_record(tmp_path / "cut", **MINUTES, counters=kept, ending=died)
    assert by_figure(held(base, lost))["pool.not_returned"].verdict == "worse"
    assert by_figure(held(base, cut))["pool.not_returned"].verdict == "no evidence"


def test_on_another_machine_time_is_not_comparable_and_loss_is(tmp_path: Path) -> None:
    # given a run on more cores that is slower, and loses packets
    gaps = {"consumer.gaps": 600, "consumer.missing": 600}
    base = make_record(tmp_path / "base", **MINUTES)
    there = make_record(
        tmp_path / "there", **MINUTES, counters=gaps,
        bend=times(50, "delivery_p50_ns"),
    )  # fmt: skip
    environment = msgspec.structs.replace(ENVIRONMENT, cores=64)
    run = msgspec.structs.replace(there.run, environment=environment)
    found = by_figure(held(base, dataclasses.replace(there, run=run)))
    assert found["delivery.p50"].verdict == "not comparable"
    assert found["delivery.p50"].why == "cores: 4 → 64"
    assert found["delivery.p50"].difference is not None  # shown nevertheless
    assert found["check: gaps"].verdict == "worse"


def test_runs_of_other_length_compare_by_the_packet(tmp_path: Path) -> None:
    # given the same one gap in a hundred packets, in a run of two minutes and in one of four
    def drops(_index: int, row: Row) -> None:
        row["engine.drops"] = int(row["engine.captured"] or 0) // 100

    runs = [
        make_record(
            tmp_path / str(s),
            scenario(duration_s=s),
            rows=120,
            bend=drops,
            counters={"engine.drops": s},
        )
        for s in (120, 240)
    ]
    found = by_figure(held(*runs))
    assert (found["engine.drops"].base, found["engine.drops"].new) == (120, 240)
    assert found["engine.drops"].verdict == "no evidence"
    assert found["engine.delivered"].verdict == "not comparable"


def test_a_run_too_short_for_blocks_says_so(tmp_path: Path) -> None:
    long = make_record(tmp_path / "long", **MINUTES)
    short = make_record(tmp_path / "short", rows=3)
    found = by_figure(held(long, short))["delivery.p50"]
    assert (found.verdict, found.new, found.why) == ("no evidence", None, "too few samples in NEW")


@pytest.mark.parametrize("ending", [Ending.INTERRUPTED, Ending.PARTIAL])
def test_a_run_that_was_stopped_has_no_worse_life(tmp_path: Path, ending: Ending) -> None:
    base = make_record(tmp_path / "base", **MINUTES)
    stopped = make_record(tmp_path / "stopped", **MINUTES, ending=End(ending=ending))
    assert by_figure(held(base, stopped))["life"].verdict == "no evidence"


def test_a_warning_that_comes_is_no_regression_and_a_failure_is(tmp_path: Path) -> None:
    base = make_record(tmp_path / "base", **MINUTES)
    result = judge(base)
    for level, verdict in (("warn", "no evidence"), ("fail", "worse")):
        findings = [
            msgspec.structs.replace(f, outcome="fail", level=level) if f.check == "gaps" else f
            for f in result.findings
        ]
        found = compare((base, result), (base, msgspec.structs.replace(result, findings=findings)), EXPLAINED)
        assert by_figure(found)["check: gaps"].verdict == verdict


def test_all_intervals_together_hold_with_what_is_said(tmp_path: Path) -> None:
    run = make_record(tmp_path / "run", **MINUTES)
    assert held(run, run).confidence == 1 - FAMILY_ALPHA


def test_a_check_that_another_pool_explains_is_not_comparable(tmp_path: Path) -> None:
    # given a check of the hit rate that fails with the smaller pool, and one of the order of packets
    large, small = (
        make_record(tmp_path / str(slots), scenario(duration_s=120, slots=slots), rows=120)
        for slots in (100, 10)
    )
    result = judge(small)
    findings = [
        msgspec.structs.replace(f, outcome="fail") if f.check in ("pool.hit_rate", "gaps") else f
        for f in result.findings
    ]
    failed = msgspec.structs.replace(result, findings=findings)
    found = by_figure(compare((large, judge(large)), (small, failed), EXPLAINED))
    assert found["check: pool.hit_rate"].verdict == "not comparable"
    assert found["check: pool.hit_rate"].why == "pool.slots: 100 → 10"
    assert found["check: gaps"].verdict == "worse"


def test_what_is_certain_may_be_too_small_to_matter(tmp_path: Path) -> None:
    def holding(leases: int) -> Callable[[int, Row], None]:
        return lambda _index, row: row.update({"pool.in_flight": leases})

    runs = [make_record(tmp_path / str(n), **MINUTES, bend=holding(n)) for n in (10, 11, 15)]
    little, much = (by_figure(held(runs[0], run))["pool.in_flight"] for run in runs[1:])
    assert (little.verdict, little.why) == ("no evidence", "too small to matter")
    assert much.verdict == "worse"


def test_what_is_large_may_be_chance(tmp_path: Path) -> None:
    # given a 99th percentile twice as high: runs of one and the same thing differ by as much
    columns = ("delivery_p99_ns",)
    base = make_record(tmp_path / "base", **MINUTES, bend=times(100, *columns, seed=1))
    new = make_record(tmp_path / "new", **MINUTES, bend=times(200, *columns, seed=2))
    found = by_figure(held(base, new))["delivery.p99"]
    assert found.verdict == "no evidence"
    assert float(found.difference or 0) > float(found.matters or 0)
