"""The supervisor watches whatever says which processes it is: here a program without a page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from zcbench.clock import now_ns
from zcbench.probes.probe import Notice, Probe
from zcbench.probes.process import Process
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.reader import read_record, read_run
from zcbench.record.schema import STDERR_FILE, Ending, Phase
from zcbench.soak.supervisor import watch
from zcbench.subjects.subject import Counters, Death


class Program:
    """Any program: no page, nothing owed, done when it exits."""

    info = SubjectInfo(kind="command", title="the program")
    name = "the program"
    has_page = False
    stop_after_s: float | None = None
    due_packets: int | None = None
    ready_limit_s: float | None = None
    grace_s: float | None = None
    is_ours = True
    variables: Mapping[str, str] = {}
    is_asked = False

    def __init__(self, code: str) -> None:
        self._code = code

    def start(self, directory: Path, environment: Mapping[str, str]) -> None:
        with (directory / STDERR_FILE).open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-c", self._code], stdout=log, stderr=log, env=dict(environment)
            )
        self._process = Process(self._popen.pid)

    def probes(self, directory: Path) -> tuple[Probe, ...]:
        return ()

    def processes(self) -> tuple[Process, ...]:
        return (self._process,)

    def ask_to_stop(self) -> None:
        self.is_asked = True
        self._popen.terminate()

    def dump_stacks(self) -> None:
        self._popen.kill()

    def kill(self) -> None:
        self._popen.kill()

    def wait(self, timeout_s: float) -> int | None:
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def phase(self, counters: Counters) -> int | None:
        return Phase.RUNNING

    def output_bytes(self) -> int | None:
        return None

    def notices(self) -> tuple[Notice, ...]:
        return ()

    def death(self) -> Death:
        return Death()

    def close(self) -> None:
        pass

    def awaits(self) -> str:
        return "nothing"

    def asked(self) -> str | None:
        return "SIGTERM" if self.is_asked else None

    def is_done(self, counters: Counters) -> bool:
        return True

    def progress(self, counters: Counters) -> int:
        return now_ns()

    def owes(self, counters: Counters, now: int) -> bool:
        return False

    def due(self, counters: Counters, now: int) -> int | None:
        return None

    def stall(self, counters: Counters, limit: str) -> str:
        return f"it stood still for {limit}"


EXAMPLE = Path(__file__).parents[1] / "record" / "examples" / "schema-3"


def test_a_program_without_a_page_is_sampled_and_its_end_told(tmp_path: Path) -> None:
    for code, ending, message in (
        ("import time; time.sleep(1.5)", Ending.FINISHED, "exited normally"),
        ("raise SystemExit(3)", Ending.EXITED, "the program exited with code 3"),
    ):
        directory = tmp_path / ending
        directory.mkdir()
        run = msgspec.structs.replace(read_run(EXAMPLE), started_ns=now_ns(), subject=Program.info)
        end = watch(Program(code), run, directory)
        assert (end.ending, end.message, end.received) == (ending, message, None)
        record = read_record(directory)
        assert record.end.ending is ending
        # what nobody counted is missing, never zero
        assert np.isnan(record.samples["engine.delivered"]).all()
    rss = read_record(tmp_path / Ending.FINISHED).samples["rss_bytes"]
    assert np.nanmax(rss) > 0


def test_a_program_that_does_not_end_by_itself_is_asked_to_stop_at_its_time(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    program = Program(code)
    program.stop_after_s = 1.0
    run = msgspec.structs.replace(read_run(EXAMPLE), started_ns=now_ns(), subject=Program.info)
    end = watch(program, run, tmp_path)
    assert end.ending is Ending.FINISHED
    assert 1.0 <= (end.elapsed_s or 0) < 30
