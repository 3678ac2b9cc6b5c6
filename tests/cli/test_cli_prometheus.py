"""``zcbench run --metrics``, scraped by a Prometheus server and asked through it.

Debian: ``apt-get install prometheus``. Without it these tests fail: what no server has read is not known to be
readable.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from tests.cli.conftest import clean_environment

PATIENCE_S = 60.0
CONFIG = """\
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: soak
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def installed(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"no {name}: apt-get install prometheus"
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def eventually(url: str, process: subprocess.Popen[str]) -> bytes:
    """The answer of ``process`` at ``url``, once it gives one."""
    end = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, process.stderr and process.stderr.read()
        try:
            return get(url)
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < end, f"nobody answers at {url}"
            time.sleep(0.05)


@contextlib.contextmanager
def running(*command: object) -> Iterator[subprocess.Popen[str]]:
    """``command``, ended with the block if it has not ended by itself."""
    process = subprocess.Popen(
        [str(part) for part in command],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, float], bytes, dict[str, float]]:
    """What a server knew of a run of 5 s, the page it scraped, and the run's totals."""
    folder = tmp_path_factory.mktemp("prometheus")
    port, own = free_port(), free_port()
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(port=port))
    server = (
        installed("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    )  # fmt: skip
    soak = (
        sys.executable, "-m", "zcbench", "run", "--duration", "5s", "--sample-every", "200ms",
        "--out", folder / "run", "--report", "json", "--metrics", f"127.0.0.1:{port}", "--quiet",
    )  # fmt: skip
    queries = {
        "delivered": "max_over_time(zcbench_engine_delivered_total[5m])",
        "rising": "count_over_time(zcbench_engine_delivered_total[5m])",
        "slots": "max_over_time(zcbench_pool_slots[5m])",
        "timed": "max_over_time(zcbench_delivery_seconds_count[5m])",
        "p99": "histogram_quantile(0.99, max_over_time(zcbench_delivery_seconds_bucket[5m]))",
    }
    with running(*server) as prometheus:
        eventually(f"http://127.0.0.1:{own}/-/ready", prometheus)
        with running(*soak) as run:
            page = eventually(f"http://127.0.0.1:{port}/metrics", run)
            assert run.wait(PATIENCE_S) == 0
        known = {}
        for name, query in queries.items():
            text = get(f"http://127.0.0.1:{own}/api/v1/query?query={urllib.parse.quote(query)}")
            (series,) = json.loads(text)["data"]["result"]
            known[name] = float(series["value"][1])
    totals = json.loads((folder / "run" / "result.json").read_text(encoding="utf-8"))["totals"]
    return known, page, totals


def test_a_server_scrapes_the_run_while_it_goes_on(
    asked: tuple[dict[str, float], bytes, dict[str, float]],
) -> None:
    known, _, totals = asked
    assert known["rising"] > 1
    assert 0 < known["delivered"] <= totals["engine.delivered"]
    assert known["slots"] == totals["pool.slots"]
    # then a histogram can be asked for a percentile, in seconds
    assert 0 < known["timed"] <= totals["engine.delivered"]
    assert 0 < known["p99"] < 5


def test_promtool_has_nothing_to_say_of_its_names(
    asked: tuple[dict[str, float], bytes, dict[str, float]],
) -> None:
    done = subprocess.run(
        [installed("promtool"), "check", "metrics"],
        input=asked[1],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
