"""What differs between two runs beside the subject, and which figures that explains."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from zcbench.quantities.names import POOL_SLOTS
from zcbench.quantities.parsing import encode_unit
from zcbench.record.schema import Environment, RunInfo

# What a change of the scenario or the machine can explain. Crashes, gaps in the sequence, wrong bytes, leaks
# and lost leases are in none: no setting makes them right.
Aspect = Literal[
    "loss",  # packets the engine had to discard
    "pool",  # hits, misses
    "holding",  # how many packets the application has at once, and for how long
    "memory",  # how much is used; not how it grows
    "timing",
    "extremes",  # the longest of many: of more packets it is longer
    "cpu",
    "rate",
    "totals",  # plain numbers that a longer run has more of
    "budget",  # how much growth the memory check lets pass
]

_PACE: frozenset[Aspect] = frozenset(
    {"pool", "holding", "memory", "timing", "extremes", "cpu", "rate", "totals"}
)
_MACHINE: frozenset[Aspect] = frozenset({"memory", "timing", "extremes", "cpu"})
_NOTHING: frozenset[Aspect] = frozenset()

# By the longest key that matches, "pool" standing for all of its table: a key this table does not know yet
# explains whatever its table could.
_EXPLAINED: Mapping[str, frozenset[Aspect]] = {
    "description": _NOTHING,
    "name": _NOTHING,
    "tags": _NOTHING,
    "engine": _NOTHING,  # engine and fault are what is compared
    "fault": _NOTHING,
    "expect": _NOTHING,
    "limits": _NOTHING,
    "warmup": _NOTHING,
    "duration": frozenset({"extremes", "totals"}),
    "source": _PACE,
    "source.seed": _NOTHING,
    "source.frequency_hz": _NOTHING,
    "source.path": _NOTHING,
    "pool": frozenset({"pool", "memory", "loss"}),
    POOL_SLOTS: frozenset({"pool", "memory"}),
    "pool.queue": frozenset({"loss"}),
    "pool.debug": _MACHINE,
    "consumer": _PACE - {"rate"} | {"loss"},
    "consumer.verify": frozenset({"timing", "extremes", "cpu"}),
    "sampling.every": frozenset({"extremes"}),  # a percentile of fewer packets is another number
    "sampling.uss_every": _NOTHING,
    "sampling": _MACHINE,
    "gc": _MACHINE | {"pool", "holding"},  # a consumer's cycles are held until it runs
    "memory": frozenset({"budget"}),
}
_SILENT = ("name", "description", "tags", "expect")  # a difference in them explains nothing


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not the same: "pool.slots", "machine.cores", "python"; ``explains`` names aspects."""

    key: str
    base: str
    new: str
    explains: tuple[Aspect, ...] = ()

    def __str__(self) -> str:
        return f"{self.key}: {self.base} → {self.new}"


def differences(base: RunInfo, new: RunInfo) -> tuple[Difference, ...]:
    """Every difference in scenario and environment, those that explain something first."""
    found = [*_of_scenarios(base, new), *_of_environments(base.environment, new.environment)]
    return tuple(sorted(found, key=lambda difference: not difference.explains))


def _of_scenarios(base: RunInfo, new: RunInfo) -> Iterator[Difference]:
    sides = [dict(_flat(_builtins(run.scenario))) for run in (base, new)]
    for key in sorted(sides[0] | sides[1]):
        values = [side.get(key) for side in sides]
        if values[0] != values[1] and key.partition(".")[0] not in _SILENT and _read(key, base, new):
            none = ("none" if value is None else value for value in values)
            yield _difference(key, next(none), next(none), explained_by(key))
    # "auto" goes by the run's length, and a consumer's cycles are held until the next collection.
    cyclic = any(run.application.needs_gc for run in (base, new))
    if cyclic and base.gc_every_s != new.gc_every_s and sides[0]["gc.every"] == sides[1]["gc.every"]:
        explains: frozenset[Aspect] = frozenset({"pool", "holding", "memory"})
        yield _difference("gc interval", base.gc_every_s, new.gc_every_s, explains)


def _read(key: str, *runs: RunInfo) -> bool:
    """Whether a consumer of either run reads ``key``: how long to hold means nothing to one that does not."""
    table, _, name = key.partition(".")
    if table != "consumer" or name in ("kind", "verify") or name.startswith("options."):
        return True
    return any(name in run.application.options for run in runs)


def explained_by(key: str) -> frozenset[Aspect]:
    """What a change of the scenario's ``key`` can explain."""
    parts = key.split(".")
    for count in range(len(parts), 0, -1):
        known = _EXPLAINED.get(".".join(parts[:count]))
        if known is not None:
            return known
    return _PACE | {"loss"}  # a table newer than this list


def _of_environments(base: Environment, new: Environment) -> Iterator[Difference]:
    sides = [_environment(environment) for environment in (base, new)]
    for key, (first, explains) in sides[0].items():
        second = sides[1][key][0]
        if first != second:
            yield _difference(key, first, second, explains)
    for name in sorted(base.packages.keys() | new.packages.keys()):
        versions = base.packages.get(name), new.packages.get(name)
        if versions[0] != versions[1]:
            yield _difference(f"package {name}", versions[0], versions[1], _NOTHING)


def _environment(environment: Environment) -> dict[str, tuple[Any, frozenset[Aspect]]]:
    memory = environment.memory_bytes
    return {
        # A kernel's patches are its own business: "Linux 6.1.0-13" is Linux 6.1.
        "system": (_release(environment.system), _MACHINE),
        "machine": (environment.machine, _MACHINE),
        "processor": (environment.processor, _MACHINE),
        "cores": (environment.cores, _MACHINE),
        # To a GiB: what firmware and kernel keep for themselves differs from boot to boot.
        "memory": (None if memory is None else f"{memory / 2**30:.0f} GiB", _MACHINE),
        "python": (_release(environment.python), _MACHINE),
        "zcbench": (environment.zcbench, _NOTHING),
        "portaudio": (environment.portaudio, _NOTHING),
        "commit": (commit(environment), _NOTHING),
    }


def commit(environment: Environment) -> str | None:
    """The commit in short, "+" for one with changes; None outside a checkout."""
    if environment.git_commit is None:
        return None
    return environment.git_commit[:12] + ("+" if environment.git_dirty else "")


def _release(version: str) -> str:
    """ "CPython 3.11" of "CPython 3.11.9"."""
    match = re.match(r"(.*?\d+\.\d+)", version)
    return match[1] if match else version


def _difference(key: str, base: Any, new: Any, explains: frozenset[Aspect]) -> Difference:
    return Difference(key=key, base=_said(base), new=_said(new), explains=tuple(sorted(explains)))


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):  # the words of a command, as they are typed
        return shlex.join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={shlex.quote(str(one))}" for name, one in value.items()) or "none"
    return "not known" if value is None else str(value)


def _builtins(scenario: Any) -> dict[str, Any]:
    built = msgspec.to_builtins(scenario, enc_hook=encode_unit)
    assert isinstance(built, dict)
    return built


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and (prefix + key == "consumer.options" or not prefix) and key != "tags":
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
