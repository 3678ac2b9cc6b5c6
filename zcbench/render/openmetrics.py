"""A run's live counters for Prometheus, by the registry of metrics, in OpenMetrics' names and base units.

https://prometheus.io/docs/specs/om/open_metrics_spec/: seconds and bytes, ``_total`` for counters.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from zcbench.foreign import plain
from zcbench.page.scoreboard import Scoreboard, ScoreboardError, bucket_bounds
from zcbench.quantities.registry import METRICS, TIMINGS, Timing
from zcbench.quantities.registry import Metric as Measured
from zcbench.record.schema import SCOREBOARD_FILE, End, Event, RunInfo
from zcbench.render.progress import Row

LOOPBACK = "127.0.0.1"
# Clock readings of the subject's own machine, and a flag about a single row: of no use to a dashboard.
_LEFT_OUT = ("engine.start_ns", "engine.stop_ns", "settled")
_NS = 1e-9
_FIRST_OCTAVE, _LAST_OCTAVE = 10, 37  # of the buckets shown: 1 us to 137 s


class MetricsError(ValueError):
    """An address that cannot be listened on; the message names it, and what would do."""


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of "9464", "127.0.0.1:9464" or "[::1]:9464". Without a host: loopback.

    Raises MetricsError.
    """
    found = re.fullmatch(r"(?:(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):)?([0-9]{1,5})", text.strip())
    if found is None or int(found[2]) > 65_535:
        raise MetricsError(f"--metrics {text!r}: not HOST:PORT, as in {LOOPBACK}:9464")
    return (found[1] or LOOPBACK).strip("[]"), int(found[2])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:  # a name
        return host == "localhost"


class Exporter(Collector):
    """An HTTP server that is asked for the counters: an observer of a run, and the context it is up in.

    The page is read when somebody asks, in the server's thread; a run that nobody asks pays nothing.
    Raises MetricsError if ``address`` cannot be listened on.
    """

    def __init__(self, address: str) -> None:
        host, port = parse_address(address)
        self._directory: Path | None = None
        self._run: RunInfo | None = None
        self._row: Row = {}
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise MetricsError(
                f"--metrics {address}: cannot be listened on ({error.strerror}); "
                "name another port, or 0 for a free one"
            ) from error
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_port}/metrics"
        self.is_open_to_others = not _is_loopback(host)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def show(self, directory: Path) -> None:
        """From now on, the run in ``directory``."""
        self._directory, self._run, self._row = directory, None, {}

    def on_start(self, run: RunInfo) -> None:
        """The run is about to start."""
        self._run = run

    def on_sample(self, row: Row) -> None:
        """A sample was taken: what is not on the page comes from the newest one."""
        self._row = dict(row)

    def on_event(self, event: Event) -> None:
        """Events are in the record; here are numbers."""

    def on_end(self, end: End) -> None:
        """The last numbers stay until the server goes."""

    def describe(self) -> Iterable[Metric]:
        """Nothing yet: what there is depends on the run."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric that has a value now."""
        run, board = self._run, self._page()
        if run is None:
            return
        yield InfoMetricFamily("zcbench_run", "the run that is going on", value=about(run))
        known: dict[str, int | float | None] = dict(self._row)
        if board is not None:
            known |= {n: value for n, value in board.counters().items() if value is not None}
        for metric in METRICS:
            value = known.get(metric.name)
            if value is not None and metric.name not in _LEFT_OUT:
                yield _family(metric, value)
        if board is not None:
            for timing in TIMINGS:
                yield _histogram(timing, board)

    def _page(self) -> Scoreboard | None:
        if self._directory is None:
            return None
        try:
            return Scoreboard.snapshot(self._directory / SCOREBOARD_FILE)[0]
        except (OSError, ScoreboardError):
            return None


def _family(metric: Measured, value: int | float) -> Metric:
    name, unit, factor = _in_base_units(metric)
    kind = CounterMetricFamily if metric.cumulative else GaugeMetricFamily
    return kind(name, metric.meaning, value=value * factor, unit=unit)


def _in_base_units(metric: Measured) -> tuple[str, str, float]:
    """Name, unit and factor: "gc.pause_ns" -> "zcbench_gc_pause_seconds", "seconds", 1e-9."""
    name = metric.column
    if metric.unit == "ns":
        return f"zcbench_{name.removesuffix('_ns')}_seconds", "seconds", _NS
    if metric.unit == "s":
        return f"zcbench_{name.removesuffix('_s')}_seconds", "seconds", 1
    if metric.unit == "bytes":
        return f"zcbench_{name.removesuffix('_bytes')}_bytes", "bytes", 1
    return f"zcbench_{name.replace('_per_s', '_per_second')}", "", 1


def _histogram(timing: Timing, board: Scoreboard) -> Metric:
    """The page's buckets, 16 an octave, as one an octave: 28 lines, not 976."""
    read = board.histogram(timing.name)
    counted, bounds = read.buckets.cumsum(), bucket_bounds()
    buckets = []
    for octave in range(_FIRST_OCTAVE, _LAST_OCTAVE + 1):
        last = (octave - 3) * 16 - 1  # the highest bucket of values below 2**octave ns
        buckets.append((f"{float(bounds[last]) * _NS:.9g}", float(counted[last])))
    buckets.append(("+Inf", float(counted[-1])))
    name = f"zcbench_{timing.name.removesuffix('_ns')}_seconds"
    return HistogramMetricFamily(
        name, timing.meaning, buckets=buckets, sum_value=read.total_ns * _NS, unit="seconds"
    )


def _subject(run: RunInfo) -> dict[str, str]:
    if run.subject.kind != "engine":
        return {"subject": run.subject.called}
    return {"engine": run.scenario.engine, "consumer": run.scenario.consumer.kind}


def about(run: RunInfo) -> dict[str, str]:
    """The labels of ``zcbench_run_info``."""
    known = {
        "id": run.id,
        "scenario": run.scenario.name,
        **_subject(run),
        "zcbench": run.environment.zcbench,
        "commit": run.environment.git_commit or "",
    }
    tags = {f"tag_{re.sub(r'[^A-Za-z0-9_]', '_', key)}": value for key, value in run.tags.items()}
    return {key: plain(value) for key, value in (known | tags).items()}
