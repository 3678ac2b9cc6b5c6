"""CPU per packet from counters that step by 10 ms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.cost import Cost, cost


def measured(
    tmp_path: Path, rows: int, cores: Callable[[int], float], *, imports_s: float = 0.0
) -> Cost | None:
    """Of a run with a sample each second, in the i-th of which the subject used ``cores(i)`` of a core."""
    used = imports_s + np.cumsum([cores(i) for i in range(rows)])

    def bend(index: int, row: Row) -> None:
        if row["phase"] == 1:
            user = float(np.floor(used[index] * 100) / 100)  # the kernel's ticks
            row |= {"cpu_user_s": user, "cpu_system_s": 0.0, "supervisor_cpu_s": 0.5 + 0.01 * index}

    return cost(make_record(tmp_path / "run", scenario(duration_s=rows), rows=rows, bend=bend))


def test_the_cost_of_a_packet_leaves_start_up_out(tmp_path: Path) -> None:
    # given 2 % of a core at 100 packets/s after a second of imports
    found = measured(tmp_path, 60, lambda _: 0.02, imports_s=1.0)
    assert found is not None
    assert found.per_packet_s == pytest.approx(200e-6, rel=0.02)
    assert found.harness_cores == pytest.approx(0.01 + 0.0003)


@pytest.mark.parametrize("rows", [30, 300])
def test_a_cost_that_grows_creeps(tmp_path: Path, rows: int) -> None:
    found = measured(tmp_path, rows, lambda i: 0.02 + 0.4 * i / rows)
    assert found is not None
    assert found.creep is not None
    assert found.creep.rose


@pytest.mark.parametrize("seed", range(8))
def test_ticks_and_load_are_no_creep(tmp_path: Path, seed: int) -> None:
    # given a steady 2 % on a machine where caches and clocks make a second cost up to twice as much
    rng = np.random.default_rng(seed)
    found = measured(tmp_path, 30, lambda _: 0.02 * float(rng.uniform(1, 2)))
    assert found is not None
    assert found.creep is not None
    assert not found.creep.rose


@pytest.mark.parametrize(
    "cores",
    [
        pytest.param(lambda i: 0.005 + 0.02 * i / 300, id="fivefold, but by 2 % of a core"),
        pytest.param(lambda i: 0.5 + 0.3 * i / 300, id="by 30 % of a core, but not doubled"),
        pytest.param(lambda i: 0.02 + 0.3 * (i % 100 > 50), id="up and down"),
        pytest.param(lambda i: 0.02 if i < 100 else 0.6 - 0.001 * i, id="up at once, then falling"),
    ],
)
def test_what_is_small_or_does_not_last_is_no_creep(tmp_path: Path, cores: Callable[[int], float]) -> None:
    found = measured(tmp_path, 300, cores)
    assert found is not None
    assert found.creep is not None
    assert not found.creep.rose


def test_blocks_shorter_than_the_ticks_allow_are_not_made(tmp_path: Path) -> None:
    # given ten seconds: five blocks of 2 s
    found = measured(tmp_path, 11, lambda i: 0.02 + 0.4 * i)
    assert found is not None
    assert found.creep is None


def test_without_readings_there_is_no_cost(tmp_path: Path) -> None:
    def bend(_index: int, row: Row) -> None:
        row |= {"cpu_user_s": None}

    assert cost(make_record(tmp_path / "run", bend=bend)) is None
