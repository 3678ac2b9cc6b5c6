"""Node processes that run already: read through their inspector, of which nothing is left; what is not Node is
not touched."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from zcbench.probes.runtimes import Setting
from zcbench.probes.v8 import inspector, make, recognise

LIMIT_S = 60  # no promise: when a test gives up
SERVICE = "require('http').createServer((q, r) => r.end()).listen(0, '127.0.0.1', () => console.log(1))"
OWN_HANDLER = f"process.on('SIGUSR1', () => console.log('its own')); {SERVICE}"
INSPECTED = f"require('inspector').open(0); {SERVICE}"


@pytest.fixture
def started() -> Iterator[Any]:
    popens = []

    def start(*command: str) -> subprocess.Popen[str]:
        popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        popens.append(popen)
        assert popen.stdout is not None
        assert popen.stdout.readline() == "1\n"
        return popen

    yield start
    for popen in popens:
        popen.kill()
        popen.communicate()


def listening(popen: subprocess.Popen[str]) -> set[tuple[str, int]]:
    found = psutil.Process(popen.pid).net_connections(kind="tcp")
    return {(one.laddr.ip, one.laddr.port) for one in found if one.status == psutil.CONN_LISTEN}


def pages_open(popen: subprocess.Popen[str]) -> list[str]:
    return [one.path for one in psutil.Process(popen.pid).open_files() if ".page" in one.path]


def attached(folder: Path, popen: subprocess.Popen[str]) -> Any:
    probe = make(Setting(folder / str(popen.pid), gc_every_s=0.3, sample_every_s=0.2, launched=False))
    process = psutil.Process(popen.pid)
    probe.begin(lambda: [process])
    return probe


def until(holds: Any) -> Any:
    give_up = time.monotonic() + LIMIT_S
    while not (found := holds()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    return found


def test_its_heap_is_read_and_nothing_is_left_behind(tmp_path: Path, started: Any) -> None:
    popen = started("node", "-e", SERVICE)
    before = listening(popen)
    probe = attached(tmp_path, popen)
    row = until(lambda: (row := probe.read()).get("v8.heap_bytes") and row)
    assert row["v8.heap_bytes"] > 1_000_000
    assert pages_open(popen)
    # the inspector is closed while the run goes on
    until(lambda: listening(popen) == before)
    # that its loop has no time to spare is the machine's, where others take the cores
    assert not [notice for notice in probe.notices() if "the event loop is busy" not in notice.message]
    # with the run the agent ends, and the program does not
    probe.close()
    until(lambda: not pages_open(popen))
    assert popen.poll() is None


def test_what_its_program_has_done_with_the_signal_and_the_inspector_stays_so(
    tmp_path: Path, started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspector, "PATIENCE_S", 1.0)
    # one with a handler of its own starts no inspector, and is not read
    handling, inspected = started("node", "-e", OWN_HANDLER), started("node", "-e", INSPECTED)
    probe, other = attached(tmp_path, handling), attached(tmp_path, inspected)
    said = until(lambda: (probe.read(), probe.notices())[1])
    assert "handles that signal itself" in said[0].message
    assert handling.stdout.readline() == "its own\n"
    assert not probe.quantities()
    probe.close()
    # one whose inspector is open at an own port is asked by the signal, and refuses: two cannot be open
    before = listening(inspected)
    found = until(lambda: other.read().get("v8.heap_bytes") or other.notices())
    assert found
    assert listening(inspected) == before
    other.close()


def test_what_is_not_node_is_never_sent_a_signal(tmp_path: Path, started: Any) -> None:
    # a program that is called as Node is, and would be ended by the signal
    called = tmp_path / "node"
    shutil.copy(Path(sys.executable).resolve(), called)
    popen = started(str(called), "-c", "print(1, flush=True); import time; time.sleep(600)")
    probe = attached(tmp_path, popen)
    said = until(lambda: (probe.read(), probe.notices())[1])
    assert said[0].message.endswith("is not read: it is not Node")
    other = started(sys.executable, "-c", "print(1, flush=True); import time; time.sleep(600)")
    silent = attached(tmp_path, other)
    assert (silent.read(), silent.notices(), silent.quantities()) == ({}, (), ())
    assert popen.poll() is None
    assert other.poll() is None
    for one in (probe, silent):
        one.close()


def test_node_that_would_be_ended_by_the_signal_is_not_sent_it(
    started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = psutil.Process(started("node", "-e", SERVICE).pid)
    assert recognise.why_not(process) is None
    monkeypatch.setattr(process, "cmdline", lambda: ["node", "--disable-sigusr1"])
    assert "--disable-sigusr1" in str(recognise.why_not(process))
    monkeypatch.undo()
    # as of a Node that was told so by a file of its own
    monkeypatch.setattr(recognise, "_SIGNAL_BIT", 1 << 62)
    assert recognise.why_not(process) == "it does not listen for SIGUSR1"
    monkeypatch.setattr(recognise, "_SIGNAL_BIT", 0)
    monkeypatch.setattr(recognise.os, "geteuid", lambda: 4242)
    assert "another user's" in str(recognise.why_not(process))
