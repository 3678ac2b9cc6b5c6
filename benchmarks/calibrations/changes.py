"""How often is a change point found where there is none, and where there is one? For docs/comparing.md.

python benchmarks/calibrations/changes.py [--histories 400]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zcbench.comparing.changes import changes

Series = NDArray[np.float64]
RUNS = (5, 8, 12, 20, 50, 200)


def correlated(random: np.random.Generator, runs: int, r: float) -> Series:
    """AR(1) about 100: a machine whose mood lasts for some runs."""
    x = np.empty(runs + 50)
    x[0] = 0
    for i in range(1, x.size):
        x[i] = r * x[i - 1] + random.normal(0, 5)
    return 100 + x[50:]


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--histories", type=int, default=400)
    histories = parser.parse_args().histories
    random = np.random.default_rng(1)
    sound: dict[str, Callable[[int], Series]] = {
        "normal, 5 %": lambda n: random.normal(100, 5, n),
        "log-normal, 50 %": lambda n: random.lognormal(0, 0.5, n),
        "5 % of the runs far off": lambda n: (
            random.normal(100, 5, n) + (random.random(n) < 0.05) * random.exponential(100, n)
        ),
        "0 but for 5 %": lambda n: (random.random(n) < 0.05) * random.poisson(5, n).astype(float),
        "AR(1), r = 0.3": lambda n: correlated(random, n, 0.3),
        "AR(1), r = 0.6": lambda n: correlated(random, n, 0.6),
    }
    changed: dict[str, Callable[[int], Series]] = {
        "+20 % half way, 5 % noise": lambda n: random.normal(100, 5, n) + 20 * (np.arange(n) >= n // 2),
        "+20 % in the last 3 runs": lambda n: random.normal(100, 5, n) + 20 * (np.arange(n) >= n - 3),
        "+20 % half way, 1 % noise": lambda n: random.normal(100, 1, n) + 20 * (np.arange(n) >= n // 2),
        "from 0 to 5 half way": lambda n: 5.0 * (np.arange(n) >= n // 2),
    }  # fmt: skip
    for title, kinds in (("no change: found one", sound), ("a change: found it", changed)):
        print(f"| {title} | {' | '.join(f'{n} runs' for n in RUNS)} |\n|:--|{'--:|' * len(RUNS)}")
        for name, make in kinds.items():
            shares = [np.mean([bool(changes(make(n))) for _ in range(histories)]) for n in RUNS]
            print(f"| {name} | {' | '.join(f'{share:.1%}' for share in shares)} |")
        print()


if __name__ == "__main__":
    main()
