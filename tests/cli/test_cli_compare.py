"""`zcbench compare` and `zcbench run --baseline`: better, worse, or nobody can tell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from junitparser import JUnitXml

from tests.cli.conftest import program
from tests.records import make_record, scenario, write_record
from zcbench.cli.baseline import judged, read_baseline
from zcbench.cli.closing import close
from zcbench.comparing.comparison import Comparison, compare
from zcbench.record.reader import Record, read_record
from zcbench.record.schema import End, Ending
from zcbench.record.writer import RecordError, write_result
from zcbench.render.github import workflow_commands
from zcbench.render.progress import UNICODE
from zcbench.render.summary import summary
from zcbench.verdict import judge
from zcbench.verdict.checks import EXPLAINED

Invoke = Callable[..., Result]
CRASH = End(ending=Ending.CRASHED, signal="SIGABRT", last_sequence=110, received=111)


def compared(tmp_path: Path, base: dict[str, object], new: dict[str, object]) -> Comparison:
    sides = [make_record(tmp_path / n, **story) for n, story in (("base", base), ("new", new))]
    first, second = ((record, judge(record)) for record in sides)
    return compare(first, second, EXPLAINED)


def delivering(factor: float) -> Callable[[int, dict[str, object]], None]:
    """The delivery times of every sample, so many times as long."""

    def bend(_index: int, row: dict[str, object]) -> None:
        for name in ("delivery_p50_ns", "delivery_p99_ns", "delivery_max_ns"):
            row[name] = float(str(row[name])) * factor * 1000

    return bend


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {one.title: one.verdict for one in comparison.compared}


def test_two_runs_that_have_nothing_in_common_are_no_pass(invoke: Invoke, here: Path) -> None:
    # given a log of memory, and one of packets
    for name in ("rss_bytes", "engine.drops"):
        rows = "".join(f"{t},{0 if '.' in name else 2**24}\n" for t in range(0, 100, 10))
        Path(f"{name}.csv").write_text(f"elapsed_s,{name}\n{rows}", encoding="utf-8")
        assert invoke("ingest", f"{name}.csv", "--out", name).exit_code == 4
    # then nothing of the two can be compared, also beside a run that can be
    assert invoke("compare", "rss_bytes", "engine.drops").exit_code == 4
    assert invoke("compare", "rss_bytes", "rss_bytes", "engine.drops").exit_code == 4


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
    assert {name for name, verdict in verdicts(found).items() if verdict == "worse"} >= {"Gaps in the sequence"}


def test_slower_delivery_is_worse_and_a_trifle_is_not(tmp_path: Path) -> None:
    # given latencies twice as long in every sample, and some that are longer by a hundredth
    for factor, worse in ((2.0, True), (1.01, False)):
        folder = tmp_path / str(factor)
        found = compared(folder, {"bend": delivering(1.0)}, {"bend": delivering(factor)})
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
    arguments = (
        *("run", "--duration", "1s", "--sample-every", "50ms"),
        *("--report", "json", "--quiet"),
    )
    good = program(*arguments, "--out", "good", cwd=tmp_path)
    assert good.returncode in (0, 4), good.stderr  # 4: a busy machine leaves too little to judge
    same = program(*arguments, "--out", "same", "--baseline", "good", cwd=tmp_path)
    assert same.returncode in (0, 4, 6), same.stderr  # a busy machine may truly be slower
    text = (tmp_path / "same" / "comparison.md").read_text(encoding="utf-8")
    assert text.startswith("# same against good")
    assert json.loads((tmp_path / "same" / "comparison.json").read_text())["verdict"]
    # and one that is not there yet, as on the first night, is a notice, and the run is judged alone
    first = program(*arguments, "--out", "first", "--baseline", "nothing", cwd=tmp_path)
    assert first.returncode in (0, 4), first.stderr
    assert "--baseline nothing is not there yet: no earlier run to compare with" in first.stderr
    assert not (tmp_path / "first" / "comparison.json").exists()
    # and what is no place of runs at all is refused before anything is made
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    wrong = program(*arguments, "--out", "other", "--baseline", "elsewhere", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "--baseline: elsewhere: no run in it; name a run's directory" in wrong.stderr
    assert not (tmp_path / "other").exists()


def test_several_runs_are_each_held_against_the_first(invoke: Invoke, tmp_path: Path) -> None:
    died = write_record(tmp_path / "died", ending=CRASH, packets=111, rows=2)
    lived = write_record(tmp_path / "lived")
    done = invoke("compare", lived, lived, died)
    assert done.exit_code == 6
    assert "# 2 runs against lived" in done.stdout
    both = json.loads(invoke("compare", lived, lived, died, "--format", "json").stdout)
    assert [one["verdict"] for one in both["comparisons"]] == ["no evidence", "worse"]
    rows = list(csv.DictReader(io.StringIO(invoke("compare", lived, died, "--format", "csv").stdout)))
    assert {row["new_run"] for row in rows} == {"died"}
    assert next(row for row in rows if row["figure"] == "life")["verdict"] == "worse"


def test_a_record_of_a_newer_schema_and_a_file_that_is_there_are_refused(
    invoke: Invoke, tmp_path: Path
) -> None:
    run, newer = write_record(tmp_path / "run"), write_record(tmp_path / "newer")
    text = json.loads((newer / "run.json").read_text())
    (newer / "run.json").write_text(json.dumps(text | {"schema": 99}))
    wrong = invoke("compare", run, newer)
    assert wrong.exit_code == 2
    assert "schema 99" in wrong.stderr
    out = tmp_path / "out.md"
    assert invoke("compare", run, run, "--out", out).exit_code == 0
    first = out.read_text(encoding="utf-8")
    again = invoke("compare", run, run, "--out", out)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert invoke("compare", run, run, "--out", out, "--force").exit_code == 0
    assert first == out.read_text(encoding="utf-8")


def test_a_record_of_an_older_schema_compares(invoke: Invoke, tmp_path: Path) -> None:
    run, older = write_record(tmp_path / "run"), write_record(tmp_path / "older")
    text = json.loads((older / "run.json").read_text())
    text["scenario"]["expect"] = {"hit_rate": 90.0}
    (older / "run.json").write_text(json.dumps(text | {"schema": 1}))
    done = invoke("compare", older, run)
    assert done.exit_code == 0, done.stderr
    assert "expect: pool.hit\\_rate" in done.stdout


def test_nothing_of_a_record_is_markup(invoke: Invoke, tmp_path: Path) -> None:
    plan = msgspec.structs.replace(scenario(), name="<script>|x")
    run = write_record(tmp_path / "<b>|run", plan)
    done = invoke("compare", run, run)
    assert "<script>" not in done.stdout
    assert "<b>" not in done.stdout


def test_of_a_directory_of_runs_the_newest_that_passed_is_the_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given three runs of the scenario, of which the newest failed, and a newer one of another
    for name, day, plan, verdict in (
        ("old", 1, "synthetic", "pass"), ("good", 2, "synthetic", "pass"),
        ("bad", 3, "synthetic", "fail"), ("other", 4, "other", "pass"),
    ):  # fmt: skip
        run = write_record(tmp_path / name, msgspec.structs.replace(scenario(), name=plan))
        text = json.loads((run / "run.json").read_text())
        text["started_at"] = f"2026-01-0{day}T00:00:00+00:00"
        (run / "run.json").write_text(json.dumps(text))
        write_result(run, msgspec.structs.replace(judge(read_record(run)), verdict=verdict))
    for place, name in (("", "good"), ("bad", "bad")):
        found = read_baseline(tmp_path / place, "synthetic")
        assert found is not None
        assert found.path.name == name
    assert capsys.readouterr().err == ""
    # then a scenario of which there is none yet is told, with what there is, and so is one that never passed
    assert read_baseline(tmp_path, "third") is None
    said = capsys.readouterr().err
    assert "has no run of scenario 'third', only of 'synthetic', 'other'" in said
    (tmp_path / "empty").mkdir()
    for place in ("empty", "not-there"):
        assert read_baseline(tmp_path / place, "synthetic") is None
        assert "no earlier run to compare with" in capsys.readouterr().err
    # and a run of another scenario that is named itself is taken, with a warning
    other = read_baseline(tmp_path / "other", "synthetic")
    assert other is not None
    assert other.path.name == "other"
    said = capsys.readouterr().err
    assert "is a run of scenario 'other', not of 'synthetic'" in said


def test_what_cannot_be_read_as_a_baseline_is_refused_by_its_flag(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no run")
    run = write_record(tmp_path / "damaged")
    (run / "run.json").write_text("{")
    for name, said in (("file", "is a file; name a run's directory"), ("damaged", "run.json")):
        with pytest.raises(RecordError, match=f"^--baseline: .*{said}"):
            read_baseline(tmp_path / name, "synthetic")


@pytest.mark.parametrize(("code", "left_with"), [(0, 6), (1, 1), (4, 4), (5, 5)])
def test_the_runs_own_exit_code_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, left_with: int
) -> None:
    # given a run that is worse than its baseline, and has come to something itself
    base = make_record(tmp_path / "base")
    new = make_record(tmp_path / "new", counters={"consumer.gaps": 30, "consumer.missing": 60})
    assert judged(base, base).exit_code == 0
    monkeypatch.setattr(
        "zcbench.verdict.judge",
        lambda record: msgspec.structs.replace(judge(record), exit_code=code),
    )
    # when it is judged against it
    result = judged(new, base)
    # then a regression makes a failure only of a pass, and what became worse is said of each
    assert result.exit_code == left_with
    finding = result.findings[-1]
    assert (finding.check, finding.outcome) == ("baseline", "fail")
    assert str(finding.evidence["Gaps in the sequence"]).startswith("0 of 3,000 → 30 of 3,000")


def test_a_regression_is_in_all_that_a_job_reads(invoke: Invoke, tmp_path: Path) -> None:
    # given a run that delivers half as fast as its baseline, and passes every other check
    base, new = slower(tmp_path)
    assert judge(new).verdict == "pass"
    # when it is closed
    record, result = close(new.path, ("md", "junit", "json", "html"), None, base)
    # then each report is red, and says of what
    assert (result.verdict, result.exit_code) == ("fail", 6)
    stored = json.loads((new.path / "result.json").read_text())
    assert (stored["verdict"], stored["exit_code"]) == ("fail", 6)
    suite = JUnitXml.fromfile(str(new.path / "junit.xml"))
    assert (suite.failures, suite.errors) == (1, 0)
    for name in ("report.md", "report.html", "junit.xml"):
        assert "worse in Delivery" in (new.path / name).read_text(encoding="utf-8"), name
    said = "\n".join(workflow_commands(record, result))
    assert "::error title=synthetic%3A baseline::against base: worse in Delivery" in said
    assert "::notice" not in said
    lines = [line.plain for line in summary(record, result, [new.path / "report.md"], 80, UNICODE)]
    assert "(exit code 6)" in lines[0]
    assert any(line.startswith("FAIL") and "baseline" in line for line in lines)
    # and the report that is made again says the same
    again = invoke("report", new.path, "--format", "json")
    assert json.loads(again.stdout)["exit_code"] == 6


def test_a_comparison_that_cannot_be_read_is_refused_by_its_name(invoke: Invoke, tmp_path: Path) -> None:
    run = write_record(tmp_path / "run")
    for text in ("{", '{"verdict": "worse", "comparisons": []}'):
        (run / "comparison.json").write_text(text)
        wrong = invoke("report", run)
        assert wrong.exit_code == 2
        assert "comparison.json: damaged" in wrong.stderr


def slower(tmp_path: Path) -> tuple[Record, Record]:
    """A sound run, and one whose packets take twice as long to be delivered."""
    return (
        make_record(tmp_path / "base", bend=delivering(1.0)),
        make_record(tmp_path / "new", bend=delivering(2.0)),
    )
