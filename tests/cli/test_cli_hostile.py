"""Exit codes belong to the harness: neither foreign code nor who reads stdout changes a verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke, clean_environment, program
from tests.cli.test_cli_errors import refused

POSIX = pytest.mark.skipif(os.name != "posix", reason="shells, signals and /dev are POSIX")
COMMAND = f"{sys.executable} -m zcbench"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module ``theirs``, importable by every process, to be written."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "theirs.py"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.exit(0)", "it called sys.exit(0)"),
        ("import os; os._exit(0)", "left with exit code 0"),
        ("import os; os.abort()", "the process that imported it"),
        ("class Panic(BaseException): pass\nraise Panic('rust')", "Panic: rust"),
        ("def broken(:", "SyntaxError"),
        ("raise RuntimeError('x' * 10**6)", "RuntimeError: xxx"),
        ("raise RuntimeError('\\x1b[2J\\u202e')", "RuntimeError: \N{REPLACEMENT CHARACTER}[2J"),
        ("def f(): f()\nf()", "RecursionError"),
        ("Engine = 5", "is no class, but 5"),
        ("print('{\"realtime\": true}'); Engine = 5", "is no class"),
        ("def __getattr__(name): raise SystemExit(0)", "it called sys.exit(0)"),
    ],
)
def test_an_engine_whose_import_does_as_it_likes_is_refused(
    invoke: Invoke, module: Path, code: str, says: str
) -> None:
    module.write_text(code)
    result = invoke("run", "--engine", "theirs:Engine", "--out", "run")
    refused(result, says, "theirs:Engine")
    assert len(result.stderr) < 1000
    assert not Path("run").exists()


def test_a_dry_run_says_which_foreign_code_it_has_run(invoke: Invoke, module: Path) -> None:
    module.write_text("from zcbench.capture.reference import ReferenceEngine as Engine")
    result = invoke("run", "--engine", "theirs:Engine", "--dry-run")
    assert result.exit_code == 0
    assert "theirs:Engine was imported, in a process of its own" in result.stderr
    assert "imported" not in invoke("run", "--engine", "reference", "--dry-run").stderr


@pytest.mark.parametrize("name", ["../x:Y", ":Y", "x:", "a b:Y", "x" * 9999 + "/:Y"])
def test_what_cannot_be_a_class_is_refused_in_a_line(invoke: Invoke, name: str) -> None:
    result = invoke("run", "--engine", name)
    refused(result, "write package.module:Class")
    assert len(result.stderr) < 1000


# -- streams


def shell(line: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = clean_environment() | variables
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, env=environment, capture_output=True, timeout=60, check=False
    )


@POSIX
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{report} | true; exit ${{PIPESTATUS[0]}}", 0),
        ("{zcbench} --help | true; exit ${{PIPESTATUS[0]}}", 0),
        ("{report} >&-", 0),
        ("{report} <&- >&- 2>&-", 0),
        ("{report} 2> >(true)", 0),
    ],
)
def test_who_reads_stdout_changes_no_exit_code(
    finished_run: Path, tmp_path: Path, line: str, code: int
) -> None:
    report = f"{COMMAND} report {finished_run}"
    done = shell(line.format(report=report, zcbench=COMMAND), tmp_path)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
def test_what_could_not_be_printed_is_said_where_printing_is_all(finished_run: Path, tmp_path: Path) -> None:
    done = shell(f"{COMMAND} report {finished_run} > /dev/full", tmp_path)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [b"zcbench: stdout: not all could be written (No space left on device)"]


@POSIX
def test_a_run_with_nothing_to_read_from_or_to_write_to_keeps_its_verdict(tmp_path: Path) -> None:
    line = f"{COMMAND} run crash-debug --duration 300ms --report json --out run <&- >&- 2>&-"
    assert shell(line, tmp_path).returncode == 0
    assert (tmp_path / "run" / "result.json").is_file()


@pytest.mark.parametrize("columns", ["0", "-5", "9" * 5000, "wide"])
def test_columns_that_are_no_width_are_none(finished_run: Path, tmp_path: Path, columns: str) -> None:
    done = program("watch", finished_run, cwd=tmp_path, COLUMNS=columns)
    assert done.returncode == 0, done.stderr
    assert "PASS" in done.stderr


def test_a_terminal_that_knows_ascii_only_is_written_to(finished_run: Path, tmp_path: Path) -> None:
    done = program("watch", finished_run, cwd=tmp_path, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "PASS" in done.stderr
    assert done.stderr.isascii()


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_reports_are_made_leaves_the_verdict_and_no_torn_report(
    tmp_path: Path, number: int, code: int
) -> None:
    # given a report that takes its time, in code that is run from text as a dataclass's methods are
    (tmp_path / "jinja2.py").write_text("exec('import time; time.sleep(60)')")
    arguments = ["run", "crash-debug", "--duration", "300ms", "--quiet", "--out", "run"]
    running = subprocess.Popen(
        [sys.executable, "-m", "zcbench", *arguments],
        cwd=tmp_path,
        env=clean_environment() | {"PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    # when the signal comes once the verdict is on disk
    while not (tmp_path / "run" / "result.json").exists():
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(number)
    said = running.communicate(timeout=60)[1]
    # then it ends by that, says how to go on, and leaves no half of a report
    assert running.returncode == code, said
    assert "zcbench report run` makes its reports again" in said
    assert "Traceback" not in said
    assert not [path for path in (tmp_path / "run").rglob("*") if "partial" in path.name]
    assert not (tmp_path / "run" / "report.md").exists()


@pytest.mark.parametrize("flag", ["--tag", "--set"])
def test_a_value_that_is_no_utf8_is_refused_before_the_run(invoke: Invoke, flag: str) -> None:
    refused(invoke("run", flag, "description=\udcff", "--out", "run"), "is no text in UTF-8")
    assert not Path("run").exists()
