"""`zcbench run` and `zcbench report`: what is printed where, what is written, and how they leave."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result

from tests.cli.conftest import HOSTILE, clean_environment, program
from zcbench.record.reader import read_record
from zcbench.record.schema import REPORT_FILE, RESULT_FILE, SAMPLES_FILE

Invoke = Callable[..., Result]


def test_a_run_prints_the_path_of_its_report_and_nothing_else_on_stdout(tmp_path: Path) -> None:
    # given nothing but a duration and a pool / when it runs
    arguments = ["--duration", "300ms", "--pool", "10", "--tag", "branch=main"]
    done = program("run", *arguments, cwd=tmp_path)
    # then it passes, stdout is the report's path, and what a person reads is on stderr
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    report = tmp_path / line
    assert report.name == REPORT_FILE
    assert report.parent.parent == tmp_path / "reports" / "runs"
    # and everything calls it by what it is
    assert "soak 300ms, pool 10" in done.stderr
    assert "soak-300ms-pool-10" in report.parent.name
    assert report.read_text(encoding="utf-8").startswith("# soak 300ms, pool 10: ")
    # and the record says what was run
    record = read_record(report.parent)
    assert record.run.scenario.duration == 0.3
    assert record.run.tags == {"branch": "main"}
    assert record.run.command[:2] == ["zcbench", "run"]
    assert record.result is not None
    assert record.result.totals["engine.delivered"] == 30


def test_json_prints_the_result_and_quiet_says_nothing(tmp_path: Path) -> None:
    arguments = ["crash-debug", "--duration", "300ms", "--out", "run", "--report", "json"]
    done = program("run", *arguments, "--json", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["verdict"] == "pass"
    assert result["exit_code"] == 0
    assert result == json.loads((tmp_path / "run" / RESULT_FILE).read_text())
    assert done.stderr == ""


def test_a_run_s_exit_code_is_its_verdict_s(tmp_path: Path) -> None:
    # given an engine that raises after ten packets
    arguments = ["run", "--engine", "hostile:Raises", "--duration", "1s", "--out", "run"]
    # when it runs
    done = program(*arguments, "--json", cwd=tmp_path, PYTHONPATH=str(HOSTILE))
    # then the program leaves with 5, and the report is there all the same
    assert done.returncode == 5, done.stderr
    result = json.loads(done.stdout)
    assert (result["exit_code"], result["verdict"]) == (5, "fail")
    assert "the device went away" in (tmp_path / "run" / REPORT_FILE).read_text(encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_ends_a_run_early_with_its_report_written(tmp_path: Path) -> None:
    # given a run of an hour
    command = [sys.executable, "-m", "zcbench", "run", "--duration", "1h", "--out", "run"]
    process = subprocess.Popen(
        [*command, "--sample-every", "50ms"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        samples = tmp_path / "run" / SAMPLES_FILE
        give_up = time.monotonic() + 60
        while not (samples.exists() and samples.read_bytes().count(b"\n") > 3):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < give_up
            time.sleep(0.05)
        # when it is interrupted
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    # then it leaves as interrupted, with a report
    assert process.returncode == 130, err
    assert out.strip() == str(Path("run") / REPORT_FILE)
    assert (tmp_path / "run" / REPORT_FILE).is_file()
    assert read_record(tmp_path / "run").end.signal == "SIGINT"


def test_dry_run_prints_a_scenario_that_runs_the_same_and_writes_nothing(invoke: Invoke, here: Path) -> None:
    # given flags that replace what the scenario says
    flags = ["--unpaced", "--pool", "7", "--set", "limits.hang=1m", "--tag", "a=b"]
    first = invoke("run", "stability-5min", *flags, "--dry-run")
    assert first.exit_code == 0, first.output
    assert list(here.iterdir()) == []
    # when what was printed is itself the scenario
    (here / "again.toml").write_text(first.stdout, encoding="utf-8")
    second = invoke("run", "again.toml", "--dry-run")
    # then it resolves to the same
    assert second.stdout == first.stdout
    data = tomllib.loads(first.stdout)
    assert (data["pool"]["slots"], data["limits"]["hang"], data["tags"]) == (7, "1m", {"a": "b"})
    assert data["source"]["unpaced"] is True


def test_a_flag_goes_before_its_variable_before_the_scenario(invoke: Invoke, here: Path) -> None:
    (here / "x.toml").write_text("[pool]\nslots = 11\n[consumer]\nkind = 'copy'\n")

    def slots(*arguments: str, **variables: str) -> int:
        result = invoke("run", *arguments, "--dry-run", **variables)
        assert result.exit_code == 0, result.output
        found: int = tomllib.loads(result.stdout)["pool"]["slots"]
        return found

    assert slots("x.toml") == 11
    assert slots("x.toml", ZCBENCH_POOL="22") == 22
    assert slots("x.toml", "--pool", "33", ZCBENCH_POOL="22") == 33
    assert slots("--pool", "33", ZCBENCH_SCENARIO="x.toml") == 33
    assert slots(ZCBENCH_SCENARIO="x.toml", ZCBENCH_SET="pool.slots=44") == 44


def test_report_makes_the_same_report_from_the_directory_alone(invoke: Invoke, finished_run: Path) -> None:
    result = invoke("report", finished_run, "--report-dir", "again")
    assert result.exit_code == 0
    again = Path("again") / REPORT_FILE
    assert again.read_bytes() == (finished_run / REPORT_FILE).read_bytes()


def test_report_without_an_argument_takes_the_latest_run(
    invoke: Invoke, here: Path, finished_run: Path
) -> None:
    # given two runs of which the one whose name sorts first is the newer
    for name, started in (("b-older", "2024-01-01T00:00:00+00:00"), ("a-newer", None)):
        shutil.copytree(finished_run, here / "runs" / name)
        file = here / "runs" / name / "run.json"
        run = json.loads(file.read_text())
        run["id"], run["started_at"] = name, started or run["started_at"]
        file.write_text(json.dumps(run))
    # when no run is named / then the newer one is reported
    latest = invoke("report", "--root", "runs")
    assert latest.exit_code == 0
    assert latest.stdout == invoke("report", "runs/a-newer").stdout
    assert latest.stdout == invoke("report", ZCBENCH_ROOT="runs").stdout
    assert latest.stdout != invoke("report", "runs/b-older").stdout


def test_any_audio_file_can_replace_the_default_source(tmp_path: Path) -> None:
    # given a mono file at a rate of its own
    soundfile.write(tmp_path / "voice.flac", np.zeros((8000, 1), np.int16), 16_000)
    # when nothing but its path is given
    arguments = ["--path", "voice.flac", "--frames", "160", "--duration", "300ms", "--pool", "10"]
    quietly = ["--out", "run", "--report", "json", "--quiet"]
    done = program("run", *arguments, *quietly, cwd=tmp_path)
    # then it is captured at its own rate and channels: 100 packets/s of 160 mono floats
    assert done.returncode == 0, done.stderr
    result = read_record(tmp_path / "run").result
    assert result is not None
    assert result.totals["engine.delivered_bytes"] == 30 * 160 * 4


@pytest.mark.usefixtures("inputs")
def test_devices_lists_the_inputs_and_marks_the_default(invoke: Invoke) -> None:
    result = invoke("devices")
    assert result.exit_code == 0
    default, other = result.stdout.splitlines()
    assert default.startswith("*")
    assert "Microphone" in default
    assert "Line in" in other
    assert "8 ch" in other
    assert "Speakers" not in result.stdout


def test_scenarios_lists_each_shipped_one_in_a_line_of_its_own(invoke: Invoke) -> None:
    result = invoke("scenarios")
    assert result.exit_code == 0
    names = [line.split()[0] for line in result.stdout.splitlines()]
    assert "crash-debug" in names
    assert "nightly" in names
    for name in names:
        assert invoke("run", name, "--dry-run").exit_code == 0
