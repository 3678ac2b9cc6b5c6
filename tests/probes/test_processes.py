"""The process tree is read from outside: sums over the living, kinds of descriptors, names that climb."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from zcbench.probes import procfs
from zcbench.probes.instruments import Instruments
from zcbench.probes.process import Process
from zcbench.probes.processes import probe as probe_module
from zcbench.probes.processes import reading as reading_module
from zcbench.probes.processes.descriptors import DESCRIPTOR_KINDS, SocketNames, kind_of, pattern
from zcbench.probes.processes.memory import ControlGroup
from zcbench.probes.processes.probe import CHEAP, DEAR, ProcessProbe
from zcbench.quantities.registry import VOCABULARY
from zcbench.soak.sampler import read_one

# Opens one or two of everything, says so, and waits.
EVERYTHING = """
import ctypes, os, select, shutil, socket, tempfile, threading, time
libc = ctypes.CDLL(None)
folder = tempfile.mkdtemp()
kept = [
    os.eventfd(0), os.eventfd(0), select.epoll(), os.memfd_create("pool-17"), libc.inotify_init(),
    libc.timerfd_create(1, 0), open("/dev/zero"), os.open("/", os.O_RDONLY), *os.pipe(),
    *(open(f"{folder}/block-{n}.dat", "w") for n in range(3)),
    *socket.socketpair(),
]
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
peer = server.accept()[0]
client.close()
block = bytearray(os.urandom(5_000_000))
for number in range(3):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
libc.prctl(15, b"main 12")
shutil.rmtree(folder)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def started() -> Iterator[Callable[..., Process]]:
    """Starts Python with some code, and waits for its first line."""
    popens = []

    def start(code: str) -> Process:
        popen = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        popens.append(popen)
        assert popen.stdout is not None
        assert popen.stdout.readline()
        return Process(popen.pid)

    yield start
    for popen in popens:
        if popen.poll() is None:
            for child in Process(popen.pid).children():
                child.kill()
        popen.kill()
        popen.communicate()


def begun(*processes: Process) -> ProcessProbe:
    probe = ProcessProbe()
    probe.begin(lambda: processes)
    return probe


def test_descriptors_are_counted_by_kind_and_named(started: Callable[..., Process]) -> None:
    probe = begun(started(EVERYTHING))
    row = probe.read()
    assert row["fds"] == sum(row[f"fds.{kind}"] for kind in DESCRIPTOR_KINDS)
    kinds = {kind: row[f"fds.{kind}"] for kind in DESCRIPTOR_KINDS}
    assert kinds == kinds | {"eventfd": 2, "epoll": 1, "memfd": 1, "inotify": 1, "timerfd": 1, "directory": 1}
    assert kinds["socket"] == 4
    assert kinds["file"] >= 3
    inventory = next(notice for notice in probe.notices() if notice.kind == "inventory").data
    names = inventory["fd_counts"]
    assert names["file block-*.dat (deleted)"] == 3  # one pattern, not three names
    assert names["memfd pool-* (deleted)"] == 1
    assert names["device zero"] == 1
    assert names["socket unix"] == 2
    assert names["socket tcp listen"] == 1
    assert names["socket tcp close_wait"] == 1  # who forgot to close it
    assert inventory["thread_counts"]["main *"] == 1
    assert sum(inventory["thread_counts"].values()) == 4 == row["threads"]


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("anon_inode:[eventpoll]", "epoll"),
        ("anon_inode:inotify", "inotify"),
        ("anon_inode:[signalfd]", "signalfd"),
        ("anon_inode:[io_uring]", "other"),
        ("/dmabuf:", "dmabuf"),
        ("anon_inode:dmabuf", "dmabuf"),
        ("/dev/shm/queue", "file"),
        ("/dev/dri/card0", "device"),
        ("/var/log/x (deleted)", "file"),
        ("net:[4026531992]", "other"),
    ],
)
def test_kinds(target: str, kind: str) -> None:
    assert kind_of(target, "/proc/self/fd/none") == kind


def test_a_file_of_the_kernels_is_read_to_its_end() -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(60)]
    try:  # more lines than the kernel gives in one answer
        inodes = {str(os.fstat(server.fileno()).st_ino) for server in servers}
        assert SocketNames().of(os.getpid(), inodes) == ["socket tcp listen"] * 60
    finally:
        for server in servers:
            server.close()


def test_names_are_patterns() -> None:
    assert pattern("worker-12") == "worker-*"
    assert pattern("3fa85f64c717.tmp") == "*.tmp"
    assert pattern("deadbeef.so") == "deadbeef.so"


