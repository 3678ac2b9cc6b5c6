"""`--report`, `--report-dir`, `--github` and `zcbench schema` as a user types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from junitparser import JUnitXml

from tests.cli.conftest import Invoke, program
from tests.cli.test_cli_errors import files_below, refused
from zcbench.record.schema import SCHEMA


def test_a_run_writes_the_formats_asked_for_and_prints_their_paths(tmp_path: Path) -> None:
    arguments = [
        "crash-debug",
        "--duration",
        "300ms",
        "--out",
        "run",
        "--quiet",
        "--expect",
        "drops == 1",
    ]
    done = program("run", *arguments, "--report", "junit,md,json", "--report-dir", "reports", cwd=tmp_path)
    # then the paths come in the order asked for, the result is in the record as always, the report is not
    assert done.returncode == 1, done.stderr
    reports = tmp_path / "reports"
    assert [Path(line) for line in done.stdout.splitlines()] == [
        Path("reports") / name for name in ("junit.xml", "report.md", "result.json")
    ]
    assert (tmp_path / "run" / "result.json").read_bytes() == (reports / "result.json").read_bytes()
    assert not (tmp_path / "run" / "report.md").exists()
    xml = JUnitXml.fromstring((reports / "junit.xml").read_bytes())
    assert (xml.failures, xml.errors) == (1, 0)


def test_the_formats_may_come_from_variables(invoke: Invoke, here: Path) -> None:
    short = ("run", "crash-debug", "--duration", "300ms", "--out", "run", "--quiet")
    done = invoke(*short, ZCBENCH_REPORT="junit", ZCBENCH_REPORT_DIR="reports")
    assert done.stdout.splitlines() == [str(Path("reports") / "junit.xml")]
    assert (here / "reports" / "junit.xml").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--report", "md,htlm"], "no report format 'htlm'"),
        (["--report", "md,htlm", "--dry-run"], "no report format 'htlm'"),
        (["--report-dir", "file"], "--report-dir file: file is a file; name a directory"),
        (["--report-dir", "old"], "--report-dir old: holds a report.md already"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_runs(
    invoke: Invoke, here: Path, arguments: list[str], says: str
) -> None:
    (here / "file").write_text("mine")
    (here / "old").mkdir()
    (here / "old" / "report.md").write_text("mine")
    before = files_below(here)
    refused(invoke("run", *arguments), says)
    assert files_below(here) == before


def test_a_report_directory_that_is_lost_during_the_run_costs_no_record(
    invoke: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a file that takes the directory's place while the run is on
    monkeypatch.setattr("zcbench.cli.running.run_into", _in_the_way_of(here / "reports"))
    done = invoke("run", "crash-debug", "--duration", "300ms", "--out", "run", "--report-dir", "reports")
    # then the harness is blamed in one line, which says how to go on
    assert done.exit_code == 3
    assert done.stderr.splitlines()[-1].endswith("`zcbench report run` makes its reports again")
    assert json.loads((here / "run" / "result.json").read_text())["verdict"] == "pass"


def _in_the_way_of(path: Path) -> object:
    from zcbench.cli.running import run_into

    def watch(*arguments: object) -> None:
        run_into(*arguments)
        path.write_text("in the way")

    return watch


# -- zcbench report


def test_report_prints_one_format_and_writes_several(invoke: Invoke, here: Path, finished_run: Path) -> None:
    xml = invoke("report", finished_run, "--format", "junit").stdout
    assert JUnitXml.fromstring(xml.encode()).failures == 0
    assert json.loads(invoke("report", finished_run, "--format", "json").stdout)["verdict"]
    done = invoke("report", finished_run, "--format", "md,junit", "--report-dir", "out")
    assert done.stdout.splitlines() == [str(Path("out") / n) for n in ("report.md", "junit.xml")]
    assert sorted(p.name for p in (here / "out").iterdir() if p.is_file()) == [
        "junit.xml",
        "report.md",
    ]


def test_report_loses_nothing_unless_forced(invoke: Invoke, here: Path, finished_run: Path) -> None:
    (here / "report.md").write_text("mine")
    refused(invoke("report", finished_run, "--report-dir", "."), "holds a report.md already")
    refused(invoke("report", finished_run, "--report-dir", "report.md"), "is a file")
    refused(invoke("report", finished_run, "--report-dir", "report.md", "--force"), "is a file")
    assert (here / "report.md").read_text() == "mine"
    assert invoke("report", finished_run, "--report-dir", ".", "--force").exit_code == 0
    assert (here / "report.md").read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format", "md,junit"], "several formats need --report-dir"),
        (["--format", "junit,md", "--out", "x"], "several formats need --report-dir"),
        (["--out", "x", "--report-dir", "y"], "name one of them"),
        (["--format", "xml"], "no report format 'xml'"),
    ],
)
def test_formats_that_have_nowhere_to_go_are_refused(
    invoke: Invoke, here: Path, finished_run: Path, arguments: list[str], says: str
) -> None:
    refused(invoke("report", finished_run, *arguments), says)
    assert files_below(here) == {}


# -- GitHub


def test_a_github_job_gets_summary_annotations_and_outputs(tmp_path: Path) -> None:
    # given files that hold something already, one of them without a line's end
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    summary.write_text("# before\n")
    outputs.write_text("earlier=1")
    arguments = [
        "crash-debug",
        "--duration",
        "300ms",
        "--out",
        "run",
        "--quiet",
        "--expect",
        "drops == 1",
    ]
    done = program(
        "run", *arguments, "--github", "--json", cwd=tmp_path,
        GITHUB_STEP_SUMMARY=str(summary), GITHUB_OUTPUT=str(outputs),
    )  # fmt: skip
    # then annotations are on stderr, and stdout is the result alone
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "fail"
    # A busy machine may be late too, which is a warning.
    (line,) = (x for x in done.stderr.splitlines() if not x.startswith("::warning "))
    assert line.startswith("::error title=crash-debug%3A expect%3A drops == 1::engine.drops is 0")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("# before\n# crash-debug: ")
    assert "engine.drops is 0 (at the end), not as expected" in text
    assert "](figures/" not in text
    written = outputs.read_text(encoding="utf-8").splitlines()
    assert written[0] == "earlier=1"
    values = dict(zip([k.partition("<<")[0] for k in written[1::3]], written[2::3], strict=True))
    assert values == {
        "verdict": "fail",
        "exit-code": "1",
        "headline": "engine.drops is 0 (at the end), not as expected",
        "report": str(Path("run") / "report.md"),
        "run": "run",
    }


def test_without_the_flag_a_job_gets_nothing(invoke: Invoke, here: Path, finished_run: Path) -> None:
    (here / "summary").touch()
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(here / "summary")}
    done = invoke("report", finished_run, "--out", "x.md", **variables)
    assert (done.exit_code, done.stderr) == (0, "")
    assert (here / "summary").read_bytes() == b""


def test_a_summary_that_is_full_or_lost_is_told_and_changes_no_exit_code(
    invoke: Invoke, here: Path, finished_run: Path
) -> None:
    shutil.copytree(finished_run, here / "run")
    (here / "summary").write_bytes(b"x" * (1024 * 1024 - 10))
    variables = {"GITHUB_STEP_SUMMARY": str(here / "summary"), "GITHUB_OUTPUT": str(here / "run")}
    done = invoke("report", "run", "--out", "x.md", "--github", **variables)
    assert done.exit_code == 0
    assert "the step summary is full" in done.stderr
    assert "zcbench: GITHUB_OUTPUT: " in done.stderr
    assert (here / "summary").stat().st_size <= 1024 * 1024
    done = invoke("report", "run", "--out", "x.md", "--force", "--github", **dict.fromkeys(variables, ""))
    assert "GITHUB_OUTPUT is not set here" in done.stderr


# -- zcbench schema


def test_schema_prints_or_writes_the_json_schemas(invoke: Invoke, here: Path) -> None:
    assert json.loads(invoke("schema").stdout)["$id"] == f"urn:zcbench:schema:result:{SCHEMA}"
    names = [f"result-{SCHEMA}.json", f"run-{SCHEMA}.json"]
    done = invoke("schema", "--out", "docs")
    assert done.stdout.splitlines() == [str(Path("docs") / name) for name in names]
    run = (here / "docs" / names[1]).read_text(encoding="utf-8")
    assert json.loads(run) == json.loads(invoke("schema", "run").stdout)
    refused(invoke("schema", "rnu"), "no schema 'rnu'; did you mean 'run'?")
    (here / "file").touch()
    refused(invoke("schema", "--out", "file"), "--out file: cannot be written")
