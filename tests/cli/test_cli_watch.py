"""`zcbench watch`: a run seen from another terminal, which does not notice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.conftest import clean_environment, program
from tests.records import write_record
from zcbench.cli import watch
from zcbench.record.reader import read_record
from zcbench.record.schema import SAMPLES_FILE, Ending

Invoke = Callable[..., Result]


def test_a_run_is_watched_left_and_watched_again_and_does_not_notice(tmp_path: Path) -> None:
    # given a run that goes on
    ours = subprocess.Popen(
        [sys.executable, "-m", "zcbench", "run", "--duration", "6s", "--sample-every", "200ms",
         "--out", "run", "--report", "json", "--quiet"],
        cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    directory = tmp_path / "run"
    try:
        _wait_for(lambda: (directory / SAMPLES_FILE).is_file())
        # when somebody looks once, and somebody else stays until its end
        picture = program("watch", "run", "--once", cwd=tmp_path)
        watched = program("watch", "--root", ".", cwd=tmp_path)
    finally:
        assert ours.wait(30) == 0
    # then both saw it, the second to its end
    assert picture.returncode == 0, picture.stderr
    assert "packets" in picture.stdout
    assert watched.returncode == 0, watched.stderr
    assert "finished after 600 packets" in watched.stderr
    assert "PASS" in watched.stderr
    assert watched.stdout == ""
    # and the record holds nothing but the run
    record = read_record(directory)
    assert record.end.ending is Ending.FINISHED
    assert record.problems == ()
    assert {path.name for path in directory.iterdir()} == {
        "run.json", "samples.csv", "events.jsonl", "worker.jsonl", "scoreboard.bin", "result.json",
        "subject.log", "faulthandler.txt",
    }  # fmt: skip


def test_watching_writes_nothing(invoke: Invoke, tmp_path: Path) -> None:
    # given a finished run of which every byte and time is known
    directory = write_record(tmp_path / "run")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in directory.iterdir()}
    done = invoke("watch", directory)
    assert done.exit_code == 0
    # then watching has left each file as it was
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in directory.iterdir()} == before


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_leaves_the_run_alone(tmp_path: Path) -> None:
    # given somebody who watches a run that has no end yet
    directory = write_record(tmp_path / "run", partial=True)
    watcher = subprocess.Popen(
        [sys.executable, "-m", "zcbench", "watch", str(directory)],
        env=clean_environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with watcher:
        assert watcher.stderr is not None
        first = watcher.stderr.readline()
        watcher.send_signal(signal.SIGINT)
        rest = watcher.stderr.read()
    # then it says how to come back, and that is no failure
    assert watcher.returncode == 0, rest
    assert "synthetic" in first
    assert f"zcbench watch {directory}" in rest


DROPPED = """
import os, signal, sys, weakref
import zcbench.cli.watch as watch
from zcbench.cli import main
class Dies: pass
def drop(_reference):
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):  # a signal is seen between two steps
        pass
real_sleep = watch.time.sleep
def sleep(seconds):
    watch.time.sleep = real_sleep
    dies = Dies()
    reference = weakref.ref(dies, drop)
    del dies
watch.time.sleep = sleep
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_is_heard_where_python_drops_it(tmp_path: Path) -> None:
    # given an interruption that comes in a weak reference's callback
    directory = write_record(tmp_path / "run", partial=True)
    done = subprocess.run(
        [sys.executable, "-c", DROPPED, "watch", str(directory)],
        env=clean_environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    # then Python has dropped it, and the watcher leaves all the same
    assert "Exception ignored in" in done.stderr
    assert done.returncode == 0, done.stderr
    assert f"zcbench watch {directory}" in done.stderr


def test_a_record_that_nobody_writes_is_not_watched_for_ever(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a run whose supervisor was killed, and a watcher of little patience
    directory = write_record(tmp_path / "run", partial=True)
    monkeypatch.setattr(watch, "SILENT_S", -3.0)
    done = invoke("watch", directory)
    assert done.exit_code == 3
    assert "the supervisor was killed or stopped" in done.stderr


def test_what_is_no_run_cannot_be_watched(invoke: Invoke, here: Path) -> None:
    assert invoke("watch", "nothing").exit_code == 2
    done = invoke("watch")
    assert done.exit_code == 2
    assert "no runs there yet" in done.stderr


def _wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not there():
        assert time.monotonic() < until, "never came"
        time.sleep(0.02)
