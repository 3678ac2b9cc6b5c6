"""How often the memory verdict is wrong, and which leaks it names: by window, on series of known truth.

``python benchmarks/calibrations/trend.py DIRECTORY...`` prints the tables of docs/memory-measured.md. A
DIRECTORY holds recorded series: ``labels.csv`` (series, runtime, leak_bytes_per_s, from_s, in_flight_of,
aside) and for each a file with the columns ``time_s``, ``collected`` (1 right after a full collection),
counters in bytes, ``rss`` and ``in_flight``. Every series is cut into windows that do not overlap, its
warm-up among them; a window is answered as a run is, by all its counters. The rule before this one is asked
beside (low_water.py).
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from low_water import trend as low_water_trend
from numpy.typing import NDArray

from zcbench.analysis.trend import pages_trend, trend

BUDGET = 8 * 2**20 / 86_400  # the default of memory.budget
WINDOWS = {"1 min": 60, "2 min": 120, "5 min": 300, "30 min": 1800, "1 h": 3600}
LENGTH_SHARE = 0.98  # of a window, that a recording may fall short of
RESOLUTION, PAGE = 64, 4096
BEYOND_COUNTERS = {"time_s", "collected", "rss", "in_flight"}
KINDS = ("healthy", "leak of 150 to 500 B/s", "leak above 500 B/s")
OUTCOMES = ("fail", "pass", "inconclusive")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One recorded process. ``columns`` have the shape (readings,); ``exact`` names its counters."""

    name: str
    runtime: str
    leak: float  # bytes/s, from ``from_s`` on
    from_s: float
    in_flight_of: tuple[str, ...]
    aside: bool
    columns: Mapping[str, Array]

    @property
    def exact(self) -> list[str]:
        """The counters that decide."""
        return [name for name in self.columns if name not in BEYOND_COUNTERS]

    def cut(self, start: float, stop: float) -> Series:
        """The readings from ``start`` to ``stop``."""
        times = self.columns["time_s"]
        inside = (times >= start) & (times <= stop)
        columns = {name: values[inside] for name, values in self.columns.items()}
        return Series(self.name, self.runtime, self.leak, self.from_s, self.in_flight_of, self.aside, columns)

    def kind(self, start: float, seconds: float) -> str | None:
        """What a window from ``start`` on truly is; None for small leaks and those begun within."""
        if not self.leak or start + seconds <= self.from_s:
            return KINDS[0]
        if start < self.from_s:
            return None
        return None if self.leak < 150 else KINDS[1] if self.leak <= 500 else KINDS[2]


def recorded(directory: Path) -> Iterator[Series]:
    """Every series of ``directory``."""
    with (directory / "labels.csv").open(newline="") as labels:
        for row in csv.DictReader(labels):
            table = np.genfromtxt(directory / f"{row['series']}.csv", delimiter=",", names=True)
            yield Series(
                row["series"],
                row["runtime"],
                float(row["leak_bytes_per_s"]),
                float(row["from_s"]),
                tuple(row["in_flight_of"].split()),
                row["aside"] == "1",
                {name: table[name].astype(float) for name in table.dtype.names},
            )


def windows(series: Series, seconds: int) -> Iterator[tuple[float, Series]]:
    """Its windows of ``seconds``, with where each starts."""
    end = float(series.columns["time_s"][-1])
    start = 0.0
    while start + LENGTH_SHARE * seconds <= end:
        yield start, series.cut(start, start + seconds)
        start += seconds


def answer(window: Series) -> str:
    """The rule's answer to a window."""
    among = len(window.exact) + 1
    times, collected = window.columns["time_s"], window.columns["collected"] > 0
    outcomes = [
        trend(
            times,
            window.columns[name],
            budget=BUDGET,
            resolution=RESOLUTION,
            collected=None if collected.all() else collected,
            counters=among,
            in_flight=window.columns["in_flight"] if name in window.in_flight_of else None,
        ).outcome
        for name in window.exact
    ]
    explained = np.zeros(times.size)
    if window.runtime in ("py", "c"):
        explained = sum((window.columns[name] for name in window.exact), explained)
    resident = pages_trend(
        times,
        window.columns["rss"],
        explained,
        budget=BUDGET,
        resolution=PAGE,
        counters=among,
    )
    if resident.outcome == "fail" or "fail" in outcomes:
        return "fail"
    return "inconclusive" if resident.rising or "inconclusive" in outcomes else "pass"


def answer_before(window: Series) -> str:
    """That of the rule before."""
    among = len(window.exact) + 1
    times, collected = window.columns["time_s"], window.columns["collected"] > 0
    outcomes = []
    for name in (*window.exact, "rss"):
        pages = name == "rss"
        found = low_water_trend(
            times,
            window.columns[name],
            budget=BUDGET,
            resolution=PAGE if pages else RESOLUTION,
            collected=None if pages or collected.all() else collected,
            pages=pages,
            counters=among,
        ).outcome
        if not pages or found == "fail":
            outcomes.append(found)
    return "fail" if "fail" in outcomes else "inconclusive" if "inconclusive" in outcomes else "pass"


def table(every: list[Series]) -> Iterator[str]:
    """The rows of a table in Markdown: per length, runtime and truth, both rules' answers."""
    yield "| window | runtime | truth | windows | before: fail | pass | open | now: fail | pass | open |"
    yield "|:--|:--|:--|--:|--:|--:|--:|--:|--:|--:|"
    for label, seconds in WINDOWS.items():
        before: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        now: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for series in every:
            for start, window in windows(series, seconds):
                kind = series.kind(start, seconds)
                if kind is not None:
                    before[series.runtime, kind][answer_before(window)] += 1
                    now[series.runtime, kind][answer(window)] += 1
        for key in sorted(now, key=lambda k: (KINDS.index(k[1]), k[0])):
            counts = [str(side[key][o]) for side in (before, now) for o in OUTCOMES]
            total = sum(now[key].values())
            yield f"| {label} | {key[0]} | {key[1]} | {total} | {' | '.join(counts)} |"


def main() -> None:
    """Print a table for each directory, its series set aside in one of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directories", nargs="+", type=Path)
    for directory in parser.parse_args().directories:
        every = list(recorded(directory))
        for aside in (False, True):
            some = [series for series in every if series.aside == aside]
            if some:
                print(f"\n{directory.name}, {'set aside' if aside else 'looked at'}: {len(some)} series\n")
                print("\n".join(table(some)))


if __name__ == "__main__":
    main()
