"""What counting by zcpage.h costs against a plain increment of memory, both in one run, in turns.

    python benchmarks/page_header.py [--cc clang]

Prints the best of each over 15 rounds of four million operations (what disturbs only adds), and its ratio to
the best plain increment. Then what a reading costs the supervisor.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
LABELS = {
    "plain": "plain increment of memory",
    "zc_add": "`zc_add`: one writer",
    "zc_add_shared": "`zc_add_shared`: any thread, alone",
    "contended": "`zc_add_shared`: a second thread does nothing else",
    "zc_record": "`zc_record`: one writer",
    "zc_record_shared": "`zc_record_shared`: any thread, alone",
}


def measure(compiler: str) -> dict[str, list[float]]:
    """ns an operation of each kind, one a round, on a page of a file."""
    with tempfile.TemporaryDirectory() as folder:
        program, page = Path(folder) / "bench", Path(folder) / "page.bin"
        include = HERE.parent / "include"
        subprocess.run(
            [compiler, "-O2", "-std=gnu11", f"-I{include}", HERE / "page_header.c", "-o", program, "-pthread"],
            check=True,
        )
        environment = {"ZCBENCH_PAGE": str(page)}
        text = subprocess.run([program], env=environment, check=True, capture_output=True, text=True).stdout
    found: dict[str, list[float]] = {}
    for line in text.splitlines():
        name, value = line.split()
        found.setdefault(name, []).append(float(value))
    return found


def reading(values: int) -> float:
    """CPU time of one reading of a page that counts all the time, s: the least of 100."""
    from zcbench.page import open as open_page
    from zcbench.page.reader import PageReader, make_page

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.bin"
        make_page(path)
        page = open_page(path)
        counters = [page.total(f"c.of_{number}", "steps", "main") for number in range(values)]
        costs = []
        with PageReader(path) as reader:
            for _ in range(100):
                counters[0].add()
                before = time.process_time_ns()
                reader.read()
                costs.append((time.process_time_ns() - before) / 1e9)
    return min(costs)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cc", default="gcc")
    found = measure(parser.parse_args().cc)
    print("| | ns | ratio |\n|:--|--:|--:|")
    for name, label in LABELS.items():
        best = min(found[name])
        print(f"| {label} | {best:.2f} | {best / min(found['plain']):.1f} |")
    print("\n| values on the page | CPU time a reading | of a core at 20 readings/s |\n|--:|--:|--:|")
    for values in (20, 200, 4_096):
        cost = reading(values)
        print(f"| {values:,} | {cost * 1e3:.2f} ms | {2_000 * cost:.2f} % |")


if __name__ == "__main__":
    main()
