"""What is said of CPU time: creep fails, a dear harness warns, too short a run is not judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.records import Row, make_record, scenario
from zcbench.analysis.totals import totals
from zcbench.record.schema import Finding
from zcbench.scenario import BudgetTable, SourceTable
from zcbench.verdict.checks import cost


def judged(tmp_path: Path, rows: int, bend: Callable[[int, Row], None]) -> Finding:
    record = make_record(tmp_path / "run", scenario(duration_s=rows), rows=rows, bend=bend)
    return cost.CHECK.ask(record, totals(record))


def using(user_s: Callable[[int], float], supervisor: float = 0.004) -> Callable[[int, Row], None]:
    def bend(index: int, row: Row) -> None:
        row["supervisor_cpu_s"] = supervisor * index
        if row["phase"] == 1:
            row |= {"cpu_user_s": user_s(index), "cpu_system_s": 0.0}

    return bend


def test_a_steady_cost_passes_with_the_harness_own_share(tmp_path: Path) -> None:
    found = judged(tmp_path, 60, using(lambda i: 0.02 * i))
    assert found.outcome == "pass"
    assert "200 µs of CPU a packet, 2.0% of a core; the harness 0.4%" in found.sentence
    assert "would have been seen (12 blocks)" in (found.detection_limit or "")


def test_a_cost_that_grows_is_named(tmp_path: Path) -> None:
    found = judged(tmp_path, 60, using(lambda i: 0.02 * i + 0.005 * i * i))
    assert (found.outcome, found.cause, found.level) == ("fail", "cpu_creep", "fail")
    assert "it grew from" in found.sentence


def test_a_dear_harness_is_a_warning(tmp_path: Path) -> None:
    found = judged(tmp_path, 60, using(lambda i: 0.02 * i, supervisor=0.08))
    assert (found.outcome, found.level) == ("fail", "warn")
    assert "the harness takes more than 5% of a core" in found.sentence


def test_a_short_run_is_not_judged_but_told(tmp_path: Path) -> None:
    found = judged(tmp_path, 8, using(lambda i: 0.02 * i))
    assert (found.outcome, found.required) == ("skipped", False)
    assert "200 µs of CPU a packet" in found.sentence
    assert "takes 12 s or more" in found.sentence


def test_missing_readings_are_never_a_pass(tmp_path: Path) -> None:
    found = judged(tmp_path, 60, lambda _index, row: row.update({"cpu_system_s": None}))
    assert found.outcome == "skipped"


def test_a_subject_that_keeps_a_core_busy_fails_and_one_that_may_does_not(tmp_path: Path) -> None:
    # given 100 packets a second, beside which something takes three quarters of a core
    found = judged(tmp_path / "a", 60, using(lambda i: 0.75 * i))
    assert (found.outcome, found.cause, found.level) == ("fail", "busy", "fail")
    assert "75.0% of a core" in found.sentence
    assert "budget.cpu" in (found.remedy or "")
    # then nothing is said where the scenario allows it, nobody set a pace, or the start is not over
    for name, change in {
        "allowed": {"budget": BudgetTable(cpu=1.0)},
        "unpaced": {"source": SourceTable(unpaced=True)},
    }.items():
        plan = msgspec.structs.replace(scenario(duration_s=60), **change)
        record = make_record(tmp_path / name, plan, rows=60, bend=using(lambda i: 0.75 * i))
        assert cost.CHECK.ask(record, totals(record)).outcome == "pass"
    assert judged(tmp_path / "b", 8, using(lambda i: 0.75 * i)).outcome == "skipped"


def test_what_many_or_large_packets_cost_is_no_fault(tmp_path: Path) -> None:
    # given packets of 1 MiB, which are read twice to be verified: 0.5 of a core
    def bend(index: int, row: Row) -> None:
        using(lambda i: 0.5 * i)(index, row)
        row["engine.captured_bytes"] = int(row["engine.captured"] or 0) * 2**20

    assert judged(tmp_path, 60, bend).outcome == "pass"
