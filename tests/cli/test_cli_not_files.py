"""Pipes, links and directories where files are wanted: nothing hangs, nothing is written elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke
from tests.cli.test_cli_errors import refused
from zcbench.record.schema import (
    EVENTS_FILE,
    RESULT_FILE,
    SAMPLES_FILE,
    SCOREBOARD_FILE,
    STDERR_FILE,
    WORKER_EVENTS_FILE,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")

KINDS: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a link to nowhere": lambda path: path.symlink_to("/nonexistent/nowhere"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a directory": Path.mkdir,
}


@pytest.fixture
def copy(finished_run: Path, here: Path) -> Path:
    return shutil.copytree(finished_run, here / "copy")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    [SAMPLES_FILE, EVENTS_FILE, WORKER_EVENTS_FILE, SCOREBOARD_FILE, RESULT_FILE, STDERR_FILE],
)
def test_a_record_with_something_else_in_place_of_a_file_is_reported(
    invoke: Invoke, copy: Path, kind: str, name: str
) -> None:
    (copy / name).unlink()
    KINDS[kind](copy / name)
    assert invoke("report", copy).exit_code == 0
    assert invoke("watch", copy, "--once").exit_code == 0


@pytest.mark.parametrize("arguments", [["run"], ["ingest"], ["ingest", "table.csv", "--mapping"]])
def test_a_pipe_that_nobody_writes_to_is_refused(invoke: Invoke, here: Path, arguments: list[str]) -> None:
    (here / "table.csv").write_text("elapsed_s,rss_bytes\n0,1\n1,2\n")
    os.mkfifo(here / "pipe.toml")
    refused(invoke(*arguments, "pipe.toml"), "pipe.toml")


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_replaces_what_is_there_and_follows_no_link(
    invoke: Invoke, here: Path, finished_run: Path, kind: str
) -> None:
    (here / "reports").mkdir()
    KINDS[kind](here / "reports" / "junit.xml")
    command = ["report", finished_run, "--format", "junit", "--report-dir", "reports"]
    refused(invoke(*command), "holds a junit.xml already")
    done = invoke(*command, "--force")
    if kind == "a directory":
        refused(done, "cannot be written")
    else:
        assert done.exit_code == 0, done.output
        assert (here / "reports" / "junit.xml").read_text(encoding="utf-8").startswith("<?xml")
        assert not (here / "reports" / "junit.xml").is_symlink()


def test_a_report_directory_that_is_a_link_to_nowhere_is_refused(
    invoke: Invoke, here: Path, finished_run: Path
) -> None:
    (here / "reports").symlink_to("/nonexistent/nowhere")
    refused(invoke("report", finished_run, "--report-dir", "reports"), "a link that leads nowhere")


def test_counters_that_all_the_network_can_read_are_warned_of(invoke: Invoke) -> None:
    command = ["run", "crash-debug", "--duration", "300ms", "--quiet", "--report", "json"]
    done = invoke(*command, "--metrics", "0.0.0.0:0", "--out", "open")
    assert "whoever reaches this machine can read the counters" in done.stderr
    done = invoke(*command, "--metrics", "127.0.0.1:0", "--out", "closed")
    assert done.stderr == ""
