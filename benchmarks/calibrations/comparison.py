"""How often does a comparison call two sound runs different, and what does it see? For docs/comparing.md.

    python benchmarks/calibrations/comparison.py RUN RUN [RUN ...] [--planted DIR ...]

RUN: records of sound runs of one scenario. Each is compared with each other one, both ways, so that a
difference is worse in one of them, and each half of a run with its other half. Then a slow-down is planted in
NEW by multiplying its readings, and ``--planted`` runs (leaks, lost slots: real ones) are compared with all.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from zcbench.comparing.comparison import Comparison, compare
from zcbench.record.reader import Record, read_record
from zcbench.record.schema import Ending, Result
from zcbench.verdict import judge

Judged = tuple[Record, Result]

SLOWER = (1.2, 1.5, 2.0, 3.0)
SLOWED = {
    "delivery.p50": ("delivery_p50_ns",),
    "delivery.p99": ("delivery_p99_ns",),
    "delivery.max": ("delivery_max_ns",),
    "hold.p50": ("hold_p50_ns",),
    "cpu": ("cpu_user_s", "cpu_system_s"),
}


def judged(path: Path) -> Judged:
    """A record and what this zcbench says of it."""
    record = read_record(path)
    return record, judge(record)


def half(run: Judged, which: int) -> Judged:
    """The first (0) or second (1) half of a run's samples; its page, which is of the whole, is left out,
    and so is the end, which a part has not."""
    record, result = run
    elapsed = record.samples["elapsed_s"]
    middle = (elapsed[0] + elapsed[-1]) / 2
    rows = elapsed < middle if which == 0 else elapsed >= middle
    samples = {name: values[rows] for name, values in record.samples.items()}
    end = msgspec.structs.replace(record.end, ending=Ending.PARTIAL)
    return replace(record, samples=samples, board=None, end=end), result


def slower(run: Judged, columns: Sequence[str], factor: float) -> Judged:
    """``run`` with its readings in ``columns`` so many times larger; of running totals, what they rose by."""
    record, result = run
    samples = dict(record.samples)
    for column in columns:
        samples[column] = samples[column] * factor
    return replace(record, samples=samples), result


def ledger(comparisons: Iterable[Comparison]) -> tuple[int, int, Counter[str]]:
    """Comparisons, those that found anything worse, and how often which figure was."""
    count, wrong = 0, 0
    figures: Counter[str] = Counter()
    for comparison in comparisons:
        count += 1
        wrong += bool(comparison.regressions)
        figures.update(one.figure for one in comparison.regressions)
    return count, wrong, figures


def report(name: str, found: tuple[int, int, Counter[str]]) -> None:
    """One row of the table."""
    count, wrong, figures = found
    which = ", ".join(f"{figure} {times}" for figure, times in figures.most_common(6)) or "–"
    print(f"| {name} | {count} | {wrong} | {wrong / max(1, count):.1%} | {which} |")


def sees(runs: Sequence[Judged], figure: str, factor: float) -> float:
    """The share of pairs in which ``figure``, so many times larger in NEW, is called worse."""
    pairs = itertools.permutations(runs, 2)
    found = [
        figure in {one.figure for one in compare(base, slower(new, SLOWED[figure], factor)).regressions}
        for base, new in itertools.islice(pairs, 0, None, 7)
    ]
    return float(np.mean(found))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--planted", nargs="*", type=Path, default=[])
    options = parser.parse_args()
    runs = [judged(path) for path in options.runs]
    print("| sound against sound | comparisons | worse | share | in |\n|:--|--:|--:|--:|:--|")
    pairs = (compare(base, new) for base, new in itertools.permutations(runs, 2))
    report("pairs of runs", ledger(pairs))
    halves = (compare(half(run, a), half(run, 1 - a)) for run in runs for a in (0, 1))
    report("halves of a run", ledger(halves))
    for planted in options.planted:
        new = judged(planted)
        report(planted.name, ledger(compare(base, new) for base in runs))
    print(f"\n| slower by | {' | '.join(SLOWED)} |\n|:--|{'--:|' * len(SLOWED)}")
    for factor in SLOWER:
        shares = " | ".join(f"{sees(runs, figure, factor):.0%}" for figure in SLOWED)
        print(f"| {factor:g} | {shares} |")
    print("\nrun to run, standard deviation of the logarithm (relative):")
    spreads: dict[str, list[float]] = {}
    for base, new in itertools.combinations(runs, 2):
        for one in compare(base, new).compared:
            values = one.base, one.new
            if one.difference is not None and one.base_of is None and min(values) > 0:
                spreads.setdefault(one.figure, []).append(np.log(one.new / one.base))
    for figure, ratios in spreads.items():
        print(f"  {figure:<20} {np.sqrt(np.mean(np.square(ratios)) / 2):.3f}")


if __name__ == "__main__":
    main()
