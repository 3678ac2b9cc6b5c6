"""The pool that a sweep recommends is one that a run has shown to be enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import scenario as plan
from tests.records import write_record
from zcbench.scenario import Scenario
from zcbench.sweep.advice import Ran, advise, read_run
from zcbench.sweep.journal import PlannedRun, Sweep, run_directory
from zcbench.verdict import judge


def planned(*axes: str, check: bool = True) -> Sweep:
    runs = [PlannedRun(name="001", values={axes[0]: "10"})]
    return Sweep(scenario="synthetic", target=0.99, check=check, axes=list(axes), runs=runs)


def ran(directory: Path) -> list[Ran]:
    """One run of ten slots, of which four were out at once at most."""
    write_record(run_directory(directory, "001"), plan(slots=10))
    return [read_run(directory, "001", {"pool.slots": "10"}, judge)]


def test_each_candidate_is_run_until_one_is_enough(tmp_path: Path) -> None:
    # given who makes the checking runs, all of whose acquires are hits
    made: list[tuple[str, int]] = []

    def check(name: str, scenario: Scenario, what: str) -> None:
        made.append((name, scenario.pool.slots))
        assert what.startswith(f"{scenario.pool.slots} slots")
        write_record(run_directory(tmp_path, name), scenario)

    (advice,), checks = advise(tmp_path, planned("pool.slots"), ran(tmp_path), check, judge)
    # then the first that was tried is recommended, and named by the run that showed it
    assert advice.sizing is not None
    assert made == [(f"check-1-{advice.slots}", advice.slots)]
    assert advice.slots == advice.sizing.candidates[0]
    assert [run.name for run in checks] == [made[0][0]]
    assert advice.checked is checks[0]


def test_a_size_that_no_run_reached_the_target_with_is_not_recommended(tmp_path: Path) -> None:
    def check(name: str, scenario: Scenario, _what: str) -> None:
        misses = {"pool.hits": 10, "pool.misses": 2_990}
        write_record(run_directory(tmp_path, name), scenario, counters=misses)

    (advice,), checks = advise(tmp_path, planned("pool.slots"), ran(tmp_path), check, judge)
    assert advice.slots is None
    assert advice.sizing is not None
    assert len(checks) == len(advice.sizing.candidates)
    assert advice.checked is checks[-1]


def test_nothing_is_run_where_no_check_is_wanted_or_no_pool_was_varied(tmp_path: Path) -> None:
    def check(*_arguments: object) -> None:
        pytest.fail("nothing was to be run")

    runs = ran(tmp_path)
    (advice,), checks = advise(tmp_path, planned("pool.slots", check=False), runs, check, judge)
    assert (advice.slots, advice.checked, checks) == (None, None, [])
    assert advise(tmp_path, planned("consumer.hold"), runs, check, judge) == ([], [])
