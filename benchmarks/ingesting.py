"""What reading a wide log costs: 24 hours at 1 Hz with 200 columns, against numpy.loadtxt, and its memory.

    python benchmarks/ingesting.py [--rows 86400] [--columns 200] [--json]

Both read the same file from the page cache, each in a process of its own: CPU time, so that a busy machine does
not matter, and the most that was resident. Reading for a record goes over the log three times: to tell its
columns, to survey it, to write it. With --json the log is one JSON array, which json.load reads for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from zcbench.importers.columns import columns_of
from zcbench.importers.ingest import Foreign, Story, survey, write_record
from zcbench.importers.table import open_table


@cache
def _rest(at: int, columns: int, as_json: bool) -> str:
    """The cells that nobody knows, of one of 977 rows."""
    cells = [(at * n) % 977 + 0.25 for n in range(columns)]
    if as_json:
        return ", ".join(f'"c{n}": {cell}' for n, cell in enumerate(cells))
    return ",".join(map(str, cells))


def log(path: Path, rows: int, columns: int, as_json: bool) -> None:
    """A healthy log: a time, resident memory, descriptors, and columns that nobody knows."""
    names = ["elapsed_s", "rss_bytes", "fds", *(f"c{n}" for n in range(columns - 3))]
    with path.open("w", encoding="utf-8") as file:
        file.write("[" if as_json else ",".join(names) + "\n")
        for t in range(rows):
            first = (t, 50 * 2**20 + 4096 * (t % 7), 12)
            rest = _rest(t % 977, columns - 3, as_json)
            if as_json:
                known = ", ".join(f'"{name}": {value}' for name, value in zip(names, first, strict=False))
                file.write((",\n" if t else "") + f"{{{known}, {rest}}}")
            else:
                file.write(f"{','.join(map(str, first))},{rest}\n")
        file.write("]" if as_json else "")


def ingested(path: Path) -> None:
    """Read ``path`` into a record beside it."""
    out = path.with_suffix(".run")
    out.mkdir()
    table = open_table(path)
    mapped = columns_of((), table)
    foreign = Foreign(table, mapped.columns, {}, Story("log"), mapped.ignored)
    write_record(out, foreign, survey(foreign))


def compared(path: Path) -> None:
    """Read ``path`` as others do."""
    if path.suffix == ".json":
        json.loads(path.read_bytes())
    else:
        np.loadtxt(path, delimiter=",", skiprows=1)


def cost(what: str, path: Path) -> tuple[float, float]:
    """CPU seconds and the most resident MiB of a process that does ``what`` with ``path``."""
    child = os.spawnv(
        os.P_NOWAIT, sys.executable, [sys.executable, __file__, "--only", what, "--log", str(path)]
    )
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{what} failed")
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 2**20


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=86_400)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone", action="store_true", help="do not read it with numpy or json as well")
    parser.add_argument("--only", choices=["ingested", "compared", "nothing"], help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        {"ingested": ingested, "compared": compared, "nothing": Path.exists}[given.only](given.log)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("log.json" if given.json else "log.csv")
        log(path, given.rows, given.columns, given.json)
        print(f"{path.stat().st_size / 2**20:,.0f} MiB, {given.rows:,} rows of {given.columns} columns")
        # What a process has before it reads: the interpreter, numpy, zcbench.
        _, before = cost("nothing", path)
        ours_s, ours = cost("ingested", path)
        print(
            f"a record: {ours_s:.1f} s of CPU, at most {ours:.0f} MiB resident ({before:.0f} before it reads)"
        )
        if not given.alone:
            other_s, other = cost("compared", path)
            name = "json.loads" if given.json else "numpy.loadtxt"
            print(f"{name}: {other_s:.1f} s, {other:.0f} MiB: a record takes {ours_s / other_s:.1f} times")


if __name__ == "__main__":
    main()
