"""What a subject leaves on the disk, and who is to blame for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest

from zcbench.record.reader import Record
from zcbench.record.schema import STDERR_FILE, Event
from zcbench.scenario import Scenario
from zcbench.soak import disk
from zcbench.soak.disk import TemporaryFolder, contents_of
from zcbench.subjects import output
from zcbench.subjects.inside.written_files import WrittenFiles

Scenarios = Callable[..., Scenario]
Runs = Callable[..., Record]


def event(record: Record, kind: str) -> Event:
    (found,) = [event for event in record.events if event.kind == kind]
    return found


# -- whose files


def test_the_files_that_a_subject_leaves_are_counted_and_then_removed(
    scenario: Scenarios, record_of: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given a subject that leaves a temporary file each 50 packets, beside others of the system's
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "somebody-elses").write_bytes(b"x")
    plan = msgspec.structs.replace(scenario(duration_s=2), fault="leaves-files")
    record = record_of(plan)
    left = event(record, "temporary_files").data
    # then its own are counted, during the stream and after its end, with their names
    assert left["files"] == 4
    assert left["bytes"] == 4 * len(b"forgotten")
    assert all(name.startswith("packet-") for name in left["names"])
    assert np.nanmax(record.samples["temporary_files"]) >= 1
    # then nothing of its folder stays
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("zcbench-")] == []


def test_a_neighbours_files_are_not_the_subjects(scenario: Scenarios, record_of: Runs, directory: Path) -> None:
    # given a process that writes into the run directory, and the working directory, while the subject runs
    class Neighbour:
        def on_start(self, _run: object) -> None: ...
        def on_event(self, _event: object) -> None: ...
        def on_end(self, _end: object) -> None: ...

        def on_sample(self, row: Mapping[str, int | float | None]) -> None:
            (directory / f"neighbour-{row['elapsed_s']}").touch()

    record = record_of(scenario(duration_s=1), Neighbour())
    assert len(list(directory.glob("neighbour-*"))) > 3
    assert event(record, "written_files").data["files"] == 0
    assert event(record, "temporary_files").data["files"] == 0


PROGRAM = """
import os, sys, tempfile
from pathlib import Path
from zcbench.subjects.inside.written_files import WrittenFiles
os.chdir(sys.argv[1])
Path("before").touch()
written = WrittenFiles(Path(sys.argv[1]) / "temporary")
os.mkdir("temporary")
Path("before").write_text("it was there")
Path("temporary/file").touch()
for n in range(3):
    Path(f"kept{n}").write_text("x" * n)
Path("gone").touch(); os.remove("gone")
Path("part").touch(); os.rename("part", "whole")
Path("read").exists() or open("kept0").close()
for n in range(2500):
    Path("one-of-many").touch(); os.unlink("one-of-many")
print(written.left())
"""


def test_only_what_a_process_made_and_left_is_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str({"files": 4, "bytes": 3, "names": ["kept0", "kept1", "kept2", "whole"]})


def test_more_files_than_are_noted_are_counted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.addaudithook", lambda _hook: None)
    monkeypatch.setattr("zcbench.subjects.inside.written_files.MOST_PATHS", 3)
    written = WrittenFiles(tmp_path / "temporary")
    for number in range(8):
        path = tmp_path / str(number)
        written._on_event("open", (str(path), "wb", os.O_WRONLY | os.O_CREAT))
        path.touch()
    assert written.left()["files"] == 8


# -- looking costs little


def test_a_huge_folder_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "MOST_ENTRIES", 10)
    for number in range(30):
        (tmp_path / str(number)).touch()
    seen = contents_of(tmp_path)
    assert (seen.files, seen.whole) == (10, False)


def test_a_dear_look_is_not_soon_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = TemporaryFolder()
    times = iter([0, 1_000_000, 1_000_000, 50_000_000, 200_000_000, 200_000_000, 200_000_000])
    monkeypatch.setattr(disk, "now_ns", lambda: next(times))
    assert folder.look() is not None  # takes 1 ms: the next is due 100 ms later
    assert folder.look() is None
    assert folder.look() is not None
    folder.remove()


def test_links_and_loops_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert contents_of(tmp_path).files == 2
    assert contents_of(tmp_path / "gone").files == 0


# -- output


@pytest.mark.skipif(os.name != "posix", reason="Windows truncates no open file")
def test_the_log_stays_bounded_and_all_of_it_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a log that is written to while it grows beyond what is kept
    monkeypatch.setattr(output, "LARGEST_LOG", 1000)
    monkeypatch.setattr(output, "KEPT_OF_LOG", 100)
    path = tmp_path / STDERR_FILE
    log = output.OutputLog(path)
    with path.open("ab", buffering=0) as subject:
        for _ in range(50):
            subject.write(b"0123456789" * 7)
            printed = log.size()
        assert path.stat().st_size < 1200
        # then the end, where a death shows, is still there; so is the beginning, and what is missing
        subject.write(b"the end")
        assert log.size() == 50 * 70 + 7
    text = path.read_bytes()
    assert printed == 50 * 70
    assert text.startswith(b"0123456789")
    assert text.endswith(b"the end")
    assert b"bytes of output were cut out here" in text


@pytest.mark.parametrize(("user", "mode"), [(0, 0o1777), (1000, 0o700)])
def test_a_subject_that_root_starts_may_become_another_user(
    monkeypatch: pytest.MonkeyPatch, user: int, mode: int
) -> None:
    # a database gives its rights up before it writes its first temporary file
    monkeypatch.setattr("os.geteuid", lambda: user)
    folder = TemporaryFolder()
    assert folder.path.stat().st_mode & 0o7777 == mode
    folder.remove()
