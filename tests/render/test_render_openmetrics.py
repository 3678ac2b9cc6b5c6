"""The counters that Prometheus scrapes: by the registry, in base units, while the run goes on."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.records import write_record
from zcbench.quantities.registry import STANDARD
from zcbench.record.follow import Follower
from zcbench.render.openmetrics import Exporter, MetricsError, parse_address

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "zcbench.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    """Exports a run of 3,000 packets."""
    directory = write_record(tmp_path / "run", tags={"a b": 'quoted "text"\n'})
    follower = Follower(directory)
    with Exporter("127.0.0.1:0") as running:
        running.show(directory)
        running.on_start(follower.run)
        for row in follower.rows():
            running.on_sample(row)
        running.on_sample(dict.fromkeys((q.name for q in STANDARD.sampled), 1))
        yield running


def scraped(exporter: Exporter) -> dict[str, float]:
    """Every sample by its name and labels, read by the reference parser of OpenMetrics."""
    request = urllib.request.Request(exporter.url, headers={"Accept": OPENMETRICS})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        text = answer.read().decode()
    return {
        sample.name + "".join(f"|{k}={v}" for k, v in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_metric_and_histogram_is_exposed_in_base_units(exporter: Exporter) -> None:
    found = scraped(exporter)
    assert found["zcbench_engine_delivered_total"] == 3000
    assert found["zcbench_pool_slots"] == 10
    assert found["zcbench_rss_bytes"] == 1
    assert found["zcbench_gc_pause_seconds_total"] == pytest.approx(0.01)
    # all but the two clock readings and the flag of one row
    shown = len(STANDARD.sampled) - 3 + 2 * len(STANDARD.histograms)
    assert len([name for name in found if "|" not in name]) == shown
    assert any(name.startswith("zcbench_run_info|") and 'quoted "text"' in name for name in found)


def test_a_histogram_has_an_octave_a_bucket_and_loses_nothing(exporter: Exporter) -> None:
    # given 3,000 leases that were held for 20 us
    found = scraped(exporter)
    buckets = {
        float(name.rpartition("=")[2]): value
        for name, value in found.items()
        if name.startswith("zcbench_hold_seconds_bucket|")
    }
    assert list(buckets) == sorted(buckets)
    assert buckets[float("inf")] == found["zcbench_hold_seconds_count"] == 3000
    # then they lie between 16.4 us and 32.8 us
    assert [value for le, value in buckets.items() if le < 17e-6][-1] == 0
    assert next(value for le, value in buckets.items() if le > 30e-6) == 3000


def test_the_page_counts_before_there_is_a_sample(tmp_path: Path) -> None:
    directory = write_record(tmp_path / "run", counters={"engine.delivered": 7})
    with Exporter("0") as exporter:
        assert scraped(exporter) == {}
        exporter.show(directory)
        exporter.on_start(Follower(directory).run)
        assert scraped(exporter)["zcbench_engine_delivered_total"] == 7


def test_the_dashboard_asks_only_for_what_is_exposed(exporter: Exporter) -> None:
    names = {name.partition("|")[0] for name in scraped(exporter)}
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
        for name in re.findall(r"zcbench_[a-z0-9_]+", target["expr"])
    }
    assert len(asked) > 15
    assert asked <= names


def test_an_address_is_loopback_unless_a_host_is_named() -> None:
    assert parse_address("9464") == ("127.0.0.1", 9464)
    assert parse_address("0.0.0.0:9464") == ("0.0.0.0", 9464)
    assert parse_address("[::1]:9464") == ("::1", 9464)
    for wrong in ("", "here", "127.0.0.1:", ":9464", "1:2:3", "127.0.0.1:99999", "-1"):
        with pytest.raises(MetricsError, match="not HOST:PORT"):
            parse_address(wrong)


def test_a_port_in_use_is_named(exporter: Exporter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MetricsError, match=f"--metrics 127.0.0.1:{port}: cannot be listened"):
            Exporter(f"127.0.0.1:{port}")


def test_the_server_is_gone_at_the_end(tmp_path: Path) -> None:
    with Exporter("0") as exporter:
        assert scraped(exporter) == {}
    with pytest.raises(urllib.error.URLError):
        scraped(exporter)