def test_sums_are_over_the_living_and_totals_keep_what_the_ended_had(
    started: Callable[..., Process],
) -> None:
    work = "sum(range(3_000_000)); print(1, flush=True); import time; time.sleep(60)"
    first, second = started(work), started(work)
    probe = begun(first, second)
    both = probe.read()
    assert set(CHEAP) <= set(both)
    assert set(DEAR) - {"cgroup_bytes", "cgroup_anonymous_bytes"} <= set(both)
    assert both["processes"] == 2
    assert both["children"] == 1
    assert both["uss_bytes"] <= both["pss_bytes"] <= both["rss_bytes"] < both["virtual_bytes"]
    # A page that was not touched since the other reading is in neither.
    assert both["anonymous_bytes"] == pytest.approx(both["uss_bytes"] - both["file_bytes"], rel=0.05)
    second.kill()
    while second.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    one = probe.read()
    assert one["processes"] == 1
    assert one["zombies"] == 1
    assert one["rss_bytes"] < 0.7 * both["rss_bytes"]
    for name in reading_module.TOTALS:
        assert one[name] >= both[name], name
    first.kill()
    first.wait()
    assert "rss_bytes" not in probe.read()


def test_without_proc_psutil_reads_the_same(
    started: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = started("print(1, flush=True); import time; time.sleep(60)")
    by_proc = begun(process).read()
    monkeypatch.setattr(reading_module.procfs, "IS_LINUX", False)
    by_psutil = begun(process).read()
    same = ("rss_bytes", "virtual_bytes", "threads", "fds", "processes", "children", "uss_bytes")
    assert [by_psutil[name] for name in same] == pytest.approx([by_proc[name] for name in same], rel=0.05)
    assert by_psutil["cpu_user_s"] == pytest.approx(by_proc["cpu_user_s"], abs=0.02)  # a tick or two


def test_the_time_of_children_that_lived_between_two_samples_is_counted(
    started: Callable[..., Process],
) -> None:
    work = "t = time.process_time()\nwhile time.process_time() < t + 0.1: pass\n"
    waiting = (
        "import os, sys, time\nprint(1, flush=True)\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        f"        exec({work!r}); os._exit(0)\n"
        "    os.wait()\n"
        "print(2, flush=True); time.sleep(60)\n"
    )
    process = started(waiting)
    probe = begun(process)

    def cpu_s() -> float:
        row = probe.read()
        return (row["cpu_user_s"] or 0) + (row["cpu_system_s"] or 0)

    before, until_s = cpu_s(), time.monotonic() + 120
    while (now := cpu_s()) < before + 0.25 and time.monotonic() < until_s:
        time.sleep(0.01)
    assert now >= before + 0.25  # of 0.3 s, as the kernel's ticks have it
    # Nobody of the subject waits for this one: what it had counted stays.
    process.kill()
    process.wait()
    assert probe.read() == {}
    assert probe._ended["cpu_user_s"] + probe._ended["cpu_system_s"] >= now


def test_a_process_id_that_came_back_is_not_the_same_process(
    started: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = begun(started("print(1, flush=True); import time; time.sleep(60)"))
    assert probe.read()["processes"] == 1
    real = procfs.parse_stat
    monkeypatch.setattr(
        procfs, "parse_stat", lambda content: real(content)._replace(start_ns=real(content).start_ns + 10**7)
    )
    assert probe.read() == {}


def test_what_is_another_users_is_said_once_and_missing(
    started: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = (started("print(1, flush=True); import time; time.sleep(60)") for _ in range(2))

    def refused(real: Callable[..., object]) -> Callable[..., object]:
        def ask(target: object, *others: object) -> object:
            if str(theirs.pid) in str(target):
                raise PermissionError(13, "Permission denied", target)
            return real(target, *others)

        return ask

    monkeypatch.setattr(reading_module, "_descriptor_count", refused(reading_module._descriptor_count))
    monkeypatch.setattr(probe_module, "dear_memory", refused(probe_module.dear_memory))
    probe = begun(mine, theirs)
    for _ in range(2):
        row = probe.read()
        assert row["processes"] == 2
        assert "fds" not in row  # of one of them nobody knows, so of all nobody does
        assert "uss_bytes" not in row
        assert row["threads"] == 2
    said = [notice.message for notice in probe.notices() if notice.kind == "probe"]
    assert len(said) == 2
    assert "is another user's: its descriptors cannot be read" in said[0]
    assert "is another user's: its private memory cannot be read" in said[1]


def test_even_a_short_run_has_an_inventory_of_its_beginning_and_one_of_its_end(
    started: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_module, "DEAR_SHARE", 1.0)
    process = started("import time; print(1, flush=True); time.sleep(60)")
    probe = ProcessProbe(dear_every_s=0.001)
    probe.begin(lambda: (process,))
    probe.read()
    assert [notice.kind for notice in probe.notices()] == ["inventory"]
    for _ in range(3):
        time.sleep(0.02)
        probe.read()
    assert probe.notices() == ()  # the next is due in a minute
    process.kill()
    process.wait()
    probe.read()
    probe.close()
    last = [notice for notice in probe.notices() if notice.kind == "inventory"]
    assert [notice.data["processes"][0]["pid"] for notice in last] == [process.pid]


def test_a_control_group_that_is_ours_too_is_nobodys_own() -> None:
    assert ControlGroup(os.getpid()).read() == {}


def test_a_dear_reading_waits_as_long_as_it_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_ns = [0]
    monkeypatch.setattr(probe_module, "now_ns", lambda: clock_ns[0])
    interval = probe_module._Interval(1.0)
    until_ns = time.thread_time_ns() + 10_000_000
    asked: list[int] = []

    def dear() -> int:
        asked.append(clock_ns[0])
        while time.thread_time_ns() < until_ns:
            pass
        return 1

    for second in range(10):
        clock_ns[0] = second * 10**9
        interval.ask(dear)
    assert asked[0] == 0
    # 10 ms are a share of 0.005 of 2 s; the second costs nothing, and the interval counts again.
    assert asked[1] >= 2 * 10**9
    assert asked[2] - asked[1] == 10**9


def test_twenty_processes_cost_less_than_psutil_takes_for_them(
    started: Callable[..., Process],
) -> None:
    code = (
        "import os, time\n"
        "children = [p for p in range(19) if os.fork() == 0 and (time.sleep(60) or os._exit(0))]\n"
        "print(1, flush=True); time.sleep(60)"
    )
    root = started(code)
    processes = [root, *root.children()]
    assert len(processes) == 20
    instruments = Instruments([ProcessProbe()])
    instruments.begin(lambda: processes)
    costs = [
        instruments.read()["probe.processes.cost_ns"] for _ in range(12)
    ]  # the first one reads the dear ones
    started_ns = time.thread_time_ns()
    for process in processes:
        with process.oneshot():
            process.cpu_times(), process.memory_full_info(), process.num_fds(), process.num_ctx_switches()
    assert (costs[-1] - costs[0]) / 11 < time.thread_time_ns() - started_ns


def test_resident_and_anonymous_memory_are_of_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a stat that lags, as it does by some pages of each core
    stat = procfs.stat(os.getpid())
    lagging = stat._replace(resident_bytes=stat.resident_bytes // 2)
    monkeypatch.setattr(Process, "stat", lambda _self: lagging)
    status = b"VmRSS:\t 9000 kB\nRssAnon:\t 6000 kB\nRssFile:\t 2000 kB\nRssShmem:\t 1000 kB\n"
    read = Process.record
    monkeypatch.setattr(Process, "record", lambda self, name: status if name == "status" else read(self, name))
    values = reading_module.read_process(Process()).values
    assert values["rss_bytes"] - values["anonymous_bytes"] == 3000 * 1024


def test_context_switches_are_those_of_the_first_thread_and_are_called_so() -> None:
    def switches() -> float:
        return reading_module.read_process(Process()).values["ctx_voluntary"]

    # given another thread that waits a hundred times, each time a switch
    before = switches()
    waiting = threading.Thread(target=lambda: [time.sleep(1e-4) for _ in range(100)])
    waiting.start()
    waiting.join()
    assert switches() - before < 50
    for name in ("ctx_voluntary", "ctx_involuntary"):
        assert "first thread" in VOCABULARY[name].title


def test_a_process_that_has_given_its_memory_back_has_no_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    # given the moment between that and its end, in which the kernel says 0
    stat = procfs.stat(os.getpid())
    ending = stat._replace(virtual_bytes=0, resident_bytes=0)
    monkeypatch.setattr(Process, "stat", lambda _self: ending)
    reading = reading_module.read_process(Process())
    assert reading.has_ended
    assert not reading.is_zombie
    assert set(reading.values) == set(reading_module.INHERITED)


def test_the_harness_takes_no_zero_for_a_reading_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_one(Process(), with_uss=False)["rss_bytes"]
    # given the moment in which the kernel says 0
    stat = procfs.stat(os.getpid())
    monkeypatch.setattr(Process, "stat", lambda _self: stat._replace(virtual_bytes=0, resident_bytes=0))
    assert read_one(Process(), with_uss=False) == {}
