"""Node from inside: what the agents read, and that they change nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from zcbench.probes import v8
from zcbench.probes.malloc.meter import MallocMeter
from zcbench.probes.probe import Number, Probe
from zcbench.probes.process import Process
from zcbench.probes.runtimes import Setting
from zcbench.probes.v8.reading import NodePages

PROGRAMS = Path(__file__).parent / "programs" / "node"
HEAPS, VISIBLE, LOOPS = (str(PROGRAMS / f"{name}.js") for name in ("heaps", "visible", "loops"))
LIMIT_S = 60  # no promise: when a test gives up
EVERY_S = 0.4
Row = Mapping[str, Number | None]


class Node:
    """A Node program with its probe; ``rows`` has its readings so far."""

    def __init__(self, folder: Path, *arguments: str, gc_every_s: float | None = EVERY_S, **given: str) -> None:
        setting = Setting(folder / "probes" / "v8", gc_every_s, sample_every_s=0.2, launched=True)
        self.probe: Probe = v8.make(setting)
        environment = os.environ | given
        environment |= self.probe.environment(environment)
        self.popen = subprocess.Popen(["node", *arguments], env=environment, stdout=subprocess.DEVNULL)
        self.process = Process(self.popen.pid)
        self.probe.begin(self.processes)
        self.rows: list[Row] = []
        self.said: list[str] = []

    def processes(self) -> Sequence[Process]:
        return [self.process] if self.popen.poll() is None else []

    def read(self) -> Row:
        self.rows.append(self.probe.read())
        self.said += [notice.message for notice in self.probe.notices()]
        return self.rows[-1]

    def until(self, holds: Callable[[Row], bool]) -> Row:
        """The first reading that ``holds``."""
        give_up = time.monotonic() + LIMIT_S
        while not holds(row := self.read()):
            assert time.monotonic() < give_up, (row, self.said)
            assert self.popen.poll() is None, "it has ended"
            time.sleep(0.1)
        return row

    def close(self) -> None:
        self.popen.kill()
        self.popen.wait()
        self.probe.close()


def marks(row: Row) -> int:
    return int(row.get("gc.forced_collections") or 0)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    """Programs that run side by side while the tests read them."""
    folder = tmp_path_factory.mktemp("nodes")
    commands = {
        "objects": [HEAPS, "objects", "1000000", "1000000"],
        "buffers": [HEAPS, "buffers", "1000000", "1000000"],
        "threads": [LOOPS, "threads"],
        "own-env": [LOOPS, "own-env"],
        "blocked": [LOOPS, "blocked"],
        "busy": [LOOPS, "busy"],
    }
    found = {name: Node(folder / name, *command) for name, command in commands.items()}
    yield found
    for node in found.values():
        node.close()


def test_a_leak_shows_in_the_heap_that_it_is_in(nodes: dict[str, Node]) -> None:
    objects, buffers = nodes["objects"], nodes["buffers"]
    for node in (objects, buffers):
        node.until(lambda row: marks(row) >= 6)

    def growth(node: Node, name: str) -> float:
        held = [float(row[name] or 0) for row in node.rows if marks(row) >= 2]
        return held[-1] - held[0]

    # 1 MB/s of garbage is in none of them
    assert growth(objects, "v8.heap_bytes") > 5 * abs(growth(objects, "v8.array_buffers_bytes")) + 100_000
    assert growth(buffers, "v8.array_buffers_bytes") > 5 * abs(growth(buffers, "v8.foreign_bytes")) + 100_000
    # and code, which is a part of the heap, is read with it
    assert all(0 < row["v8.code_bytes"] < row["v8.heap_bytes"] for row in objects.rows if marks(row))  # type: ignore[operator]
    # and what was read stands until all have collected again
    changes = {(marks(row), row.get("v8.heap_bytes")) for row in objects.rows if marks(row)}
    assert len(changes) == len({count for count, _ in changes})


def test_the_harness_s_collections_are_part_of_all_and_none_is_made_when_they_are_to_be_natural(
    nodes: dict[str, Node], tmp_path: Path
) -> None:
    row = nodes["objects"].until(lambda row: marks(row) >= 3)
    assert row["runtime.full_collections"] >= marks(row)  # type: ignore[operator]
    assert row["gc.forced_pause_ns"] > 0  # type: ignore[operator]
    assert row["runtime.collections"] >= row["runtime.full_collections"]  # type: ignore[operator]
    # Started here: it lives until its heap is full.
    collects = Node(tmp_path, "--max-old-space-size=64", HEAPS, "churn", "20000000", gc_every_s=None)
    try:
        natural = collects.until(lambda row: (row.get("runtime.full_collections") or 0) >= 1)
    finally:
        collects.close()
    assert natural["v8.heap_bytes"] is not None
    assert "gc.forced_collections" not in natural
    assert natural["gc.forced_pause_ns"] == 0


def test_worker_threads_are_read_and_one_that_computes_holds_nobody_up(nodes: dict[str, Node]) -> None:
    threads = nodes["threads"]
    pages = threads.probe._node.pages.folder  # type: ignore[attr-defined]
    first = threads.until(lambda row: marks(row) >= 1)
    # main, the one that turns, the one that computes; the one that ended is gone
    there = f"{threads.popen.pid}*.page"
    threads.until(lambda row: marks(row) >= marks(first) + 2 and len(list(pages.glob(there))) == 3)
    assert "event_loop.delay_max_ns" in first


def test_a_worker_thread_whose_environment_leaves_the_probe_out_is_told_of_once(nodes: dict[str, Node]) -> None:
    version = subprocess.run(["node", "-p", "parseInt(process.versions.node)"], capture_output=True, check=True)
    if int(version.stdout) < 20:
        assert "v8.unread_threads" not in nodes["own-env"].read()  # Node does not tell of its threads
        return
    nodes["own-env"].until(lambda row: bool(row.get("v8.unread_threads")))
    for _ in range(3):
        nodes["own-env"].read()
    assert len([sentence for sentence in nodes["own-env"].said if "their heaps are not read" in sentence]) == 1
    # and threads that have the agent, or have ended, are none
    assert not nodes["threads"].read().get("v8.unread_threads")


def test_a_blocked_loop_is_seen_while_it_is_blocked_and_nothing_is_collected_in_it(
    nodes: dict[str, Node],
) -> None:
    blocked, busy = nodes["blocked"], nodes["busy"]
    late = blocked.until(lambda row: (row.get("event_loop.delay_max_ns") or 0) > 1.5e9)
    later = blocked.until(lambda row: (row.get("event_loop.delay_max_ns") or 0) > 2e9)
    assert marks(late) == marks(later)
    assert len([sentence for sentence in blocked.said if "has not turned" in sentence]) == 1
    # one that stands for 40 ms of each 100 turns late, and is said to be as busy
    late_ns = busy.until(lambda row: (row.get("event_loop.delay_max_ns") or 0) > 20e6)
    assert late_ns["event_loop.delay_p50_ns"] < late_ns["event_loop.delay_max_ns"]  # type: ignore[operator]
    busy.until(lambda row: (row.get("event_loop.utilization") or 0) > 0.2)
    assert not [sentence for sentence in busy.said if "has not turned" in sentence]


def test_handles_are_counted_by_their_types(nodes: dict[str, Node]) -> None:
    row = nodes["objects"].until(lambda row: marks(row) >= 2)
    assert row["v8.handles"] == row["v8.handles.Timeout"] == 1
    units = {one.name: one.unit.name for one in nodes["objects"].probe.quantities()}
    assert units["v8.handles.Timeout"] == "handles"
    assert set(row) <= set(units)


def test_malloc_is_read_right_after_a_settled_collection(tmp_path: Path) -> None:
    # given Buffers that are garbage, 10 MB a second, in malloc
    meter = MallocMeter(tmp_path / "malloc")
    node = Node(tmp_path, HEAPS, "nothing", "0", "20000000", **meter.environment(os.environ))
    meter.begin(node.processes)
    live, settled = list[float](), list[float]()

    def is_enough(row: Row) -> bool:
        if marks(row) >= 2:
            live.append(meter.read()["malloc.live_bytes"] or 0)
            settled.append(row["malloc.settled_bytes"] or 0)
        return marks(row) >= 6

    try:
        node.until(is_enough)
        # then none of it is in what is told to stand: that is as little as there ever is, collection for
        # collection, but for one in which V8 itself was compiling
        least, usual = min(live), statistics.median(live)
        assert 0 < statistics.median(settled) < least + 0.3 * (usual - least)
    finally:
        node.close()
        meter.close()


@pytest.mark.parametrize(
    ("every_s", "utilization", "said"), [(12.5, 0.9, 1), (12.5, 0.3, 0), (100.0, 0.9, 0), (None, 0.9, 0)]
)
def test_what_frequent_collections_take_from_a_busy_loop_is_said_once(
    tmp_path: Path, every_s: float | None, utilization: float, said: int
) -> None:
    node = NodePages(Setting(tmp_path / "v8", every_s, sample_every_s=1.0, launched=True))
    for _ in range(60):
        node.tell_of_cost(utilization)
    sentences = [notice.message for notice in node.notices()]
    assert len(sentences) == said
    assert all('gc.every = "100s"' in sentence for sentence in sentences)
