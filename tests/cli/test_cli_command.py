"""`zcbench run -- COMMAND`, --pid and --call: what is refused, and how Ctrl-C ends a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from click.testing import Result

from tests.cli.conftest import clean_environment
from tests.cli.test_cli_errors import files_below, refused
from zcbench.cli.diagnosis import traced
from zcbench.record.reader import read_record
from zcbench.record.schema import Ending
from zcbench.scenario import Scenario, SubjectTable
from zcbench.scenario.subject import is_kernels

Invoke = Callable[..., Result]
SLEEP = ("--", sys.executable, "-c", "import time; time.sleep(97)")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--"], "--: no command follows; write -- PROGRAM ARGUMENT..."),
        (["--", ""], "subject.command: names no program"),
        (["--engine", "native", *SLEEP], "--engine: engine: is about an engine of zcbench's"),
        (["--pool", "5", *SLEEP], "--pool: pool.slots: is about an engine of zcbench's"),
        (["--fault", "leak-every-10", *SLEEP], "leave it out"),
        (["--rate", "100/s", *SLEEP], "--rate: source.rate: is about an engine"),
        (["crash-debug", *SLEEP], "is about an engine of zcbench's"),
        (["--pid", "1", *SLEEP], "a run has one subject"),
        (["--pid", "1", "--call", "m:f"], "a run has one subject"),
        (["--", "./nowhere"], "subject.command: ./nowhere: no such file"),
        (["--cwd", "folder", "--", "./nowhere"], "./nowhere: no such file in folder (subject.cwd)"),
        (["--cwd", "folder", "--load", "./bare.sh", *SLEEP], "subject.load: ./bare.sh: no such file in folder"),
        (["--", "nowhere"], "subject.command: no program 'nowhere' in PATH"),
        (["--", "plain.txt"], "no program 'plain.txt' in PATH; write ./plain.txt for the file here"),
        (["--", "./plain.txt"], "./plain.txt: may not be executed; chmod +x it"),
        (["--", "./bare.sh"], "a text without #! at its beginning"),
        (["--", "./gone.sh"], "its first line names '/no/such/interpreter', which is not there; install that"),
        (["--", "./crlf.sh"], "which is not there (its line ends as on Windows: dos2unix mends that)"),
        (["--", "./folder"], "./folder: is a directory"),
        (["--cwd", "nowhere", *SLEEP], "subject.cwd: nowhere: no such directory"),
        (["--ready", "(", *SLEEP], "--ready: subject.ready: '(' is no regular expression"),
        (["--ready", "http://", *SLEEP], "names no host"),
        (
            ["--ready", "http://localhost:99999/", *SLEEP],
            "Port out of range 0-65535; write http://127.0.0.1:8080",
        ),
        (
            ["--scrape", "http://[::1/", *SLEEP],
            "--scrape: subject.scrape: 'http://[::1/' is no URL: Invalid IPv6",
        ),
        (["--scrape", "http://localhost:0/", *SLEEP], "names no port; write http://127.0.0.1:9100/metrics"),
        (["--read", "csv", *SLEEP], "--read: subject.read: 'csv' is not known; use jsonl"),
        (["--set", "subject.exit_codes=0,x", *SLEEP], "is not a whole number, as every item must be"),
        (["--ready", "up"], "has no effect without a command; it goes with -- ./my-engine"),
        (["--ready-limit", "0s", *SLEEP], "0s is not above 0 and at most a day"),
        (["--stop", "TERM", *SLEEP], "did you mean 'SIGTERM'?"),
        (["--grace", "-1s", *SLEEP], "a duration cannot be negative"),
        (["--load", "nowhere --fast", *SLEEP], "subject.load: no program 'nowhere' in PATH"),
        (["--load", "'", *SLEEP], "cannot be split into words"),
        (["--load", "", *SLEEP], "names no program"),
        (["--env", "PORT", *SLEEP], "--env: 'PORT' is not NAME=VALUE, as in THREADS=4"),
        (["--env", "2=3", *SLEEP], "'2' is not a name"),
        (["--set", "subject.args.port=1", *SLEEP], "the command has no {port} in it"),
        (["--set", "limits.processes=0", *SLEEP], "limits.processes: 0 is not above 0"),
        (["--diagnose", "--pid", "1"], "give the command that starts it"),
        (["--pid", "0"], "0 is no process id"),
        (["--pid", "four"], "--pid: subject.pid: 'four' is not a whole number"),
        (["--pid", str(2**31 - 1)], "no process 2147483647"),
        (["--pid", str(os.getpid())], "is zcbench itself, or what started it"),
        (["--pid", "1", "--stop", "SIGINT"], "has no effect on a process that runs already"),
        (["--call", "nowhere"], "'nowhere' is not package.module:function"),
        (["--call", "m:f", "--rate", "0/s"], "--rate: subject.rate: 0/s is not above 0"),
        (["--call", "m:f", "--rate", "fast"], "--rate: subject.rate: 'fast' is not a rate; write 100/s"),
        (["--setup", "m:f", *SLEEP], "has no effect on a command; it goes with --call"),
    ],
)
def test_a_subject_that_cannot_be_is_refused_in_a_line(
    invoke: Invoke, here: Path, arguments: list[str], says: str
) -> None:
    (here / "plain.txt").write_text("nothing")
    (here / "bare.sh").write_text("exit 0\n")
    (here / "bare.sh").chmod(0o755)
    for name, line in (("gone.sh", b"#! /no/such/interpreter -e\n"), ("crlf.sh", b"#!/bin/sh\r\n")):
        (here / name).write_bytes(line)
        (here / name).chmod(0o755)
    (here / "folder").mkdir()
    before = files_below(here)
    refused(invoke("run", *arguments), says)
    assert files_below(here) == before


def test_a_thread_of_the_kernel_is_told_from_a_program() -> None:
    kernels = "17 (ksoftirqd/1) S 2 0 0 0 -1 69238848 0 0 0 0 0 2 0 0 20 0 1 0 7 0 0"
    assert is_kernels(kernels)
    assert not is_kernels("17 (a) R) S 1 17 17 0 -1 4194560 1 2 3 4 5 6 0 0 20 0 1 0 7 8 9")


def test_a_dry_run_prints_the_subject_as_toml_that_says_the_same(invoke: Invoke, here: Path) -> None:
    words = ["--", "my engine", "--port", "{port}", "a'b"]
    keys = ("--set", "subject.args.port=80", "--set", "subject.exit_codes=[0, 3]")
    shown = invoke("run", "--dry-run", "--env", "A= 1 2 ", "--read", "jsonl", *keys, *words)
    assert shown.exit_code == 0, shown.stderr
    table = tomllib.loads(shown.stdout)
    assert table["subject"]["command"] == words[1:]
    assert table["subject"]["env"] == {"A": " 1 2 "}
    assert table["subject"]["exit_codes"] == [0, 3]
    assert not {"engine", "source", "pool", "consumer"} & table.keys()
    (here / "again.toml").write_text(shown.stdout)
    again = invoke("run", "--dry-run", "again.toml")
    assert tomllib.loads(again.stdout) == table


def test_a_scenario_may_give_variables_as_numbers(invoke: Invoke, here: Path) -> None:
    (here / "x.toml").write_text('[subject]\ncommand = "my-engine -v"\nenv = {THREADS = 4}\n')
    table = tomllib.loads(invoke("run", "--dry-run", "x.toml").stdout)["subject"]
    assert (table["command"], table["env"]) == (["my-engine", "-v"], {"THREADS": "4"})
    (here / "y.toml").write_text('[subject]\ncommand = ["a", 1]\n')
    refused(invoke("run", "--dry-run", "y.toml"), "y.toml:2: subject.command: 1 is not text")


def start(tmp_path: Path, *subject: str) -> subprocess.Popen[bytes]:
    """A run of an hour, once its first sample is there."""
    zcbench = subprocess.Popen(
        [sys.executable, "-m", "zcbench", "run", "--duration", "1h", "--quiet", "--out", "run", *subject],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
    )
    samples = tmp_path / "run" / "samples.csv"
    while not (samples.is_file() and samples.read_bytes().count(b"\n") > 1):
        assert zcbench.poll() is None
        time.sleep(0.05)
    return zcbench


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_supervisor_that_is_killed_takes_its_command_with_it(tmp_path: Path) -> None:
    zcbench = start(tmp_path, *SLEEP)
    started = psutil.Process(zcbench.pid).children(recursive=True)
    assert any("97" in word for process in started for word in process.cmdline())
    zcbench.kill()
    zcbench.wait()
    _, alive = psutil.wait_procs(started, timeout=30)
    assert not alive


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", ["command", "attached"])
def test_ctrl_c_ends_a_command_and_leaves_what_ran_before(tmp_path: Path, how: str) -> None:
    other = subprocess.Popen(SLEEP[1:])
    zcbench = start(tmp_path, *(SLEEP if how == "command" else ("--pid", str(other.pid))))
    started = psutil.Process(zcbench.pid).children(recursive=True)
    zcbench.send_signal(signal.SIGINT)
    assert zcbench.wait(60) == 130
    record = read_record(tmp_path / "run")
    assert record.end.ending is Ending.INTERRUPTED
    assert bool(started) is (how == "command")
    assert not any(process.is_running() for process in started)
    assert other.poll() is None, "a process that was only watched, or not at all, runs on"
    other.kill()
    other.wait()


def test_a_diagnosis_starts_a_command_again_with_python_s_tracing() -> None:
    scenario = traced(Scenario(subject=SubjectTable(command=("python", "x.py"), env={"A": "1"})))
    assert scenario.subject.env == {"A": "1", "PYTHONTRACEMALLOC": "1"}
    assert not scenario.sampling.tracemalloc
