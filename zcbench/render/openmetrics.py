"""A run's live counters for Prometheus, by the registry of metrics, in OpenMetrics' names and base units.

https://prometheus.io/docs/specs/om/open_metrics_spec/: seconds and bytes, ``_total`` for counters.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
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
from zcbench.quantities.names import ENGINE_START_NS, ENGINE_STOP_NS
from zcbench.quantities.quantity import Kind, Quantity
from zcbench.quantities.registry import STANDARD, Registry
from zcbench.quantities.units import BYTES, S
from zcbench.record.brought import registry_of, with_brought
from zcbench.record.reader import brought_by
from zcbench.record.schema import SCOREBOARD_FILE, End, Event, RunInfo
from zcbench.render.progress import Row

LOOPBACK = "127.0.0.1"
# Clock readings of the subject's own machine, and a flag about a single row: of no use to a dashboard.
_LEFT_OUT = (ENGINE_START_NS, ENGINE_STOP_NS, "settled")
_NS = 1e-9
_UNITS = {S.name: "seconds", BYTES.name: "bytes"}  # the base units that OpenMetrics has names for
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
        self._quantities: Registry = STANDARD
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

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def show(self, directory: Path) -> None:
        """From now on, the run in ``directory``."""
        self._directory, self._run, self._row = directory, None, {}

    def on_start(self, run: RunInfo) -> None:
        """The run is about to start."""
        self._run, self._quantities = run, registry_of(run.quantities)

    def on_sample(self, row: Row) -> None:
        """A sample was taken: what is not on the page comes from the newest one."""
        self._row = dict(row)

    def on_event(self, event: Event) -> None:
        """Events are in the record; here are numbers, and a subject may bring some."""
        self._quantities = with_brought(self._quantities, brought_by([event], []), [])

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
        for one in self._quantities.sampled:
            value = known.get(one.name)
            if value is not None and one.name not in _LEFT_OUT:
                yield _family(one, value)
        if board is not None:
            for timing in self._quantities.histograms:
                yield _histogram(timing, board)

    def _page(self) -> Scoreboard | None:
        if self._directory is None:
            return None
        try:
            return Scoreboard.snapshot(self._directory / SCOREBOARD_FILE)[0]
        except (OSError, ScoreboardError):
            return None


def _family(one: Quantity, value: int | float) -> Metric:
    kind = CounterMetricFamily if one.kind is Kind.TOTAL else GaugeMetricFamily
    name, unit = _published(one)
    return kind(name, one.title or one.name, value=value * one.unit.in_base, unit=unit)


def _published(one: Quantity) -> tuple[str, str]:
    """Name and unit: "gc.pause_ns" is "zcbench_gc_pause_seconds" in "seconds"."""
    unit = _UNITS.get(one.unit.base.name, "")
    stem = re.sub(r"\W", "_", one.short)
    return f"zcbench_{stem.replace('_per_s', '_per_second')}" + (f"_{unit}" if unit else ""), unit


def _histogram(timing: Quantity, board: Scoreboard) -> Metric:
    """The page's buckets, 16 an octave, as one an octave: 28 lines, not 976."""
    read = board.histogram(timing.column)
    counted, bounds = read.buckets.cumsum(), bucket_bounds()
    buckets = []
    for octave in range(_FIRST_OCTAVE, _LAST_OCTAVE + 1):
        last = (octave - 3) * 16 - 1  # the highest bucket of values below 2**octave ns
        buckets.append((f"{float(bounds[last]) * _NS:.9g}", float(counted[last])))
    buckets.append(("+Inf", float(counted[-1])))
    name = f"zcbench_{timing.name}_seconds"
    return HistogramMetricFamily(
        name, timing.title, buckets=buckets, sum_value=read.total_ns * _NS, unit="seconds"
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
