"""A process that runs already is read, and never stopped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.subjects.conftest import planned, recorded
from zcbench.record.reader import Record
from zcbench.record.schema import Ending
from zcbench.subjects.made import subject_of

CHILD = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep({0})'])"


def watched(pid: int, directory: Path, **keys: str) -> Record:
    flags = {"subject.pid": str(pid), "duration": "1s", "sampling.every": "100ms", **keys}
    return recorded(planned({key.replace("__", "."): text for key, text in flags.items()}), directory)


def test_it_is_read_with_its_children_and_runs_on(tmp_path: Path) -> None:
    code = CHILD.format(5) + "; time.sleep(97)"
    process = subprocess.Popen([sys.executable, "-c", code])
    record = watched(process.pid, tmp_path)
    assert process.poll() is None
    process.kill()
    process.wait()
    assert (record.end.ending, record.end.message) == (
        Ending.FINISHED, "watched to the end; the process runs on",
    )  # fmt: skip
    assert record.run.subject.pid == process.pid
    assert max(record.samples["threads"]) == 2  # its child's too
    assert not [event for event in record.events if event.kind == "temporary_files"]


def test_that_it_dies_in_the_middle_is_told(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.6)"])
    record = watched(process.pid, tmp_path, duration="1h")
    process.wait()
    assert record.end.ending is Ending.EXITED
    message = record.end.message or ""
    assert message.startswith("the process ended while it was watched after ")
    assert message.endswith(" of 1 h; its exit code is known to its parent alone")


def test_that_it_dies_as_the_watching_ends_is_told(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(97)"])
    subject = subject_of(planned({"subject.pid": str(process.pid)}))
    subject.start(tmp_path, {})
    subject.ask_to_stop()
    process.kill()
    process.wait()
    assert subject.wait(0.0) == 0
    assert subject.death().runs_on is False
    subject.close()


def test_one_that_eats_too_much_is_no_longer_watched_and_not_killed(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(97)"])
    record = watched(process.pid, tmp_path, limits__rss="1 KiB")
    assert process.poll() is None
    process.kill()
    process.wait()
    assert record.end.ending is Ending.MEMORY
    assert (record.end.message or "").startswith("no longer watched: ")


def test_what_another_user_s_process_does_not_show_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(97)"])

    def denied(self: psutil.Process) -> None:
        raise psutil.AccessDenied(self.pid)

    for name in ("num_fds", "num_handles", "memory_full_info"):
        if hasattr(psutil.Process, name):
            monkeypatch.setattr(psutil.Process, name, denied)
    record = watched(process.pid, tmp_path)
    process.kill()
    process.wait()
    assert record.end.ending is Ending.FINISHED
    # What a probe has to say of it names the probe.
    told = [event for event in record.events if event.kind == "probe" and "probe" not in event.data]
    (said,) = [event.message for event in told]
    assert said.startswith(f"descriptors and private memory of process {process.pid} cannot be read: ")
    assert said.endswith("; watch it as that user, or as root")
