"""False alarms: what is said of each window of a long run of a healthy program.

    zcbench run --duration 25m --out RUN -- PROGRAM
    python benchmarks/calibrations/windows.py [--window 300] [--every 60] RUN...

Each window is judged as if it were a run of its own: its samples, the inventories in it, an end as planned.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from zcbench.record.reader import Record, read_record
from zcbench.verdict import judge


def windows(record: Record, length_s: float, every_s: float) -> Iterator[Record]:
    """The record between t and t + ``length_s``, for t from the start on, each ``every_s``."""
    elapsed = record.samples["elapsed_s"]
    start = float(elapsed[0])
    while start + length_s <= float(elapsed[-1]) + 1.0:
        inside = (elapsed >= start) & (elapsed <= start + length_s)
        samples = {name: values[inside] for name, values in record.samples.items()}
        events = [e for e in record.events if not e.elapsed_s or start <= e.elapsed_s <= start + length_s]
        yield replace(record, samples=samples, events=events)
        start += every_s


def main() -> None:
    """Print a line a run: how many windows, and what was said of them by check."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("runs", nargs="+", type=Path)
    options.add_argument("--window", type=float, default=300.0, help="s")
    options.add_argument("--every", type=float, default=60.0, help="s")
    given = options.parse_args()
    alarms = total = 0
    for path in given.runs:
        record = read_record(path)
        said: Counter[str] = Counter()
        for window in windows(record, given.window, given.every):
            findings = judge(window).findings
            failed = [f"{f.check}: {f.cause}" for f in findings if f.outcome == "fail" and f.level == "fail"]
            said.update(failed)
            said.update(f"memory {f.outcome}" for f in findings if f.check == "memory")
            alarms, total = alarms + bool(failed), total + 1
        print(f"{path.name}: {', '.join(f'{count} {what}' for what, count in sorted(said.items()))}")
    print(f"{alarms} of {total} windows failed ({alarms / max(1, total):.2%})")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
