"""``--scrape URL``: an endpoint that publishes metrics, read by a thread of its own.

It may speak Prometheus' text, OpenMetrics, or be Go's expvar or pprof (:mod:`zcbench.probes.go.pprof`).

A slow endpoint, a large one or one that answers nonsense delays no sample: its readings are missing.
"""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families as parse

from zcbench.probes.go import pprof
from zcbench.probes.jsonlines import flat, is_number
from zcbench.probes.probe import Notice, Number, Processes
from zcbench.probes.published import Latest, Vocabulary, strangers, whole
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.writer import RecordError

LARGEST_ANSWER = 16 * 2**20  # bytes; a busy server's metrics are some hundred KiB
LONGEST_S = 10.0  # from asking to the last byte: Prometheus' own default
_CHUNK = 2**16
_ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


class ScrapeError(Exception):
    """An answer that is none; a clause that says why."""


class Scrape:
    """Asks ``url`` every ``every_s``. ``specs`` are as for ``--map``; a name may have labels:
    ``engine.drops=app_drops_total{queue="a"}``. Series of one name are summed; the sum
    is missing while one of them is no number.

    Raises RecordError for a URL that is none of http, or a mapping that cannot be understood.
    """

    def __init__(self, url: str, specs: Iterable[str] = (), *, every_s: float = 1.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RecordError(f"--scrape {url}: not a URL of http; write http://localhost:9090/metrics")
        self.name = "scrape"
        self.background_ns = 0  # CPU time of its thread
        self._url = url
        self._addresses = pprof.addresses(url)
        self._collects = any(map(pprof.collects, self._addresses))
        self._every_s = max(every_s, pprof.FORCED_EVERY_S) if self._collects else every_s
        self._vocabulary = Vocabulary(specs)
        self._latest = Latest(self.name)
        self._stop = threading.Event()
        self._answers = 0
        self._strangers: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="zcbench-scrape", daemon=True)

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`Probe`: none."""
        return {}

    def begin(self, processes: Processes) -> None:
        """See :class:`Probe`: begin to ask."""
        self._thread.start()

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`Probe`: those that were mapped."""
        return tuple(one.quantity for one in self._vocabulary.given)

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`Probe`: what was answered since the last call."""
        return self._latest.take()

    def notices(self) -> tuple[Notice, ...]:
        """See :class:`Probe`: each way in which it did not answer, and counters that restarted."""
        return self._latest.notices()

    def close(self) -> None:
        """See :class:`Probe`. Does not wait for an answer that is under way."""
        self._stop.set()
        if not self._answers:
            self._latest.tell(f"{self._url} never answered with metrics", silent=True)
            return
        self._latest.tell_at_end(self._url, self._vocabulary.missing(), strangers(self._strangers))

    def _run(self) -> None:
        while not self._stop.is_set():
            started_s = time.monotonic()
            try:
                values = self._scrape()
                self._answers += 1
                self._latest.publish(values)
            except ScrapeError as error:
                if not self._stop.is_set():
                    self._latest.tell(f"{self._url}: {error}", url=self._url)
            self.background_ns = time.thread_time_ns()
            self._stop.wait(max(0.0, started_s + self._every_s - time.monotonic()))

    def _scrape(self) -> dict[Quantity, Number]:
        values: dict[Quantity, Number] = {}
        for address in self._addresses:
            text = fetch(address, self._stop)
            profile = pprof.readings(text, collected=pprof.collects(address))
            if profile is not None:
                values |= {VOCABULARY[name]: value for name, value in profile.items()}
            elif (published := pprof.variables(text)) is not None:
                values |= self._variables(*published)
            else:
                values |= self._metrics(text)
        return values

    def _variables(self, runtime: Mapping[str, int], own: Mapping[str, Any]) -> dict[Quantity, Number]:
        values: dict[Quantity, Number] = {VOCABULARY[name]: value for name, value in runtime.items()}
        for name, cell in flat(own):
            if not is_number(cell):
                continue
            known = [one for one in self._vocabulary.named(name) if not one.labels]
            if not known and not self._vocabulary.is_known(name) and len(self._strangers) < 1000:
                self._strangers.add(name)
            for one in known:
                if (value := one.column.value(cell)) is not None:
                    values[one.quantity] = whole(value)
        return values

    def _metrics(self, text: str) -> dict[Quantity, Number]:
        values: dict[Quantity, Number] = {}
        unknown: set[Quantity] = set()  # one of whose series is no number, so that the sum is none
        wanted = "".join(self._wanted(text))
        if not wanted and "<html" in text[:1000].lower():
            raise ScrapeError("answers HTML, not metrics")
        try:
            for sample in (sample for family in parse(wanted) for sample in family.samples):
                for one in self._vocabulary.named(sample.name):
                    if not one.labels.items() <= sample.labels.items():
                        continue
                    value = one.column.value(float(sample.value))
                    if value is None:
                        unknown.add(one.quantity)
                    else:
                        values[one.quantity] = values.get(one.quantity, 0) + value
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise ScrapeError(f"answers what is no metrics text: {str(error)[:100]}") from error
        return {one: whole(value) for one, value in values.items() if one not in unknown}

    def _wanted(self, text: str) -> Iterator[str]:
        """The lines of names that are quantities: to parse all of a large answer would take long."""
        for line in text.splitlines(keepends=True):
            if line.startswith("#"):
                continue
            name = line.partition("{")[0].split(None, 1)[:1]
            if not name:
                continue
            if self._vocabulary.is_known(name[0]):
                # An exemplar is OpenMetrics' only: without it a sample's line is the same in both.
                yield line.rstrip().partition(" # {")[0] + "\n"
            elif len(self._strangers) < 1000:
                self._strangers.add(name[0])


def fetch(url: str, stop: threading.Event) -> str:
    """The text at ``url``; given up when ``stop`` is set. Raises ScrapeError."""
    request = urllib.request.Request(url, headers={"Accept": _ACCEPT, "User-Agent": "zcbench"})
    until_s = time.monotonic() + LONGEST_S
    parts: list[bytes] = []
    size = 0
    try:
        with _OPENER.open(request, timeout=LONGEST_S) as answer:
            while part := answer.read1(_CHUNK):
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise ScrapeError(f"answers more than {LARGEST_ANSWER // 2**20} MiB")
                if time.monotonic() > until_s:
                    raise ScrapeError(f"takes longer than {LONGEST_S:.0f} s to answer")
                if stop.is_set():
                    raise ScrapeError("stopped")
    except urllib.error.HTTPError as error:
        with error:
            raise ScrapeError(f"answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise ScrapeError(f"does not answer: {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise ScrapeError(f"does not answer: {error or type(error).__name__}") from None
    return b"".join(parts).decode(errors="replace")


# No proxy: what is measured is near, and a proxy's answers are not the subject's.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
