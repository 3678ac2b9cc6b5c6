"""A run without a scenario: the defaults, called by what it is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import msgspec

from zcbench.foreign import brief, one_line
from zcbench.quantities.names import POOL_SLOTS
from zcbench.quantities.parsing import Duration
from zcbench.scenario.sheet import Sheet
from zcbench.scenario.tables import WARM_UP_SHARE, Scenario, Setting, SubjectTable

PLAIN = "soak"  # how the name of a run without a scenario begins
WARMUP = Duration(10.0)  # at most, as in stability-5min; a shorter run has WARM_UP_SHARE
# What the name or the description says anyway, or what is no setting of the run itself.
_IN_NAME = (
    *("duration", POOL_SLOTS, "name", "expect", "require"),
    *("subject.command", "subject.pid", "subject.call"),
)


def plain(scenario: Scenario, sheet: Sheet, settings: Sequence[Setting]) -> Scenario:
    """``scenario``, which no file describes, with a name, a description and a warm-up where none was given.

    It is called "soak 5m, pool 100"; its description names what else was set.
    """
    given = sheet.values
    of_engine = scenario.subject.kind == "engine"
    if "name" not in given:
        name = f"{PLAIN} {scenario.duration}, {_what(scenario)}"
        scenario = msgspec.structs.replace(scenario, name=name)
    if "description" not in given:
        others = {s.key: s.text for s in settings if s.key not in _IN_NAME and not s.key.startswith("tags.")}
        said = ", ".join(f"{key} = {value}" for key, value in others.items())
        with_ = "" if not (said or of_engine) else f" with {said or 'the defaults'}"
        what = "plain soak" if of_engine else f"soak of {_shown(scenario.subject)}"
        scenario = msgspec.structs.replace(scenario, description=what + with_)
    if "warmup" not in given:
        warmup = Duration(min(WARMUP, round(WARM_UP_SHARE * scenario.duration, 9)))
        scenario = msgspec.structs.replace(scenario, warmup=warmup)
    return scenario


def _what(scenario: Scenario) -> str:
    """What the name of a run calls its subject by: of a command, its program's name."""
    subject = scenario.subject
    if subject.kind == "engine":
        return f"pool {scenario.pool.slots}"
    if subject.kind == "attached":
        return f"process {subject.pid}"
    name = (subject.call or "").rpartition(":")[2] or re.split(r"[/\\]", subject.command[0])[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:32].strip("-.") or "command"


def _shown(subject: SubjectTable) -> str:
    """The subject as it was named, on one brief line."""
    if subject.kind == "attached":
        return f"process {subject.pid}"
    return brief(one_line(subject.call or shlex.join(subject.words)))
