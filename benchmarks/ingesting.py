"""What reading a wide log costs: 24 hours at 1 Hz with 200 columns, against numpy.loadtxt, and its memory.

    python benchmarks/ingesting.py [--rows 86400] [--columns 200]

Both read the same CSV from the page cache; CPU time, so that a busy machine does not matter. Reading for a
record goes over the log three times: to tell its columns, to survey it, to write it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from zcbench.importers.columns import columns_of
from zcbench.importers.ingest import Foreign, Story, survey, write_record
from zcbench.importers.table import open_table


def log(path: Path, rows: int, columns: int) -> None:
    """A healthy log: a time, resident memory, descriptors, and columns that nobody knows."""
    names = ["elapsed_s", "rss_bytes", "fds", *(f"c{n}" for n in range(columns - 3))]
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(names) + "\n")
        for t in range(rows):
            rest = ",".join(f"{(t * n) % 977 + 0.25}" for n in range(columns - 3))
            file.write(f"{t},{50 * 2**20 + 4096 * (t % 7)},12,{rest}\n")


def ingested(path: Path, out: Path) -> None:
    """Read ``path`` into a record in ``out``."""
    table = open_table(path)
    foreign = Foreign(table, columns_of((), table).columns, {}, Story("log"))
    write_record(out, foreign, survey(foreign))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=86_400)
    parser.add_argument("--columns", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        log(path, given.rows, given.columns)
        start = time.process_time()
        np.loadtxt(path, delimiter=",", skiprows=1)
        numpy_s = time.process_time() - start
        out = Path(folder) / "run"
        out.mkdir()
        start = time.process_time()
        ingested(path, out)
        ours_s = time.process_time() - start
        part = Path(folder) / "part.csv"
        log(part, given.rows // 10, given.columns)
        out = Path(folder) / "part"
        out.mkdir()
        tracemalloc.start()
        ingested(part, out)
        _, peak = tracemalloc.get_traced_memory()
        size = path.stat().st_size
        print(f"{size / 2**20:,.0f} MiB, {given.rows:,} rows of {given.columns} columns")
        print(f"numpy.loadtxt {numpy_s:.1f} s, a record {ours_s:.1f} s of CPU: {ours_s / numpy_s:.1f} times")
        print(f"peak of Python memory over a tenth of it: {peak / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
