"""An endpoint's metrics are read by a thread of their own; one that misbehaves delays no sample."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zcbench.probes import openmetrics
from zcbench.probes.openmetrics import Scrape
from zcbench.record.writer import RecordError

Answer = Callable[[BaseHTTPRequestHandler], None]

PROMETHEUS = """# HELP pool_hits_total acquires served
# TYPE pool_hits_total counter
pool_hits_total 12
pool_misses 3
app_drops_total{queue="a",shard="1"} 5
app_drops_total{queue="a",shard="2"} 6
app_drops_total{queue="b",shard="1"} 100
app_wait_seconds_sum 1.5
process_resident_memory_bytes 2.5e+07
pool_slots NaN
goroutines_blocked 8
"""
OPENMETRICS = """# TYPE pool_hits counter
pool_hits_total 12 # {trace="x"} 1.0
# TYPE pool_in_flight gauge
pool_in_flight 4
# EOF
"""


def text(body: str, kind: str = "text/plain; version=0.0.4", status: int = 200) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.end_headers()
        request.wfile.write(body.encode())

    return answer


def huge(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(1600):
        request.wfile.write(b"pool_hits_total 1\n" * 3641)  # 64 KiB


def slow(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(100):
        request.wfile.write(b"pool_hits_total 1\n")
        request.wfile.flush()
        time.sleep(0.05)


@pytest.fixture
def endpoint() -> Iterator[Callable[[Answer], str]]:
    """Serves one answer; gives its URL."""
    servers = []

    def serve(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with contextlib.suppress(OSError):  # the scrape has seen enough
                    answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/metrics"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def scraped(url: str, *specs: str) -> tuple[dict[str, float | None], list[str]]:
    """The first readings, and what was said."""
    probe = Scrape(url, specs, every_s=0.02)
    probe.begin(tuple)
    row: dict[str, float | None] = {}
    said: list[str] = []
    until_s = time.monotonic() + 20
    while not row and not said and time.monotonic() < until_s:
        row = dict(probe.read())
        said += [notice.message for notice in probe.notices()]
        time.sleep(0.005)
    probe.close()
    said += [notice.message for notice in probe.notices()]
    probe._thread.join(10)
    return row, said


def test_prometheus_text_is_read_and_series_of_one_name_are_summed(endpoint: Callable[[Answer], str]) -> None:
    url = endpoint(text(PROMETHEUS))
    row, said = scraped(
        url,
        'engine.drops=app_drops_total{queue="a"}',
        "rss_bytes=process_resident_memory_bytes",
        "pool.oldest_lease_ns=app_wait_seconds_sum:s",
    )
    assert row == {
        "pool.hits": 12,
        "pool.misses": 3,
        "engine.drops": 11,
        "rss_bytes": 25_000_000,
        "pool.oldest_lease_ns": 1_500_000_000,
    }
    assert said == [
        f"{url}: published, and no quantity by its name: goroutines_blocked; --map QUANTITY=NAME takes one"
    ]


def test_a_sum_is_not_known_while_one_of_its_series_is_not(endpoint: Callable[[Answer], str]) -> None:
    series = 'engine_drops_total{{queue="a"}} 0\nengine_drops_total{{queue="b"}} {}\npool_misses 3\n'
    assert scraped(endpoint(text(series.format("0"))))[0] == {"engine.drops": 0, "pool.misses": 3}
    for unknown in ("NaN", "+Inf"):
        assert scraped(endpoint(text(series.format(unknown))))[0] == {"pool.misses": 3}


def test_openmetrics_is_read(endpoint: Callable[[Answer], str]) -> None:
    url = endpoint(text(OPENMETRICS, "application/openmetrics-text; version=1.0.0"))
    row, _ = scraped(url)
    assert row == {"pool.hits": 12, "pool.in_flight": 4}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (text("", status=500), "answers 500 Internal Server Error"),
        (text("<!DOCTYPE html><html><body>Hello</body></html>", "text/html"), "answers HTML, not metrics"),
        (text("pool_hits_total many\n"), "answers what is no metrics text"),
        (text('pool_hits_total{a="b 1\n'), "answers what is no metrics text"),
        (huge, "answers more than 16 MiB"),
    ],
)
def test_an_answer_that_is_none_is_told_of_once(
    endpoint: Callable[[Answer], str], answer: Answer, says: str
) -> None:
    url = endpoint(answer)
    row, said = scraped(url)
    assert row == {}
    assert f"{url}: {says}" in said[0]
    assert said[1:] in ([], [f"{url} never answered with metrics"])


def test_nobody_at_the_url_is_told_of() -> None:
    row, said = scraped("http://127.0.0.1:1/metrics")
    assert row == {}
    assert said[0].startswith("http://127.0.0.1:1/metrics: does not answer: ")


def test_an_answer_that_is_under_way_delays_no_reading(endpoint: Callable[[Answer], str]) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.set()
        go_on.wait(20)
        text("pool_hits_total 1\n")(request)

    probe = Scrape(endpoint(answer), every_s=0.01)
    probe.begin(tuple)
    assert asked.wait(20)
    assert probe.read() == {}  # while the endpoint still thinks
    go_on.set()
    until_s = time.monotonic() + 20
    while not (row := probe.read()) and time.monotonic() < until_s:
        time.sleep(0.005)
    assert row == {"pool.hits": 1}
    probe.close()
    probe._thread.join(10)


def test_an_answer_that_comes_drop_by_drop_is_given_up(
    endpoint: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openmetrics, "LONGEST_S", 0.3)
    row, said = scraped(endpoint(slow))
    assert row == {}
    assert "takes longer than" in said[0]


def test_a_counter_that_began_again_goes_on(endpoint: Callable[[Answer], str]) -> None:
    hits = iter([100, 200, 5, *[7] * 10_000])
    url = endpoint(lambda request: text(f"pool_hits_total {next(hits)}\n")(request))
    probe = Scrape(url, every_s=0.01)
    probe.begin(tuple)
    highest: float = 0
    until_s = time.monotonic() + 20
    while highest < 207 and time.monotonic() < until_s:
        highest = max(highest, probe.read().get("pool.hits") or 0)
        time.sleep(0.005)
    probe.close()
    probe._thread.join(5)
    assert highest == 207
    assert "fell from 200 to 5" in probe.notices()[0].message


@pytest.mark.parametrize("url", ["file:///etc/passwd", "localhost:9090/metrics", "http://", "ftp://x/y"])
def test_only_a_url_of_http_is_taken(url: str) -> None:
    with pytest.raises(RecordError, match="not a URL of http"):
        Scrape(url)
