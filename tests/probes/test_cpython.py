"""CPython read from inside: exactly, in every process of a command, and without a change to the program."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import Any

import psutil
import pytest

from zcbench.probes.cpython import attaching, recognise
from zcbench.probes.cpython.injected._zcbench_inside import heap, loops, meter
from zcbench.probes.cpython.injected._zcbench_inside.settings import Settings
from zcbench.probes.cpython.probe import INJECTED, CPythonProbe
from zcbench.probes.malloc.meter import MallocMeter
from zcbench.probes.malloc.page import read_meter_page
from zcbench.probes.probe import Notice
from zcbench.probes.runtimes import Setting

EVERY_S = 0.2
BLOCKED_NS = 400_000_000
KEPT, SIZE = 20_000, 64  # objects of this class: bytes(31) is 64 bytes

# Does something of everything, and prints what it sees of itself.
PROGRAM = """
import asyncio, gc, os, signal, sys, threading, time

class Cyclic:
    def __init__(self):
        self.me, self.data = self, bytes(400)

class Bad:
    def __del__(self):
        raise ValueError("in a finaliser")

def seen():
    return [len(threading.enumerate()), [p for p in sys.path if "injected" in p],
            "sitecustomize" in sys.modules, len(gc.callbacks) * 0]

async def main():
    kept = []
    print("up", seen(), flush=True)
    sys.stdin.readline()
    for _ in range(30):
        for _ in range(1_000):
            Cyclic()
        await asyncio.sleep(0.02)
    kept += [i.to_bytes(31, 'big') for i in range(KEPT)]
    old = [Cyclic() for _ in range(3_000)]
    gc.collect()
    old = None  # garbage that only a full collection finds
    for _ in range(3):
        Bad()
    await asyncio.to_thread(sys.stdin.readline)
    pid = os.fork()
    if pid == 0:
        time.sleep(1.5)
        os._exit(7)
    print("child", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print("end", seen(), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    return len(kept)

print(asyncio.run(main()))
sys.exit(3)
""".replace("KEPT", str(KEPT))

# The program's own garbage is its leak, as it has turned collections off.
UNCOLLECTED = """
import gc, sys
gc.disable()
class Cyclic: pass
while True:
    for _ in range(1000):
        one = Cyclic(); one.me = one
    sys.stdin.readline() or sys.exit()
"""

WAITS = """
import signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("blocked", flush=True)
while not signal.sigpending():
    time.sleep(0.01)
print(signal.sigwait({signal.SIGUSR1}).name)
"""

GROWS = """
import sys, time
kept = []
until = time.monotonic() + 30
while time.monotonic() < until:
    kept.append(bytes(1000))
    time.sleep(0.002)
"""


@dataclass
class Subject:
    """A Python program, and the probe that reads it."""

    process: subprocess.Popen[str]
    probe: CPythonProbe
    rows: list[dict[str, Any]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @classmethod
    def start(
        cls, folder: Path, *words: str, environment: Mapping[str, str] | None = None, replaced: bool = False
    ) -> Subject:
        probe = CPythonProbe(Setting(folder, EVERY_S, 0.2, launched=True))
        given = {**os.environ, **(environment or {})}
        given |= probe.environment(given)
        if replaced:
            del given["PYTHONPATH"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [sys.executable, *words], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=given
        )
        subject = cls(process, probe)
        probe.begin(lambda: subject.processes())
        return subject

    def processes(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.process.pid)
            every = [first, *first.children(recursive=True)]
            return [one for one in every if one.status() != psutil.STATUS_ZOMBIE]
        except psutil.Error:
            return []

    def read(self) -> dict[str, Any]:
        self.rows.append(dict(self.probe.read()))
        self.notices += self.probe.notices()
        return self.rows[-1]

    def until(self, is_so: Any, limit_s: float = 60.0) -> dict[str, Any]:
        """The first reading of which ``is_so`` holds."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            row = self.read()
            if is_so(row):
                return row
            time.sleep(0.05)
        raise AssertionError(f"never came: {self.rows[-1]}, {self.notices}, {self.process.poll()}")

    def settled(self, more: int = 2) -> dict[str, Any]:
        """A reading that was made after now: of ``more`` settled collections later."""
        marks = self.read().get("gc.forced_collections") or 0
        return self.until(lambda row: (row.get("gc.forced_collections") or 0) >= marks + more)

    def say(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> tuple[str, str, int]:
        """What it printed since, on both streams, and its exit code."""
        out, err = self.process.communicate(timeout=60)
        self.read()
        self.probe.close()
        self.notices += self.probe.notices()
        return out, err, self.process.returncode


@dataclass
class Seen:
    """What the program did, and what was read of it."""

    plain: tuple[str, str, int]
    output: tuple[str, str, int]
    before: dict[str, Any]
    after: dict[str, Any]
    forked: dict[str, Any]
    last: dict[str, Any]
    rows: list[dict[str, Any]]
    quantities: set[str]


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Subject]]:
    """Programs that run side by side."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("zcbench.probes.cpython.probe.PATIENCE_NS", 10**9)
    root = tmp_path_factory.mktemp("others")
    own = root / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import sys\nprint('own', __name__, __spec__.origin, flush=True)\n")
    idle = "import sys; sys.stdin.readline()"
    custom = {"PYTHONPATH": str(own)}
    named = "import sys, sitecustomize as s; print(s.__file__, *sys.path); sys.stdin.readline()"
    subjects = {
        "isolated": Subject.start(root / "isolated", "-I", "-c", idle),
        "siteless": Subject.start(root / "siteless", "-S", "-c", idle),
        "replaced": Subject.start(root / "replaced", "-c", idle, replaced=True),
        "uncollected": Subject.start(root / "uncollected", "-c", UNCOLLECTED),
        "waits": Subject.start(root / "waits", "-c", WAITS),
        "own": Subject.start(root / "own-run", "-c", named, environment=custom),
        "traced": Subject.start(root / "traced", "-c", GROWS, environment={"PYTHONTRACEMALLOC": "1"}),
    }
    yield subjects
    monkeypatch.undo()
    for subject in subjects.values():
        subject.process.kill()
        subject.process.communicate()
        subject.probe.close()


@pytest.fixture(scope="module")
def seen(others: dict[str, Subject], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One run of the program with the probe, and one without, while the others run."""
    program = ("-W", "always", "-c", PROGRAM)
    plain = subprocess.Popen(
        [sys.executable, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    subject = Subject.start(tmp_path_factory.mktemp("seen") / "cpython", *program)
    said = subject.heard()
    before = subject.settled(1)
    # Its loop is kept by a read of its input until this shows.
    subject.until(lambda row: (row.get("event_loop.delay_max_ns") or 0) >= BLOCKED_NS)
    subject.say()
    subject.until(lambda row: (row.get("python.unraisable") or 0) >= 3)
    after = subject.settled()
    subject.say()
    forked = subject.until(lambda row: len(subject.probe._pages.pids) == 2)
    said += subject.heard() + subject.heard()
    last = subject.read()
    subject.say()
    out, err, code = subject.end()
    quantities = {one.name for one in subject.probe.quantities()}
    return Seen(_ended(plain), (said + out, err, code), before, after, forked, last, subject.rows, quantities)


def _ended(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    out, err = process.communicate("\n\n\n", timeout=60)
    return out, err, process.returncode


def test_a_program_prints_the_same_and_ends_the_same(seen: Seen) -> None:
    assert seen.output[0] == seen.plain[0]
    assert seen.output[2] == seen.plain[2] == 3
    assert seen.output[1].count("in a finaliser") == seen.plain[1].count("in a finaliser") == 3
    assert len(seen.output[1].splitlines()) == len(seen.plain[1].splitlines())


def test_its_objects_are_counted_to_the_byte_after_collections(seen: Seen) -> None:
    grown = seen.after["python.object_bytes"] - seen.before["python.object_bytes"]
    # What asyncio's thread and its own frames take is little beside; the garbage, 15 MB, is none of it.
    assert KEPT * SIZE <= grown < KEPT * SIZE * 1.2
    blocks = seen.after["python.blocks"] - seen.before["python.blocks"]
    assert KEPT <= blocks < KEPT * 1.2
    assert 0 < seen.after["python.large_blocks"] < seen.after["python.blocks"]


def test_collections_and_pauses_are_counted_and_the_harness_s_own_apart(seen: Seen) -> None:
    row = seen.last
    assert row["runtime.collections"] > row["runtime.full_collections"] >= 2 * row["gc.forced_collections"] > 0
    assert 0 < row["gc.forced_pause_ns"] <= row["runtime.pause_ns"] * 1.5
    assert row["python.unraisable"] == 3
    assert row["probe.cpython.inside_ns"] > 0


def test_a_blocked_event_loop_shows_in_its_delay(seen: Seen) -> None:
    longest = max(row.get("event_loop.delay_max_ns") or 0 for row in seen.rows)
    assert longest >= BLOCKED_NS
    assert {"event_loop.delay_p50_ns", "event_loop.delay_p99_ns", "event_loop.delay_max_ns"} <= seen.quantities


def test_a_loop_that_waits_is_not_woken_and_one_that_is_kept_is_met() -> None:
    loop, asks = asyncio.new_event_loop(), loops.Loops()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    give, woken = loop.call_soon_threadsafe, []
    loop.call_soon_threadsafe = lambda *words: woken.append(words) or give(*words)  # type: ignore[method-assign]
    try:
        wait_until(lambda: loop.is_running() and asks._waiting([loop]))
        asks.look()
        assert asks.ask(monotonic_ns())
        assert (len(asks.delays), woken) == (1, [])
        # nothing of the other thread's is kept, as a frame that holds itself would
        frames = [one for one in gc.get_objects() if inspect.isframe(one)]
        assert not [one for one in frames if one.f_code.co_filename == loops.__file__]
        del frames
        entered, go_on = threading.Event(), threading.Event()
        give(lambda: entered.set() or go_on.wait())
        entered.wait()
        began = monotonic_ns()
        asks.ask(began)
        assert len(woken) == 1
        time.sleep(0.05)
        kept_ns = monotonic_ns() - began
        go_on.set()
        wait_until(lambda: len(asks.delays) == 2)
        assert asks.delays[1] >= kept_ns
        # one that has something to do all the time never waits, though it asks what is new at every turn
        turns: list[int] = []
        give(turning := lambda: turns.append(1) or (loop.call_soon(turning) if len(turns) < 10**6 else None))
        wait_until(lambda: len(turns) > 10)
        assert not any(asks._waiting([loop]) for _ in range(20))
        turns.extend([1] * 10**6)
    finally:
        give(loop.stop)
        thread.join()
        loop.close()


def wait_until(holds: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_forked_child_has_its_own_page_and_what_it_counted_stays(seen: Seen) -> None:
    assert seen.forked["python.unraisable"] == 3  # not its parent's again
    assert seen.last["runtime.collections"] >= seen.forked["runtime.collections"]


def _reason(subject: Subject) -> str:
    subject.until(lambda _row: bool(subject.notices))
    assert subject.probe.quantities() == ()
    return subject.notices[0].message


def test_a_python_that_takes_nothing_from_outside_is_named_with_the_reason(others: dict[str, Subject]) -> None:
    assert "it was started with -I" in _reason(others["isolated"])
    assert "it was started with -S" in _reason(others["siteless"])
    assert "without the PYTHONPATH that it was given" in _reason(others["replaced"])


def test_garbage_of_a_program_without_collections_is_left_to_it(others: dict[str, Subject]) -> None:
    subject = others["uncollected"]
    before = subject.settled()
    subject.say()
    after = subject.settled()
    assert after["python.object_bytes"] - before["python.object_bytes"] > 1000 * 48
    assert after["gc.forced_pause_ns"] == 0


def test_a_signal_that_the_program_waits_for_reaches_it(others: dict[str, Subject]) -> None:
    subject = others["waits"]
    assert subject.heard() == "blocked\n"
    subject.settled(1)
    subject.process.send_signal(signal.SIGUSR1)
    out, _err, code = subject.end()
    assert (out, code) == ("SIGUSR1\n", 0)


def test_the_program_s_own_sitecustomize_runs_in_its_place(others: dict[str, Subject]) -> None:
    subject = others["own"]
    folder = str(subject.probe._pages.folder.parent / "own")
    assert subject.heard() == f"own sitecustomize {folder}/sitecustomize.py\n"
    file, *path = subject.heard().split()
    assert file == f"{folder}/sitecustomize.py"
    assert folder in path
    assert str(INJECTED) not in path
    subject.settled(1)


def test_with_tracemalloc_the_lines_that_grew_are_told(others: dict[str, Subject]) -> None:
    subject = others["traced"]
    folder = subject.probe._pages.folder
    subject.until(lambda _row: any(folder.glob("*.sites")))
    subject.process.terminate()
    subject.end()
    told = [notice for notice in subject.notices if notice.kind == "allocations"]
    assert len(told) == 1
    site = told[0].data["sites"][0]
    assert site["site"] == "<string>:6"
    assert site["grown_bytes"] >= 1000 * site["grown_blocks"] > 0


def test_a_process_that_runs_already_begins_by_the_script_and_ends_when_its_page_goes(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (tmp_path / "attach.py").write_text(
        attaching.script(str(INJECTED), Settings(str(pages), None, traced=False).text())
    )
    program = f"""
import gc, os, sys, time
hook = sys.unraisablehook
path = list(sys.path)
exec(open({str(tmp_path / "attach.py")!r}).read())
assert sys.path == path
page = os.path.join({str(pages)!r}, f"{{os.getpid()}}.page")
until = time.monotonic() + 30
while not (os.path.exists(page) and gc.callbacks and sys.unraisablehook != hook) and time.monotonic() < until:
    time.sleep(0.01)
print(len(gc.callbacks), sys.unraisablehook != hook)
os.unlink(page)
while gc.callbacks and time.monotonic() < until:
    time.sleep(0.01)
print(len(gc.callbacks), sys.unraisablehook == hook, len(os.listdir("/proc/self/task")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.split("\n")[:1] == ["1 True"], done.stderr
    assert done.stdout.split("\n")[1].startswith("0 True")


def test_a_python_too_old_to_be_asked_is_named(tmp_path: Path) -> None:
    idle = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        probe = CPythonProbe(Setting(tmp_path / "cpython", 1.0, 1.0, launched=False))
        probe.begin(lambda: [psutil.Process(idle.pid)])
        for thread in probe._threads:
            thread.join()
        message = " ".join(notice.message for notice in probe.notices())
        if sys.version_info < attaching.OLDEST:
            assert "3.14 is the first that can be read while it runs" in message
        probe.close()
    finally:
        idle.communicate()


def test_an_executable_s_name_tells_the_version() -> None:
    assert recognise.of_name("python3.11") == (3, 11)
    assert recognise.of_name("python3.13t") == (3, 13)
    assert recognise.of_name("python") == (3, 0)
    assert recognise.of_name("python2.7") == (2, 7)
    assert [recognise.of_name(name) for name in ("pypy3", "node", "python-config", "bpython")] == [None] * 4


def test_python_s_own_options_end_where_the_program_begins() -> None:
    assert recognise.options(["-IS", "-m", "x", "-E"]) == "ISm"
    assert recognise.options(["-W", "error", "-u", "x.py", "-S"]) == "Wu"
    assert recognise.options(["-Xdev", "-c", "pass", "-I"]) == "Xc"
    assert recognise.options(["x.py", "-I"]) == ""


def test_statistics_of_the_allocator_are_parsed() -> None:
    text = b"""Small block threshold = 512, in 32 size classes.

class   size   num pools   blocks in use  avail blocks
-----   ----   ---------   -------------  ------------
    0     16           1             421           597
    3     64          12           3,000             1
   31    512           2               7            55

# arenas allocated total           =                    5
"""
    assert heap.parse(text) == (16 * 421 + 512 * 7, 428)
    assert heap.parse(b"nothing") is None


def test_the_meter_s_page_is_read_inside_as_it_is_outside(tmp_path: Path) -> None:
    malloc = MallocMeter(tmp_path / "malloc")
    program = """
import sys; sys.path.insert(0, sys.argv[1])
from _zcbench_inside import meter
print(meter.live_bytes()); kept = bytearray(10_000_000); print(meter.live_bytes(), flush=True); input()
"""
    given = {**os.environ, **malloc.environment(os.environ)}
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(INJECTED)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=given
    )
    assert process.stdout is not None
    before, after = int(process.stdout.readline()), int(process.stdout.readline())
    outside = read_meter_page(tmp_path / "malloc" / f"{process.pid}.page").live_bytes
    process.communicate(b"\n")
    assert 0 <= after - before - 10_000_000 < 100_000
    assert abs(outside - after) < 100_000
    assert meter.live_bytes() is None or "ZCBENCH_MALLOC_DIR" in os.environ
    assert meter.parse(b"ZCMALLOC".ljust(16_384, b"\0")) is None


def test_settings_survive_their_text() -> None:
    for one in (Settings("/a|b c", None, True), Settings("/a", 12, False)):
        again = Settings.parse(one.text())
        assert vars(again) == vars(one)


def test_the_folder_comes_before_what_the_user_has_on_the_path(tmp_path: Path) -> None:
    probe = CPythonProbe(Setting(tmp_path / "cpython", 1.0, 1.0, launched=True))
    given = probe.environment({"PYTHONPATH": "/mine"})
    assert given["PYTHONPATH"] == f"{INJECTED}{os.pathsep}/mine"
    assert probe.environment({})["PYTHONPATH"] == str(INJECTED)  # an empty part would be the working directory
    probe.close()
