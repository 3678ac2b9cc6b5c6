"""How often the memory verdict is wrong, and the smallest leak it sees: by window, on series of known truth.

``python benchmarks/trend.py [RECORD...]`` prints the tables of docs/verdict.md. Simulated series cover what
heaps do; real ones are cut from RECORDs, run directories of healthy subjects made with ``--set gc.every=2s
--sample-every 1s``. A leak of known size is laid over both. Numbers come from the held-out half (odd seeds,
the second half of each record); ``--half tune`` shows the other one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zcbench.analysis.growth import PAGE_BYTES, counters
from zcbench.analysis.trend import trend
from zcbench.record.reader import read_record

BUDGET = 8 * 2**20 / 86_400  # the default of memory.budget
COUNTERS = 6  # that share alpha in a run
WINDOWS = {"30 s": 30, "5 min": 300, "30 min": 1800, "1 h": 3600}
LEAKS = (0.0, 150, 200, 250, 300, 320, 400, 500, 650, 800, 1000, 1500, 2500, 5000, 10_000, 20_000)
POWER = 0.95

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One counter over one window: times in s, values in bytes; ``settled`` is false while it warms up."""

    name: str
    times: Array
    values: Array
    collected: NDArray[np.bool_] | None
    quantum: float
    pages: bool = False


# -- simulated


def simulated(seconds: int, seed: int) -> Iterator[Series]:
    """One series of each kind. Healthy ones only: a leak is laid over later."""
    rng = np.random.default_rng(seed)
    every = 1.0 if seconds <= 3600 else 5.0
    t = np.arange(every, seconds + every / 2, every)
    gc_s = min(60.0, max(2.0, seconds / 24))
    collected = np.diff(np.floor(t / gc_s), prepend=0.0) > 0
    for name, make in KINDS.items():
        pages = name.startswith("RSS")
        quantum = PAGE_BYTES if pages else 64
        values = np.round(make(t, collected, rng) / quantum) * quantum
        yield Series(name, t, values, None if pages else collected, quantum, pages)


