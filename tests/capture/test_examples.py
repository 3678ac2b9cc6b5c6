"""The import path that users are told of, the examples of modules, and values checked when they are given."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zcbench
from zcbench import PoolConfig, ReplaySource, StreamFormat


@pytest.mark.parametrize(
    "module",
    [
        "zcbench",
        *(f"zcbench.capture.{name}" for name in ("engine", "native", "reference", "sources")),
    ],
)
def test_the_example_at_the_top_of_a_module_runs(module: str) -> None:
    failed, tried = doctest.testmod(import_module(module))
    assert tried > 2
    assert failed == 0


def test_what_a_user_needs_comes_from_one_place() -> None:
    stub = Path(zcbench.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    told = {
        alias.name: node.module
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(told) == set(zcbench.__all__)
    for name, module in told.items():
        assert getattr(zcbench, name) is getattr(import_module(module or ""), name)
    assert set(told) <= set(dir(zcbench))
    with pytest.raises(AttributeError, match="NativeEngin"):
        zcbench.NativeEngin  # type: ignore[attr-defined]


def test_importing_zcbench_imports_no_engine() -> None:
    code = "import sys, zcbench; print(*(m for m in sys.modules if m.startswith(('zcbench.', 'numpy'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # An empty package, which is a function too.
    assert done.stdout.split() == ["zcbench.soak"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: PoolConfig(slots=0), r"pool.slots: 0 is not in 1\.\.1,000,000"),
        (lambda: PoolConfig(slots=True), "pool.slots: True is not an integer"),
        (lambda: PoolConfig(slots=2.5), "pool.slots: 2.5 is not an integer"),
        (lambda: PoolConfig(policy="gorw"), "'gorw' is not one of grow, drop, block, adaptive"),
        (lambda: PoolConfig(queue=0), "pool.queue: 0 is not at least 1"),
        (lambda: PoolConfig(4, min=5), r"pool.min: 5 is not in 1\.\.4"),
        (lambda: PoolConfig(4, max=3), r"pool.max: 3 is not in 4\.\.1,000,000"),
        (lambda: PoolConfig(shrink_after_s=-1), "pool.shrink_after_s: -1 is not a finite number"),
        (lambda: PoolConfig(debug="yes"), "pool.debug: 'yes' is not one of True, False"),
        (lambda: StreamFormat(rate=0), "rate: 0 is not a finite number above 0"),
        (lambda: StreamFormat(rate=float("nan")), "rate: nan"),
        (lambda: StreamFormat(frames=0), "frames: 0 is not at least 1"),
        (lambda: StreamFormat(channels=-1), "channels: -1"),
        (lambda: StreamFormat(dtype="float64"), "'float64' is not one of float32, int32, int16"),
        (lambda: StreamFormat(frames=2**70), "a packet has .*; at most 64.00 MiB"),
        (lambda: _source(pace="fast"), "source.pace: 'fast' is not one of real, unpaced, manual"),
        (lambda: _source(speed=0), "source.speed: 0 is not a finite number above 0"),
        (lambda: _source(limit=-1), "source.limit: -1 is not at least 0"),
        (lambda: ReplaySource([[0.0]], "list"), "list: pcm must be"),
    ],
)
def test_a_wrong_value_is_refused_when_it_is_given(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_integers_and_numbers_of_numpy_are_as_good() -> None:
    assert PoolConfig(slots=np.int64(3)).maximum == 3  # type: ignore[arg-type]
    assert StreamFormat(rate=np.int32(8_000), frames=np.int16(80)).packets_per_s == 100  # type: ignore[arg-type]


def _source(**changed: Any) -> ReplaySource:
    return ReplaySource(np.zeros((9, 2), np.float32), "zeros", **changed)
