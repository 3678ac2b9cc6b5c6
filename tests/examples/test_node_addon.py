"""The Node add-on: it builds by the compiler alone, and each of its states is called by its name."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.examples.node_addon import STATES, State, build, misnamed, soak
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result

if sys.platform == "win32":
    pytest.skip("g++ and SIGTERM", allow_module_level=True)

# Ten times the pace of soak.toml: V8 collects as often in 8 s as there in 80 s.
PACE = {"subject.args.rate": "1000", "sampling.every": "200ms"}
# A thousand slots are a second of it, for a machine that is busy; as many as ten are at the original's.
KEYS: dict[str, dict[str, str]] = {
    "mixed-ownership": {"subject.args.rate": "100", "duration": "30s"},
    "no-op-return": {"duration": "4s"},
    "lost-slot": {"duration": "8s"},
    # V8 collects every 2,000 packets or so: several samples between two collections, several of those.
    "sound": {"subject.args.rate": "800", "duration": "12s"},
    "told": {"duration": "8s", "subject.args.slots": "1000"},
    "explicit": {"duration": "4s", "subject.args.slots": "1000"},
    "copy": {"duration": "4s", "subject.args.slots": "1000"},
    "refused": {"duration": "4s", "subject.args.slots": "1000"},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def runs(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Record, Result]]:
    """The record and the verdict of each state, all run side by side."""
    folder = tmp_path_factory.mktemp("runs")
    with ThreadPoolExecutor(len(KEYS)) as pool:
        started = {
            state: pool.submit(soak, built, state, folder / state, PACE | keys) for state, keys in KEYS.items()
        }
        return {state: running.result() for state, running in started.items()}


def count(runs: dict[str, tuple[Record, Result]], state: str, name: str) -> int:
    value = runs[state][1].totals[name]
    assert value is not None
    return int(value)


def failed(result: Result) -> dict[str, Finding]:
    return {finding.check: finding for finding in result.findings if finding.outcome == "fail"}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_each_state_is_called_by_its_name(runs: dict[str, tuple[Record, Result]], state: State) -> None:
    record, result = runs[state.name]
    wrong = misnamed(state, result)
    if wrong and state.name in ("sound", "told", "explicit") and was_held_up(record):
        # Collections were no longer apart, or more packets were in flight than there are slots.
        assert "pool.hit_rate: too_small" in wrong or "pool.hit_rate: burst" in wrong
        return
    assert wrong is None


def was_held_up(record: Record) -> bool:
    """Whether the machine was so busy that a sample came half a second late: 500 packets at this pace."""
    late = np.diff(record.samples["elapsed_s"]) - record.run.scenario.sampling.every
    return float(late.max()) > 0.5


def test_mixed_ownership_aborts_with_packet_111_of_10_slots(runs: dict[str, tuple[Record, Result]]) -> None:
    found = failed(runs["mixed-ownership"][1])
    assert found["life"].cause == "crashed"
    assert "died of SIGABRT; it said: " in found["life"].sentence
    assert found["life"].sentence.endswith("; 111 packets had been received")
    assert count(runs, "mixed-ownership", "pool.returns") == 0


def test_a_no_op_return_has_as_many_hits_as_slots_for_ever(runs: dict[str, tuple[Record, Result]]) -> None:
    found = failed(runs["no-op-return"][1])
    assert found["pool.recycling"].cause == "never_recycled"
    assert count(runs, "no-op-return", "pool.hits") == 10
    assert count(runs, "no-op-return", "pool.misses") > 1000


def test_a_lost_slot_is_told_from_one_that_is_in_use(runs: dict[str, tuple[Record, Result]]) -> None:
    found = failed(runs["lost-slot"][1])
    assert found["pool.recycling"].cause == "slots_lost"
    assert found["laws"].cause == "law_broken"
    assert "pool.slots == pool.free + pool.slots_in_use is broken: 10 against" in found["laws"].sentence


def test_the_sound_one_serves_ten_hits_a_collection(runs: dict[str, tuple[Record, Result]]) -> None:
    # All its packets came back, in bursts, each of which served ten more.
    assert failed(runs["sound"][1]) == {}
    assert count(runs, "sound", "pool.returns") == count(runs, "sound", "engine.captured")
    assert count(runs, "sound", "pool.hits") < 0.1 * count(runs, "sound", "engine.captured")
    assert count(runs, "sound", "pool.high_water") > 100


@pytest.mark.parametrize("state", ["told", "explicit"])
def test_a_slot_that_comes_back_in_time_makes_the_pool_large_enough(
    runs: dict[str, tuple[Record, Result]], state: str
) -> None:
    assert failed(runs[state][1]).keys() <= {"memory"}
    enough = 0.5 if was_held_up(runs[state][0]) else 0.9
    assert count(runs, state, "pool.hits") >= enough * count(runs, state, "engine.captured")
    assert count(runs, state, "pool.copies") == 0


@pytest.mark.parametrize(("state", "refused"), [("copy", False), ("refused", True)])
def test_a_copy_is_counted_as_one_and_says_whether_it_had_to_be(
    runs: dict[str, tuple[Record, Result]], state: str, refused: bool
) -> None:
    found = failed(runs[state][1])
    assert set(found) == ({"pool.hand_over"} if refused else set())
    copies = count(runs, state, "pool.copies")
    assert copies == count(runs, state, "engine.delivered")
    assert count(runs, state, "pool.external_refused") == (copies if refused else 0)
    assert count(runs, state, "pool.hits") >= 0.9 * count(runs, state, "engine.captured")


@pytest.mark.parametrize("state", KEYS)
def test_no_packet_is_lost_reordered_or_changed(runs: dict[str, tuple[Record, Result]], state: str) -> None:
    found = {finding.check: finding.outcome for finding in runs[state][1].findings}
    assert found["gaps"] == "pass"
    assert found["integrity"] == "pass"
    assert count(runs, state, "consumer.corrupt_on_delivery") == 0
    assert count(runs, state, "consumer.corrupt_before_return") == 0
    assert count(runs, state, "consumer.checked") == count(runs, state, "consumer.received")


def test_its_names_and_units_are_those_of_our_engine(runs: dict[str, tuple[Record, Result]]) -> None:
    for quantity in runs["sound"][0].quantities.values():
        if quantity.name.startswith(("pool.", "engine.", "consumer.")):
            ours = VOCABULARY.get(quantity.name)
            assert ours is not None, quantity.name
            assert quantity.unit == ours.unit, quantity.name


def test_it_refuses_what_it_is_not(built: Path) -> None:
    def start(*arguments: str) -> str:
        done = subprocess.run(
            ["node", "capture.js", *arguments],
            cwd=built, env=os.environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        return done.stderr

    assert "no state wrong: one of mixed-ownership, no-op-return, lost-slot" in start("wrong")
    assert "slots 1..1,000,000" in start("sound", "--slots", "0")
    assert "no option --pool" in start("sound", "--pool", "10")
