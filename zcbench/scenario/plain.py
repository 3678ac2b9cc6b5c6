"""A run without a scenario: the defaults, called by what it is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zcbench.quantities.units import Duration
from zcbench.scenario.sheet import Sheet
from zcbench.scenario.tables import Scenario, Setting

PLAIN = "soak"  # how the name of a run without a scenario begins
WARMUP = Duration(10.0)  # imports, caches and the allocator settle in it, as in stability-5min
WARMUP_SHARE = 0.1  # of the run at most
_IN_NAME = ("duration", "pool.slots")


def plain(scenario: Scenario, sheet: Sheet, settings: Sequence[Setting]) -> Scenario:
    """``scenario``, which no file describes, with a name, a description and a warm-up where none was given.

    It is called "soak 5m, pool 100"; its description names what else was set.
    """
    given = sheet.values
    if "name" not in given:
        name = f"{PLAIN} {scenario.duration}, pool {scenario.pool.slots}"
        scenario = msgspec.structs.replace(scenario, name=name)
    if "description" not in given:
        others = {
            s.key: s.text
            for s in settings
            if s.key not in (*_IN_NAME, "name", "expect", "require") and not s.key.startswith("tags.")
        }
        said = ", ".join(f"{key} = {value}" for key, value in others.items())
        scenario = msgspec.structs.replace(scenario, description=f"plain soak with {said or 'the defaults'}")
    if "warmup" not in given:
        warmup = Duration(min(WARMUP, WARMUP_SHARE * scenario.duration))
        scenario = msgspec.structs.replace(scenario, warmup=warmup)
    return scenario
