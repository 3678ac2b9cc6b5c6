"""`--diagnose` of a native program: the places that hold more and more, in the finding."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.records import make_command_record
from zcbench.cli.diagnosis import diagnose_leak
from zcbench.record.reader import read_record
from zcbench.record.schema import Event, EventKind
from zcbench.scenario import Scenario
from zcbench.scenario.tables import SubjectTable
from zcbench.soak import heap_trace
from zcbench.soak.heap_dumps import find_sites
from zcbench.soak.heap_trace import PARTS, Trace
from zcbench.verdict import judge
from zcbench.verdict.checks import MEMORY

PROGRAM = """
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) static void *forgotten(void) { return malloc(100); }
__attribute__((noinline)) static void used(void) { free(malloc(5000)); }
int main(int count, char **words) {
  for (int left = count > 1 ? atoi(words[1]) : -1; left; --left) {
    *(volatile char *)forgotten() = 1; used(); usleep(2000);
  }
  return 0;
}
"""


def leak_of(
    tmp_path: Path,
    command: list[str],
    cause: str = "native",
    events: Sequence[Event] = (),
    duration_s: float = 2.0,
) -> tuple[bool, Path]:
    """Diagnose a run of ``command`` of which a leak was said."""
    record = make_command_record(tmp_path / "run", events=events)
    finding = MEMORY.failed("memory leaks", {}, cause=cause, remedy="")
    result = msgspec.structs.replace(judge(record), findings=(finding,))
    scenario = Scenario(name="leaking", subject=SubjectTable(command=tuple(command)), duration=duration_s)
    found = diagnose_leak(scenario, record, result, record.path, tmp_path / "again", None, True)
    return found, record.path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    source, program = tmp_path / "leaking.c", tmp_path / "leaking"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", "-g", "-O1", "-fno-builtin", source, "-o", program], check=True)
    return program


def test_the_place_that_keeps_what_it_allocates_is_named(tmp_path: Path, program: Path) -> None:
    found, directory = leak_of(tmp_path, [str(program)])
    assert found
    (site,) = places(directory)
    assert site["site"].endswith("leaking.c:4 in forgotten, called by main")
    assert site["grown_bytes"] == 100 * site["grown_blocks"]
    assert site["grown_blocks"] > 100


def places(directory: Path) -> list[dict[str, Any]]:
    (event,) = (e for e in read_record(directory).events if e.kind == EventKind.NATIVE_ALLOCATIONS)
    found: list[dict[str, Any]] = event.data["sites"]
    return found


SEVERAL = Event(
    elapsed_s=1.0,
    kind=EventKind.INVENTORY,
    message="processes: 2",
    data={"probe": "processes", "processes": [{"pid": n, "name": "it"} for n in (1, 2)]},
)


def test_in_a_child_the_place_is_named_with_its_process(tmp_path: Path, program: Path) -> None:
    # given a shell around the program: several processes, which heaptrack does not follow
    found, directory = leak_of(tmp_path, ["sh", "-c", f"{program}; true"], events=[SEVERAL], duration_s=4.0)
    assert found, "apt install libjemalloc2"
    (site,) = places(directory)  # what is used and freed does not grow
    assert "leaking.c:4 in forgotten, called by main, in process " in site["site"]
    assert site["site"].endswith(" (leaking)")
    assert site["grown_bytes"] == 112 * site["grown_blocks"]  # jemalloc's class


def test_without_both_lost_blocks_are_named_where_they_were_lost(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zcbench.soak.heap_dumps.find_library", lambda: None)
    monkeypatch.setattr("zcbench.soak.heap_trace.find_tool", lambda: None)
    found, directory = leak_of(tmp_path, [str(program), "20"], duration_s=60.0)
    assert found, "apt install gcc"
    (site,) = places(directory)
    assert site["site"].endswith("leaking.c:4 in forgotten")
    assert (site["grown_bytes"], site["grown_blocks"]) == (2_000, 20)


@pytest.mark.parametrize(
    ("path", "cause", "says"),
    [("/nowhere", "native", "apt install heaptrack"), ("", "mapped", "what leaks is not in malloc")],
)
def test_what_cannot_be_traced_is_said_and_costs_no_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: str,
    cause: str,
    says: str,
) -> None:
    if path:
        monkeypatch.setenv("PATH", path)
        monkeypatch.setattr("ctypes.util.find_library", lambda _name: None)
    assert leak_of(tmp_path, ["sleep", "97"], cause)[0] is False
    assert says in capsys.readouterr().err
    assert not (tmp_path / "again-diagnosis").exists()


DUMP = """heap_v2/1
  t*: 9: 9 [0: 0]
@ 0x400010
  t*: {grown}: {grown}00 [0: 0]
@ 0x500010
  t*: {changed}: {changed}000 [0: 0]

MAPPED_LIBRARIES:
400000-410000 r-xp 00000000 00:00 1    /nowhere/keeps
500000-510000 r-xp 00000000 00:00 2    /nowhere/changes
"""


def test_of_jemalloc_s_dumps_what_only_changes_is_no_growth(tmp_path: Path) -> None:
    dumps = {number: tmp_path / f"heap.7.{number}" for number in range(30)}
    for number, path in dumps.items():
        path.write_text(DUMP.format(grown=number + 1, changed=9 - 8 * (number % 2) + number % 3))
    (site,) = find_sites(dumps, 7)
    assert site["site"] == "keeps (no symbols), in process 7 (keeps)"
    assert site["grown_bytes"] == 100 * int(site["grown_blocks"])
    # too few to tell growth from change
    assert find_sites({number: dumps[number] for number in range(3)}, 7) == []


LINES = b"""s 7 /bin/it
s 4 work
s 6 work.c
s 9 libc.so.6
s 6 malloc
s 5 other
i 1000 4 5
i 2000 1 2 3 1f
i 3000 1 6 3 2a
t 2 0
t 1 1
t 3 0
a 64 2
a 28 3
"""


def test_what_only_changes_is_no_growth_and_an_allocator_is_not_to_blame() -> None:
    trace = Trace(part_ms=1000)
    trace.take(LINES.splitlines(keepends=True))
    for part in range(1, PARTS + 1):
        trace.take([b"+ 0\n", b"+ 1\n" if part % 2 else b"- 1\n", b"c %x\n" % (1000 * part)])
    assert trace.sites() == [{"site": "work.c:31 in work", "grown_bytes": 700, "grown_blocks": 7}]
    with pytest.raises((ValueError, IndexError)):
        trace.take([b"+ ffff\n"])


def test_a_pipe_that_nobody_writes_to_ends() -> None:
    tool = heap_trace.find_tool()
    assert tool is not None, "apt install heaptrack"
    with heap_trace.HeapTrace(tool, 3.0) as trace:
        pass
    assert trace.sites == []
    assert "heaptrack saw nothing" in (trace.error or "")
