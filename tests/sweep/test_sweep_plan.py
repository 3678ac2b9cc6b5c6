"""What a sweep is to run, and what it refuses to begin."""

from __future__ import annotations

import pytest

from zcbench.scenario import ScenarioError, Setting
from zcbench.sweep.plan import Axis, SweepError, length_s, parse_axis, plan


def test_every_combination_is_one_run_the_last_axis_fastest() -> None:
    axes = [Axis("pool.slots", ("10", "50")), Axis("consumer.hold", ("0s", "1s"))]
    runs = plan("crash-debug", axes, flags=[Setting("consumer.kind", "hold", "--consumer")])
    assert [run.name for run in runs] == ["001", "002", "003", "004"]
    assert [(run.scenario.pool.slots, run.scenario.consumer.hold) for run in runs] == [
        (10, 0.0), (10, 1.0), (50, 0.0), (50, 1.0),
    ]  # fmt: skip
    assert runs[1].values == {"pool.slots": "10", "consumer.hold": "1s"}
    # four runs of 30 s, and a little for the start and end of each
    assert 120 < length_s(runs) < 150


@pytest.mark.parametrize(
    "text", ["", "pool.slots", "pool.slots=", "=10", "pool.slots=10,,20", "pool.slots=10,10"]
)
def test_an_axis_is_a_key_and_its_values(text: str) -> None:
    with pytest.raises(SweepError, match="--vary"):
        parse_axis(text)


def test_an_axis_that_does_not_exist_or_a_wrong_value_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"--vary: pool\.slot: .*pool\.slots"):
        plan("crash-debug", [Axis("pool.slot", ("1",))])
    with pytest.raises(ScenarioError, match=r"--vary: pool\.slots: 'many' is not a whole number"):
        plan("crash-debug", [Axis("pool.slots", ("10", "many"))])
    with pytest.raises(ScenarioError, match="has no effect with consumer 'immediate'"):
        plan("crash-debug", [Axis("consumer.hold", ("1s",))])


def test_a_sweep_that_explodes_says_how_many_runs_and_how_long() -> None:
    # given 21 x 20 runs of 30 s
    axes = [
        Axis("pool.slots", tuple(map(str, range(1, 22)))),
        Axis("source.frames", tuple(map(str, range(100, 120)))),
    ]
    with pytest.raises(SweepError, match=r"420 runs would take about 3 h 44 min; at most 200"):
        plan("crash-debug", axes)


def test_a_key_is_varied_once_and_not_set_too() -> None:
    axis = Axis("pool.slots", ("1", "2"))
    with pytest.raises(SweepError, match="given twice"):
        plan("crash-debug", [axis, axis])
    with pytest.raises(SweepError, match=r"--pool: pool\.slots is varied"):
        plan("crash-debug", [axis], flags=[Setting("pool.slots", "5", "--pool")])
