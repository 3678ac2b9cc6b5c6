"""The list of planted faults: what a user can name, and what each is said to be."""

from __future__ import annotations

import re

import pytest

from zcbench.capture.reference import ReferenceEngine
from zcbench.consumers.kinds.immediate import Immediate
from zcbench.faults import FAULTS, Fault, FaultyConsumer, UnknownFaultError, find_fault, plant
from zcbench.faults.controls import CONTROLS
from zcbench.faults.trial import Trial, trial_of
from zcbench.soak.selftest import scenario_of

TRIALS = [*map(trial_of, FAULTS), *CONTROLS]

# The causes a finding may have, by its check: what is documented, and what programs read.
VOCABULARY = {
    "life": {"failed", "crashed", "exited", "hung", "memory"},
    "integrity": {
        "corrupt_on_delivery", "changed_while_held", "aliased", "overrun", "written_after_return",
        "wrong_size", "stale", "swapped_channels",
    },
    "claims": {
        "shape", "fresh_memory", "rate_ramps", "delayed", "time_ahead", "time_backward", "time_early",
        "time_stands", "flags",
    },
    "gaps": {"gaps", "duplicates", "reordered"},
    "xruns": {"lost_sound"},
    "conservation": {"counters_disagree", "returned_twice", "overflow_never_freed"},
    "delivery": {"lost", "dropped", "surplus"},
    "rate": {"clock_drift"},
    "pool.recycling": {"never_recycled", "never_reused", "slots_lost", "leases_left"},
    "memory": {"python_objects", "native", "buffers", "pages"},
    "resources": {"fds", "threads", "children"},
    "timing": {"stalls", "latency_creep", "gc_pauses"},
    "disk": {"files", "output"},
    "cost": {"cpu_creep", "busy"},
}  # fmt: skip

# A name the nightly's table, the docs and the published stories rely on.
PROMISED = {
    "mixed-ownership", "no-op-return", "lost-slot", "overflow-never-freed", "double-return",
    "recycled-under-view", "returned-by-two-threads", "exhausted-deadlock", "dropped-silently",
    "duplicated", "reordered", "torn", "wrong-size", "overrun", "lying-statistics", "leak-objects",
    "leak-native", "leak-arrays", "leak-cycles", "leak-every-10", "leak-native-every-10",
    "leak-every-1000", "warm-up", "one-step", "gc-sawtooth", "fragmentation", "long-hold",
    "leak-fds", "leak-threads", "leak-children", "slow-clock", "stall", "latency-creep", "gc-storm",
    "cpu-creep", "segfault", "abort", "oom-kill", "memory-error", "deadlock-with-gil", "deadlock",
    "silent-exit", "consumer-exception", "finaliser-exception",
}  # fmt: skip
BENIGN = {"warm-up", "one-step", "gc-sawtooth", "fragmentation", "long-hold", "long-hold-30s"}


def test_every_promised_fault_can_be_named() -> None:
    assert {fault.name for fault in FAULTS} >= PROMISED


def test_no_two_trials_share_a_name() -> None:
    names = [trial.name for trial in TRIALS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_says_what_it_must_be_called(fault: Fault) -> None:
    assert fault.meaning
    if fault.name in BENIGN:
        assert fault.check is None
        assert fault.cause is None
    else:
        assert fault.check is not None
        assert fault.cause in VOCABULARY[fault.check]
        assert fault.engine is not None or fault.consumer is not None


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_a_trial_is_a_scenario_that_can_be_run(trial: Trial) -> None:
    # given its settings / when they are resolved as a user's would be
    scenario = scenario_of(trial)
    # then they plant the fault, and a quick one takes no more than a minute of wall time
    assert scenario.fault == trial.fault
    assert trial.slow or scenario.duration / scenario.source.speed <= 60


def test_an_unknown_fault_names_the_nearest() -> None:
    with pytest.raises(UnknownFaultError, match="did you mean 'reordered'"):
        find_fault("reorderd")


def test_planting_replaces_only_what_the_fault_is_about() -> None:
    class Other(ReferenceEngine):
        pass

    inner = Immediate()
    # given an engine's fault / when it is planted / then the consumer is the scenario's own
    assert plant(find_fault("torn"), Other, inner) == (find_fault("torn").engine, inner)
    # given a consumer's / then the engine is the scenario's own, and the consumer wraps its own
    engine, consumer = plant(find_fault("leak-fds"), Other, inner)
    assert engine is Other
    assert isinstance(consumer, FaultyConsumer)


def test_no_control_asks_for_what_a_sound_engine_cannot_do() -> None:
    # given the policies that stop or drop / then nobody there keeps packets
    strict = [trial for trial in CONTROLS if trial.settings.get("pool.policy") in ("block", "drop")]
    assert strict
    assert not [t for t in strict if t.settings["consumer.kind"] in ("hold", "cycle", "burst")]
