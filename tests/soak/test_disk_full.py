"""The disk fills while a run is being sampled."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zcbench.record.reader import read_record
from zcbench.record.schema import SCOREBOARD_FILE, WORKER_EVENTS_FILE, End, Ending, Event, RunInfo
from zcbench.record.writer import RecordWriter
from zcbench.scenario import Scenario
from zcbench.soak.supervisor import run

Scenarios = Callable[..., Scenario]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB; skipped where mounting is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root on Linux")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


class FillsTheDisk:
    """Takes all the space there is at the first sample after the worker, too, has begun to write."""

    def __init__(self, disk: Path, worker: Path) -> None:
        self._filler, self._worker = disk / "filler", worker

    def on_start(self, run: RunInfo) -> None:
        pass

    def on_sample(self, row: Any) -> None:
        if not self._worker.is_file() or not self._worker.stat().st_size:
            return
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as file:
            for size in (4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def on_event(self, event: Event) -> None:
        pass

    def on_end(self, end: End) -> None:
        pass


def test_a_full_disk_ends_the_run_as_the_harness_s_failure_and_the_record_stays_whole(
    scenario: Scenarios, small_disk: Path
) -> None:
    # given a disk that is full soon after the first samples
    directory = small_disk / "run"
    directory.mkdir()
    # when the run goes on
    end = run(
        scenario(duration_s=60, every_s=0.05),
        directory,
        command=["test"],
        observers=[FillsTheDisk(small_disk, directory / WORKER_EVENTS_FILE)],
    )
    # then the harness is blamed and not the engine, the end is on disk, no row is cut in two
    assert end.ending is Ending.HARNESS
    assert "No space left" in (end.message or "")
    record = read_record(directory)
    assert record.end == end
    assert record.rows > 0
    assert record.problems == ()


@pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE is POSIX")
def test_a_file_size_limit_ends_the_run_as_the_harness_s_failure(
    scenario: Scenarios, supervisor: Callable[..., Any]
) -> None:
    # given a limit that samples.csv reaches after about two seconds
    limited = supervisor(scenario(duration_s=120, every_s=0.01), file_limit=72 * 1024)
    # when it is reached
    record = limited.record()
    # then the record says so, and its rows are whole
    assert record.end.ending is Ending.HARNESS
    assert "File too large" in (record.end.message or "")
    assert record.rows > 100
    assert record.problems == ()


def test_a_crash_on_a_full_disk_is_still_the_subject_s(
    scenario: Scenarios, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a disk that takes no sample any more, and a subject that dies before the first
    def refuse(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RecordWriter, "sample", refuse)
    end = run(scenario("hostile:Segfaults", every_s=30.0), directory, command=["test"])
    # then the sample that could not be written does not hide the crash
    assert end.ending is Ending.CRASHED
    assert end.signal == "SIGSEGV"
    assert read_record(directory).end == end


def test_a_subject_that_cannot_be_started_is_the_harness_s_failure(
    scenario: Scenarios, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    end = run(scenario(), directory, command=["test"])
    assert end.ending is Ending.HARNESS
    assert "could not be started" in (end.message or "")
    assert read_record(directory).end == end


@pytest.mark.parametrize("harm", ["cut short", "deleted"])
def test_a_record_that_somebody_harms_is_the_harness_s_failure_and_kills_no_supervisor(
    scenario: Scenarios, directory: Path, harm: str
) -> None:
    if harm == "deleted" and os.name != "posix":
        pytest.skip("Windows deletes no open file")

    class Harms(FillsTheDisk):
        def on_sample(self, row: Any) -> None:
            if not row["consumer.received"]:
                return
            if harm == "deleted":
                shutil.rmtree(directory, ignore_errors=True)
            else:
                os.truncate(directory / SCOREBOARD_FILE, 0)

    # given somebody who takes the page, or all, from under a run that goes well
    harmful = Harms(directory, directory)
    end = run(scenario(duration_s=60, every_s=0.2), directory, command=["test"], observers=[harmful])
    # then the run ends at once, and neither the subject nor a signal is blamed
    assert end.ending is Ending.HARNESS
    assert harm in (end.message or "")
    assert (end.elapsed_s or 60) < 50


def test_a_record_that_cannot_be_begun_names_the_file(
    scenario: Scenarios, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left") as caught:
        run(scenario(), directory, command=["test"])
    assert caught.value.filename == str(directory / "run.json")
