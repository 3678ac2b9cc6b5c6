"""`zcbench compare` and `zcbench run --baseline`: better, worse, or nobody can tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from tests.cli.conftest import program
from tests.records import make_record, scenario, write_record
from zcbench.analysis.comparison import Comparison, compare
from zcbench.record.schema import End, Ending
from zcbench.verdict import judge

Invoke = Callable[..., Result]
CRASH = End(ending=Ending.CRASHED, signal="SIGABRT", last_sequence=110, received=111)


def compared(tmp_path: Path, base: dict[str, object], new: dict[str, object]) -> Comparison:
    sides = [make_record(tmp_path / n, **story) for n, story in (("base", base), ("new", new))]
    first, second = ((record, judge(record)) for record in sides)
    return compare(first, second)


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {one.title: one.verdict for one in comparison.compared}


def test_a_run_is_neither_better_nor_worse_than_itself(invoke: Invoke, tmp_path: Path) -> None:
    run = write_record(tmp_path / "run")
    done = invoke("compare", run, run)
    assert done.exit_code == 0
    assert "no evidence" in done.stdout
    assert "worse" not in done.stdout


def test_a_crash_that_is_gone_is_better_and_one_that_came_is_a_regression(
    invoke: Invoke, tmp_path: Path
) -> None:
    # given a run that died with packet 111, and one that did not
    died = write_record(tmp_path / "died", ending=CRASH, packets=111, rows=2)
    lived = write_record(tmp_path / "lived")
    mended, broken = invoke("compare", died, lived), invoke("compare", lived, died)
    assert mended.exit_code == 0
    assert "better" in mended.stdout
    assert "crashed (SIGABRT) at packet 111" in mended.stdout
    assert broken.exit_code == 6
    assert "worse" in broken.stdout


def test_lost_packets_are_worse_and_how_many_is_said(tmp_path: Path) -> None:
    found = compared(tmp_path, {}, {"counters": {"consumer.gaps": 30, "consumer.missing": 60}})
    assert found.verdict == "worse"
    assert {name for name, verdict in verdicts(found).items() if verdict == "worse"} >= {
        "Gaps in the sequence"
    }


def test_slower_delivery_is_worse_and_a_trifle_is_not(tmp_path: Path) -> None:
    # given latencies twice as long in every sample, and some that are longer by a hundredth
    def times(factor: float) -> Callable[[int, dict[str, object]], None]:
        def bend(_index: int, row: dict[str, object]) -> None:
            for name in ("delivery_p50_ns", "delivery_p99_ns", "delivery_max_ns"):
                row[name] = float(str(row[name])) * factor * 1000

        return bend

    for factor, worse in ((2.0, True), (1.01, False)):
        folder = tmp_path / str(factor)
        found = compared(folder, {"bend": times(1.0)}, {"bend": times(factor)})
        slow = [n for n, v in verdicts(found).items() if v == "worse" and "eliver" in n]
        assert bool(slow) is worse, verdicts(found)


def test_what_another_pool_explains_is_not_compared(tmp_path: Path) -> None:
    small, large = (scenario(slots=n) for n in (10, 100))
    found = compared(tmp_path, {"plan": small}, {"plan": large})
    assert [d.key for d in found.differences] == ["pool.slots"]
    assert found.verdict != "worse"


def test_json_is_for_programs_and_bad_input_is_named(invoke: Invoke, tmp_path: Path) -> None:
    run = write_record(tmp_path / "run")
    done = invoke("compare", run, run, "--format", "json")
    assert json.loads(done.stdout)["verdict"] == "no evidence"
    for arguments in ((run, tmp_path / "none"), (tmp_path, run)):
        wrong = invoke("compare", *arguments)
        assert wrong.exit_code == 2
        assert "run" in wrong.stderr


def test_a_run_is_held_against_its_baseline(tmp_path: Path) -> None:
    # given a good run, and then one with an engine that loses packets
    arguments = ("run", "--duration", "1s", "--sample-every", "50ms", "--quiet")
    good = program(*arguments, "--out", "good", cwd=tmp_path)
    assert good.returncode == 0, good.stderr
    same = program(*arguments, "--out", "same", "--baseline", "good", cwd=tmp_path)
    assert same.returncode in (0, 6), same.stderr  # a busy machine may truly be slower
    text = (tmp_path / "same" / "comparison.md").read_text(encoding="utf-8")
    assert text.startswith("# same against good")
    assert json.loads((tmp_path / "same" / "comparison.json").read_text())["verdict"]
    # and a baseline that is none is refused before anything is made
    wrong = program(*arguments, "--out", "other", "--baseline", "nothing", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "--baseline: nothing: no such run directory" in wrong.stderr
    assert not (tmp_path / "other").exists()
