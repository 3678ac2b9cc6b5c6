"""What Python passes to the native core: by keyword, each value refused by its own name."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from tests.capture.conftest import Make
from zcbench.capture import _core
from zcbench.capture.engine import PacketFlags
from zcbench.capture.native import NativeEngine
from zcbench.page.scoreboard import Scoreboard


def make_core(**changed: Any) -> _core.Engine:
    settings: dict[str, Any] = {
        "page": Scoreboard.create().buffer,
        "pcm": np.zeros((9, 2), np.float32),
        "rate": 48_000.0,
        "frames": 3,
        "channels": 2,
        "dtype": "float32",
        "slots": 4,
        "policy": "grow",
        "queue": 8,
        "debug": False,
        "checksum": False,
        "pace": "manual",
        "speed": 1.0,
        "limit": None,
        "lock": False,
        "minimum": 4,
        "maximum": 4,
        "shrink_after_ns": 0,
        "priority": 0,
        "in_place": False,
        "stamped": False,
    }
    return _core.Engine(**(settings | changed))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"slots": 0}, r"slots: 0 is not in 1\.\."),
        ({"slots": -1}, r"slots: -1 is not in 1\.\."),
        ({"slots": 2**70}, r"slots: 11805\d+ is not in 1\.\."),
        ({"frames": 0}, "frames: 0 is not in"),
        ({"channels": 0}, "channels: 0 is not in"),
        ({"queue": 0}, "queue: 0 is not in"),
        ({"minimum": 5}, r"minimum: 5 is not in 1\.\.4"),
        ({"maximum": 3}, r"maximum: 3 is not in 4\.\."),
        ({"priority": 100}, r"priority: 100 is not in 0\.\.99"),
        ({"limit": -1}, "limit: -1 is not in"),
        ({"rate": 0.0}, "rate: 0.0 is not a finite number above 0"),
        ({"rate": float("nan")}, "rate: nan is not a finite"),
        ({"speed": float("inf")}, "speed: inf is not a finite"),
        ({"policy": "gorw"}, "policy: 'gorw' is not one of grow, drop, block, adaptive"),
        ({"policy": 1}, "policy: 1 is not one of grow"),
        ({"pace": "fast"}, "pace: 'fast' is not one of real, unpaced, manual"),
        ({"dtype": "float64"}, "dtype: 'float64' is not one of float32, int32, int16"),
        ({"pcm": b"1234567"}, "whole frames"),
    ],
)
def test_each_wrong_value_is_refused_by_its_own_message(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make_core(**changed)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"slots": 1.5}, "slots: 1.5 is not an integer"),
        ({"debug": 1}, "debug: 1 is not True or False"),
        ({"speed": "2"}, "speed: '2' is not a number"),
        ({"slot": 3}, "unexpected keyword"),
    ],
)
def test_each_wrong_type_is_refused_by_its_own_message(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        make_core(**changed)


def test_a_missing_value_is_named() -> None:
    with pytest.raises(TypeError, match="misses its argument 'page'"):
        _core.Engine()  # type: ignore[call-arg]


def test_read_and_read_many_are_methods_that_help_shows() -> None:
    assert "timeout=None" in str(inspect.signature(NativeEngine.read))
    assert "packets" in str(inspect.signature(NativeEngine.read_many))
    for method in (NativeEngine.read, NativeEngine.read_many):
        assert "TimeoutError" in (NativeEngine.read.__doc__ or "")
        assert "drained" in (inspect.getdoc(method) or "")


def test_an_engine_that_was_not_made_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"super\(\).__init__"):
        _core.Reader.__new__(_core.Reader).read()


def test_flags_are_told_by_name(make: Make) -> None:
    engine = make(slots=1, policy="grow")
    engine.produce(2)
    first, second = engine.read_many(2)
    assert first.flags is PacketFlags(0)
    assert isinstance(second.flags, PacketFlags)
    assert second.flags == PacketFlags.OVERFLOW
    assert second.flags & PacketFlags.OVERFLOW
    assert not second.flags & PacketFlags.GAP


@pytest.mark.parametrize("other", [0, 1, 4, 7, 12, -1])
def test_flags_and_an_integer_are_flags(other: int) -> None:
    for value in range(8):
        both = PacketFlags(value) & other
        assert (both, other & PacketFlags(value)) == (value & other, value & other)
        assert isinstance(both, PacketFlags)
    with pytest.raises(TypeError):
        PacketFlags.GAP & "a"  # type: ignore[operator]
