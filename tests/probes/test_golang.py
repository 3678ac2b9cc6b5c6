"""A Go program's heap is read from what pprof and expvar answer, settled where it was made to collect."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from zcbench.probes.go import pprof
from zcbench.probes.go.gctrace import GoProbe
from zcbench.probes.openmetrics import Scrape
from zcbench.probes.runtimes import Setting

# As Go 1.19 prints them.
PROFILE = """heap profile: 2: 5888 [6: 15104] @ heap/1048576
1: 4864 [1: 4864] @ 0x43a9ec 0x43a9ad
#\t0x43a9eb\truntime.malg+0xb\t/usr/lib/go/src/runtime/proc.go:4081


# runtime.MemStats
# Alloc = 341480
# Sys = 14464264
# HeapAlloc = 341480
# HeapReleased = 630784
# Stack = 360448 / 360448
# PauseNs = [34431 0 0]
# NumGC = 7
# NumForcedGC = {forced}
# DebugGC = false
"""
VARIABLES = """{
"cmdline": ["./service","6061"],
"memstats": {"Alloc":1421776,"Sys":14464264,"HeapAlloc":1421776,"HeapReleased":491520,"PauseTotalNs":34431,
  "NumGC":1,"NumForcedGC":1,"GCCPUFraction":1.5e-05,"EnableGC":true},
"pool.hits": 12,
"requests": 99
}
"""
GOROUTINES = "goroutine profile: total 4\n1 @ 0x430856 0x4656a5\n"


@pytest.fixture
def service() -> Iterator[str]:
    """Answers as a Go program does; collects when it is asked to."""

    class Handler(BaseHTTPRequestHandler):
        forced = 0

        def do_GET(self) -> None:
            Handler.forced += "gc=1" in self.path
            heap = PROFILE.replace("{forced}", str(Handler.forced))
            body = GOROUTINES if "goroutine" in self.path else VARIABLES if "vars" in self.path else heap
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def first(scrape: Scrape) -> dict[str, float | None]:
    scrape.begin(tuple)
    give_up = time.monotonic() + 10
    while not (row := dict(scrape.read())):
        assert time.monotonic() < give_up, scrape.notices()
        time.sleep(0.01)
    scrape.close()
    return row


def test_the_index_of_pprof_gives_a_settled_heap_and_the_goroutines(service: str) -> None:
    assert first(Scrape(f"{service}/debug/pprof/")) == {
        "go.heap_bytes": 341_480,
        "go.sys_bytes": 14_464_264 - 630_784,
        "go.goroutines": 4,
        "runtime.collections": 7,
        "runtime.full_collections": 7,
        "gc.forced_collections": 1,
    }


def test_a_profile_that_was_not_asked_to_collect_is_no_settled_reading(service: str) -> None:
    row = first(Scrape(f"{service}/debug/pprof/heap?debug=1"))
    assert row["go.heap_bytes"] == 341_480
    assert "gc.forced_collections" not in row


def test_expvar_has_the_runtime_s_numbers_and_the_program_s_own(service: str) -> None:
    scrape = Scrape(f"{service}/debug/vars", ["pool.misses=requests"])
    assert first(scrape) == {
        "go.heap_bytes": 1_421_776,
        "go.sys_bytes": 14_464_264 - 491_520,
        "runtime.collections": 1,
        "runtime.full_collections": 1,
        "runtime.pause_ns": 34_431,
        "pool.hits": 12,
        "pool.misses": 99,
    }
    assert scrape.notices() == ()


def test_collections_that_we_ask_for_come_no_more_often_than_every_ten_seconds(service: str) -> None:
    assert Scrape(f"{service}/debug/pprof", every_s=0.2)._every_s == pprof.FORCED_EVERY_S
    assert Scrape(f"{service}/debug/vars", every_s=0.2)._every_s == 0.2


@pytest.mark.parametrize(
    "text", ["", "{", '{"memstats": []}', '{"memstats": {"HeapAlloc": "x"}}', "[1]", "heap profile:"]
)
def test_what_is_no_go_program_s_answer_gives_no_reading(text: str) -> None:
    assert not pprof.readings(text, collected=True)
    assert not (pprof.variables(text) or ({},))[0]


# As Go 1.19 prints them, between a program's own lines.
TRACE = b"""ready
gc 1 @1.345s 0%: 0.008+0.78+0.002 ms clock, 0.016+0/0.038/0.69+0.004 ms cpu, 3->3->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P
gc is what this line only begins with
gc 2 @3.370s 0%: 1.5+0.63+0.5 ms clock, 0.023+0/0.18/0.38+0.005 ms cpu, 30->31->12 MB, 40 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)
gc 3 @5.401s 0%: 0.013+1.1"""  # noqa: E501


def test_each_collection_that_go_prints_is_read_wherever_its_line_is_cut(tmp_path: Path) -> None:
    for size in (1, 7, 10_000):
        probe = GoProbe(Setting(tmp_path, None, 1.0, launched=True, is_named=True))
        assert probe.environment({}) == {"GODEBUG": "gctrace=1"}
        assert (probe.quantities(), probe.read()) == ((), {})
        for at in range(0, len(TRACE), size):
            probe.hear(TRACE[at : at + size])
        assert probe.read() == {
            "go.heap_bytes": 12 * 2**20,
            "runtime.collections": 2,
            "runtime.full_collections": 2,
            "runtime.pause_ns": 2_010_000,
        }
        assert {one.name for one in probe.quantities()} == set(probe.read())
    # another program that prints its own has begun: whose a line is nobody knows from here on
    for _ in range(2):
        probe.hear(b"\n" + TRACE)
        assert probe.read() == {}
    (told,) = probe.notices()
    assert "several Go programs" in told.message


def test_only_a_program_of_go_s_is_asked_to_print(tmp_path: Path) -> None:
    (tmp_path / "program.c").write_text(
        'char info[64] __attribute__((section(".go.buildinfo"), used)) = {1};\n'
        "int main(void) { return info[1]; }"
    )
    subprocess.run(["gcc", "-s", "program.c", "-o", "program"], cwd=tmp_path, check=True)

    def asked(
        program: str, given: Mapping[str, str], *, launched: bool = True, is_scraped: bool = False
    ) -> tuple[Mapping[str, str], bool]:
        setting = Setting(tmp_path, None, 1.0, launched=launched, program=program, is_scraped=is_scraped)
        probe = GoProbe(setting)
        variables = probe.environment(given)
        probe.hear(TRACE)
        return variables, bool(probe.read())

    program = str(tmp_path / "program")
    assert asked(program, {"GODEBUG": "gctrace=0"}) == ({"GODEBUG": "gctrace=1,gctrace=0"}, True)
    assert asked(program, {}, launched=False) == ({}, False)
    assert asked(program, {}, is_scraped=True) == ({}, False)  # its heap is read to the byte
    for other in (sys.executable, str(tmp_path / "program.c"), str(tmp_path / "nothing")):
        assert asked(other, {}) == ({}, False)  # what looks like it was printed by somebody else
        assert asked(other, {"GODEBUG": "gctrace=1"}) == ({}, True)
