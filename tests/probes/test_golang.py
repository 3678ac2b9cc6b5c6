"""A Go program's heap is read from what pprof and expvar answer, settled where it was made to collect."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zcbench.probes import golang
from zcbench.probes.openmetrics import Scrape

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
    assert Scrape(f"{service}/debug/pprof", every_s=0.2)._every_s == golang.FORCED_EVERY_S
    assert Scrape(f"{service}/debug/vars", every_s=0.2)._every_s == 0.2


@pytest.mark.parametrize(
    "text", ["", "{", '{"memstats": []}', '{"memstats": {"HeapAlloc": "x"}}', "[1]", "heap profile:"]
)
def test_what_is_no_go_program_s_answer_gives_no_reading(text: str) -> None:
    assert not golang.readings(text, collected=True)
    assert not (golang.variables(text) or ({},))[0]