def _exact(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    return 4e6 + 64.0 * rng.integers(-3, 4, t.size)


def _sawtooth(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    garbage = rng.uniform(1e3, 3e5) * (t - np.maximum.accumulate(np.where(collected, t, 0)))
    return _exact(t, collected, rng) + garbage + rng.exponential(200, t.size)


def _caches(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """An allocator's caches breathe: a stationary process around a level."""
    level, out = 0.0, np.empty(t.size)
    noise = rng.normal(0, rng.uniform(64, 1500), t.size)
    for i in range(t.size):
        level = 0.9 * level + noise[i]
        out[i] = level
    return 6e6 + out


def _warming(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    size, tau = 10 ** rng.uniform(4, 6.7), t[-1] * rng.uniform(0.01, 0.12)
    return _exact(t, collected, rng) + size * (1 - np.exp(-t / tau))


def _stepping(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    at, size = t[-1] * rng.uniform(0.05, 0.6), 2 ** rng.uniform(12, 20)
    return _exact(t, collected, rng) + size * (t > at)


def _creeping(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    return _exact(t, collected, rng) + rng.uniform(0, 10) * t


def _bursts(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    return _exact(t, collected, rng) + (rng.random(t.size) < 0.2) * rng.exponential(5e4, t.size)


def _rss_fragmenting(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    size, tau = 10 ** rng.uniform(5, 7), t[-1] * rng.uniform(0.05, 0.3)
    return 4e7 + size * (1 - np.exp(-t / tau)) + 4096.0 * rng.integers(0, 4, t.size)


def _rss_steps(t: Array, collected: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    out = np.full(t.size, 4e7)
    for _ in range(rng.integers(1, 4)):
        out += 2 ** rng.uniform(12, 19) * (t > t[-1] * rng.uniform(0, 0.9))
    return out


KINDS: dict[str, Callable[[Array, NDArray[np.bool_], np.random.Generator], Array]] = {
    "exact counter": _exact,
    "gc sawtooth": _sawtooth,
    "allocator caches": _caches,
    "warming up": _warming,
    "one step": _stepping,
    "healthy creep (0-10 B/s)": _creeping,
    "bursts": _bursts,
    "RSS, fragmenting": _rss_fragmenting,
    "RSS, steps": _rss_steps,
}


# -- real


def real(path: Path, seconds: int, held_out: bool) -> Iterator[Series]:
    """Windows of ``seconds`` from the half of a record that is meant, each with the collections that a run of
    that length would have had. A window as long as the record is the whole of it, in both halves."""
    for counter in counters(read_record(path)):
        t, y = counter.times, counter.values
        if not np.isfinite(y).any():
            continue
        length = t[-1] - t[0]
        if length < seconds * 0.98:
            continue
        starts = np.arange(t[0], t[-1] - seconds * 0.97, seconds)
        half = starts.size // 2
        if half:
            starts = starts[half:] if held_out else starts[:half]
        for start in starts:
            inside = (t >= start) & (t < start + seconds)
            marks = None
            if counter.collected is not None:
                marks = _thinned(t[inside], counter.collected[inside], seconds)
            yield Series(
                counter.name, t[inside] - start, y[inside], marks, counter.quantum,
                counter.kind == "pages",
            )  # fmt: skip


def _thinned(t: Array, collected: NDArray[np.bool_], seconds: int) -> NDArray[np.bool_]:
    gap, last, out = min(60.0, max(2.0, seconds / 24)), -np.inf, collected.copy()
    for i in np.flatnonzero(collected):
        if t[i] - last < gap - 0.5:
            out[i] = False
        else:
            last = t[i]
    return out


# -- judging


def outcome(series: Series, leak: float = 0.0) -> str:
    """The rule's answer with a leak of ``leak`` B/s laid over the series."""
    return trend(
        series.times,
        series.values + np.floor(leak * series.times / series.quantum) * series.quantum,
        budget=BUDGET,
        quantum=series.quantum,
        collected=series.collected,
        pages=series.pages,
        counters=COUNTERS,
    ).outcome


def end_minus_start(series: Series) -> bool:
    """What the original looked at."""
    y = series.values[np.isfinite(series.values)]
    return bool(y[-1] - y[0] > BUDGET * (series.times[-1] - series.times[0]))


def least_squares(series: Series) -> bool:
    """A slope above the budget, significant at 1 %."""
    known = np.isfinite(series.values)
    fit = stats.linregress(series.times[known], series.values[known])
    return bool(fit.slope > BUDGET and fit.pvalue < 0.01)


def smallest_leak(series: list[Series]) -> float | None:
    """The smallest leak (B/s) of LEAKS from which on at least 95 % of ``series`` fail."""
    seen = None
    for leak in reversed(LEAKS[1:]):
        share = np.mean([outcome(s, leak) == "fail" for s in series])
        if share < POWER:
            break
        seen = leak
    return seen


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="*", type=Path)
    parser.add_argument("--seeds", type=int, default=100, help="simulated series of each kind")
    parser.add_argument("--half", choices=("tune", "held-out"), default="held-out")
    options = parser.parse_args()
    held_out = options.half == "held-out"
    seeds = range(int(held_out), 2 * options.seeds, 2)
    print(
        "| series | window | number | false fail | pass | end − start | least squares | leak seen |"
    )
    print("|:--|:--|--:|--:|--:|--:|--:|--:|")
    for label, seconds in WINDOWS.items():
        by_name: dict[str, list[Series]] = {}
        for seed in seeds:
            for one in simulated(seconds, seed):
                by_name.setdefault(f"simulated: {one.name}", []).append(one)
        for path in options.records:
            for one in real(path, seconds, held_out):
                by_name.setdefault(f"real: {one.name}", []).append(one)
        for kind in ("simulated", "real"):
            together = [s for name, some in by_name.items() if name.startswith(kind) for s in some]
            if together:
                by_name[f"**all {kind}**"] = together
        for name, some in by_name.items():
            print(_row(name, label, some))


def _row(name: str, label: str, some: list[Series]) -> str:
    answers = [outcome(s) for s in some]
    exact = [replace(s) for s in some if not s.pages]
    leak = smallest_leak(exact or some)
    shares = (
        answers.count("fail"),
        answers.count("pass"),
        sum(end_minus_start(s) for s in some),
        sum(least_squares(s) for s in some),
    )
    cells = " | ".join(f"{share / len(some):.1%}" for share in shares)
    return f"| {name} | {label} | {len(some):,} | {cells} | {'–' if leak is None else f'{leak:,.0f} B/s'} |"


if __name__ == "__main__":
    main()
