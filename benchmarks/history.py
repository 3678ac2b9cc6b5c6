"""How long do 10,000 runs take `zcbench history`, against reading the same files with json?

    python benchmarks/history.py RUN [--runs 10000] [--rounds 5]

RUN is a judged run; its run.json and result.json are copied so many times into a temporary directory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from zcbench.comparing.history import DEFAULT, resolve
from zcbench.comparing.results import read_results
from zcbench.record.schema import RESULT_FILE, RUN_FILE
from zcbench.render.history import stories, table

SECONDS_A_RUN = 60


def copies(run: Path, root: Path, count: int) -> None:
    """``count`` runs like ``run``, a minute apart."""
    texts = {name: json.loads((run / name).read_text("utf-8")) for name in (RUN_FILE, RESULT_FILE)}
    start = np.datetime64("2026-01-01T00:00:00")
    for at in range(count):
        folder = root / f"{at:06}"
        folder.mkdir()
        moment = start + np.timedelta64(SECONDS_A_RUN * at, "s")
        texts[RUN_FILE] |= {"id": f"r{at}", "started_at": f"{moment}+00:00"}
        for name, text in texts.items():
            (folder / name).write_text(json.dumps(text, indent=2), "utf-8")


def by_history(root: Path) -> None:
    """What the command does, but for starting Python."""
    metrics = [resolve(name) for name in DEFAULT]
    table(stories(read_results(root, [metric.name for metric in metrics]).rows, metrics))


def by_json(root: Path) -> None:
    """Reading, and nothing else."""
    for folder in root.iterdir():
        for name in (RUN_FILE, RESULT_FILE):
            json.loads((folder / name).read_text("utf-8"))


def main() -> None:
    """In turns, so that what disturbs the machine disturbs both; the medians, and the ratio of each round."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copies(options.run, Path(folder), options.runs)
        rounds = []
        for _ in range(options.rounds):
            taken = []
            for way in (by_history, by_json):
                start = time.perf_counter()
                way(Path(folder))
                taken.append(time.perf_counter() - start)
            rounds.append(taken)
    history, plain = (statistics.median(way) for way in zip(*rounds, strict=True))
    ratios = [first / second for first, second in rounds]
    print(f"zcbench history  {history:.2f} s for {options.runs:,} runs (median of {options.rounds})")
    print(f"json             {plain:.2f} s")
    print(f"ratio            {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
