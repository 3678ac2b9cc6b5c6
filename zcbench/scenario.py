"""The typed scenario: what to run, and how a file, the environment and flags become one.

:func:`load` resolves in the order flag > environment > scenario file > default, and checks all that
can be known without opening the source. Every error is a :class:`ScenarioError` that says where the
value came from (file and line, variable or flag), the key, the value, and what would be right.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import shlex
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NoReturn, cast, get_args, get_origin

import msgspec

from zcbench import expectation as expectations
from zcbench.units import (
    Duration,
    Growth,
    Rate,
    Size,
    UnitError,
    decode_unit,
    format_bytes,
    format_duration,
    parse_duration,
    parse_speed,
)

ConsumerKind = Literal["immediate", "hold", "cycle", "slow", "burst", "copy"]
SourceKind = Literal["tone", "noise", "silence", "file", "device"]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SourceTable(_Table, frozen=True):
    """``[source]``: what feeds the engine."""

    kind: SourceKind = "tone"
    path: str | None = None  # kind "file"; relative to the working directory
    device: str | int | None = None  # kind "device"; None is the system's default input
    rate: Rate | None = None  # frames/s; None: the file's, else 48,000
    frames: int = 480
    channels: int | None = None  # None: the file's, else 2
    dtype: Literal["float32", "int32", "int16"] = "float32"
    frequency_hz: float = 440.0
    seed: int = 1
    priority: int | None = None  # 1 to 99: a real-time thread captures (Linux: SCHED_FIFO)
    speed: float = 1.0  # replay sources: times real pace
    unpaced: bool = False  # replay sources: as fast as the application reads


class PoolTable(_Table, frozen=True):
    """``[pool]``."""

    slots: int = 100
    policy: Literal["grow", "drop", "block", "adaptive"] = "grow"
    min: int | None = None  # adaptive; None: slots
    max: int | None = None  # adaptive; None: 100 times slots
    shrink_after: Duration = Duration(10.0)  # adaptive: demand must have been low for so long
    queue: int = 4096
    debug: bool = False
    lock: bool = False  # the slab is locked in memory


class ConsumerTable(_Table, frozen=True):
    """``[consumer]``: how the application holds packets."""

    kind: ConsumerKind = "immediate"
    hold: Duration = Duration(1.0)  # hold: keeps the last T seconds
    work: Duration = Duration(0.001)  # slow: per packet
    every: Duration = Duration(0.1)  # burst: reads every T
    verify: bool = True  # compare every byte on delivery and before return


class SamplingTable(_Table, frozen=True):
    """``[sampling]``."""

    every: Duration = Duration(1.0)
    uss_every: Duration = Duration(10.0)
    tracemalloc: bool = False  # one frame; always off with source.unpaced
    memray: bool = False  # follow native allocations after warm-up; needs zcbench[native]


class GcTable(_Table, frozen=True):
    """``[gc]``: full collections made by the harness, so that heaps can be compared after each."""

    every: str = "auto"  # "auto": the run's length / 24, 2 to 60 s; "natural": none; or "10s"


class LimitsTable(_Table, frozen=True):
    """``[limits]``: when the supervisor steps in."""

    hang: Duration = Duration(10.0)  # no packet for this long while packets are due
    rss: Size | None = None  # kill the subject above this


class MemoryTable(_Table, frozen=True):
    """``[memory]``: how much growth is too much, for each counter by itself."""

    budget: Growth = Growth(8 * 2**20 / 86_400)  # 8 MiB a day: about 1 byte a packet at 100/s


class Expectation(_Table, frozen=True):
    """One entry of ``expect``: a comparison in the language of :mod:`zcbench.expectation`.

    At level "warn" a failure does not fail the run. With ``abort`` the run ends as soon as the expectation
    is broken, but not in the first ``grace`` of the stream.
    """

    that: str
    level: Literal["fail", "warn"] = "fail"
    abort: bool = False
    grace: Duration = Duration(0.0)


class Scenario(_Table, frozen=True):
    """A scenario as resolved: file, environment, flags and defaults merged."""

    name: str = "custom"
    description: str = ""
    engine: str = "native"
    fault: str | None = None  # a planted one: `zcbench selftest --list`
    duration: Duration = Duration(30.0)  # stream time: wall time is duration / speed
    warmup: Duration = Duration(0.0)
    source: SourceTable = SourceTable()
    pool: PoolTable = PoolTable()
    consumer: ConsumerTable = ConsumerTable()
    sampling: SamplingTable = SamplingTable()
    gc: GcTable = GcTable()
    limits: LimitsTable = LimitsTable()
    memory: MemoryTable = MemoryTable()
    expect: tuple[Expectation, ...] = ()
    tags: dict[str, str] = {}


class ScenarioError(ValueError):
    """A scenario that cannot be run: says where, which key, what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as text that overrides the file: ``key`` is "pool.slots", ``origin`` is "--pool"."""

    key: str
    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class Shipped:
    """A scenario that comes with zcbench."""

    name: str
    description: str
    path: Path


# The flags of `zcbench run` that set a key. Each is a variable too: --pool-policy is
# ZCBENCH_POOL_POLICY.
FLAGS: Mapping[str, str] = {
    "--duration": "duration",
    "--warmup": "warmup",
    "--engine": "engine",
    "--fault": "fault",
    "--source": "source.kind",
    "--path": "source.path",
    "--device": "source.device",
    "--rate": "source.rate",
    "--frames": "source.frames",
    "--channels": "source.channels",
    "--dtype": "source.dtype",
    "--priority": "source.priority",
    "--speed": "source.speed",
    "--unpaced": "source.unpaced",
    "--pool": "pool.slots",
    "--pool-policy": "pool.policy",
    "--pool-min": "pool.min",
    "--pool-max": "pool.max",
    "--lock-pool": "pool.lock",
    "--debug-pool": "pool.debug",
    "--consumer": "consumer.kind",
    "--hold": "consumer.hold",
    "--work": "consumer.work",
    "--every": "consumer.every",
    "--sample-every": "sampling.every",
}

_TABLES: Mapping[str, type[_Table]] = {
    "source": SourceTable,
    "pool": PoolTable,
    "consumer": ConsumerTable,
    "sampling": SamplingTable,
    "gc": GcTable,
    "limits": LimitsTable,
    "memory": MemoryTable,
}
_TOP = [f for f in msgspec.structs.fields(Scenario) if f.name not in {*_TABLES, "tags", "expect"}]
_KINDS: Mapping[str, Any] = (
    {f.name: f.type for f in _TOP}
    | {
        f"{table}.{f.name}": f.type
        for table, s in _TABLES.items()
        for f in msgspec.structs.fields(s)
    }
    | {"expect": str}
)

# Keys that only some kinds of source or consumer read: a flag that changes nothing is refused.
_READ_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pool.min": ("pool.policy", ("adaptive",)),
    "pool.max": ("pool.policy", ("adaptive",)),
    "pool.shrink_after": ("pool.policy", ("adaptive",)),
    "consumer.hold": ("consumer.kind", ("hold",)),
    "consumer.work": ("consumer.kind", ("slow",)),
    "consumer.every": ("consumer.kind", ("burst",)),
    "source.path": ("source.kind", ("file",)),
    "source.device": ("source.kind", ("device",)),
    "source.frequency_hz": ("source.kind", ("tone",)),
    "source.seed": ("source.kind", ("noise",)),
}

_MOST_FILE_CHANNELS = 8
_MOST_CHANNELS = 64
_MOST_RATE = 1_000_000
_MOST_QUEUE = 1_000_000
_MOST_SPEED = 1_000_000
_LONGEST_S = 366 * 86_400.0
_SHORTEST_SAMPLING_S = 0.01
_LARGEST_FILE_BYTES = 2**20
_ITEM_BYTES: Mapping[str, int] = {"float32": 4, "int32": 4, "int16": 2}


def load(
    scenario: str | Path | None = None,
    *,
    environment: Iterable[Setting] = (),
    flags: Iterable[Setting] = (),
) -> Scenario:
    """The scenario named or stored at ``scenario``, with ``environment``, then ``flags`` over it.

    ``scenario`` is the name of a shipped one, the path of a TOML file, or None for the defaults.
    Raises ScenarioError; nothing is opened but the scenario file.
    """
    path = None if scenario is None else _find(scenario)
    sheet = _Sheet({}, path, "" if path is None else _read_text(path))
    if path is not None:
        sheet.overlay(_from_file(sheet))
    environment, flags = list(environment), list(flags)
    expected = _expected_by_file(sheet)
    for settings in (environment, flags):
        expected += [(Expectation(that=s.text), s.origin) for s in settings if s.key == "expect"]
        sheet.overlay(_from_settings([s for s in settings if s.key != "expect"]))
    if path is not None and "name" not in sheet.values and _NAME.fullmatch(path.stem):
        sheet.values["name"] = _Value(path.stem, "default", False)
    resolved = msgspec.structs.replace(_build(sheet), expect=tuple(e for e, _ in expected))
    _check(resolved, sheet, [flag for flag in flags if flag.key != "expect"])
    _check_expected(resolved, expected)
    if path is not None:
        resolved = _tell_changes(resolved, [*environment, *flags])
    if resolved.source.unpaced and resolved.sampling.tracemalloc:
        # tracemalloc costs more than an unpaced packet does: it would be all that is measured.
        sampling = msgspec.structs.replace(resolved.sampling, tracemalloc=False)
        resolved = msgspec.structs.replace(resolved, sampling=sampling)
    return resolved


def _tell_changes(scenario: Scenario, settings: Sequence[Setting]) -> Scenario:
    """``scenario`` with its description saying what differs from its file: "30 seconds" may not be true."""
    if any(setting.key == "description" for setting in settings):
        return scenario
    said = [s for s in settings if s.key != "name" and not s.key.startswith("tags.")]
    values = {s.key: s.text for s in said if s.key != "expect"}
    if not values:
        return scenario
    changed = ", ".join(f"{key} = {value}" for key, value in values.items())
    return msgspec.structs.replace(
        scenario, description=f"{scenario.description} (changed: {changed})".lstrip()
    )


def environment_settings(environ: Mapping[str, str]) -> list[Setting]:
    """The settings in ``ZCBENCH_*`` variables: one for each of FLAGS, ZCBENCH_EXPECT, _SET and _TAG.

    ZCBENCH_EXPECT holds expectations with ";" between them, the last two hold words as in
    ``ZCBENCH_SET="pool.slots=10 limits.hang=1m"``. Empty variables count as not set. Raises
    ScenarioError for a malformed word.
    """
    settings = [
        Setting(key, environ[variable], variable)
        for variable, key in ((variable_of(flag), key) for flag, key in FLAGS.items())
        if environ.get(variable)
    ]
    settings += [
        Setting("expect", text.strip(), "ZCBENCH_EXPECT")
        for text in environ.get("ZCBENCH_EXPECT", "").split(";")
        if text.strip()
    ]
    for variable, parse in (("ZCBENCH_SET", parse_setting), ("ZCBENCH_TAG", parse_tag)):
        try:
            words = shlex.split(environ.get(variable, ""))
        except ValueError as error:
            problem = f"{error}; write key=value, quoted where needed"
            raise ScenarioError(f"{variable}: {problem}") from None
        settings += [parse(word, variable) for word in words]
    return settings


def variable_of(flag: str) -> str:
    """The environment variable that says the same as ``flag``: "--pool" -> "ZCBENCH_POOL"."""
    return "ZCBENCH_" + flag.lstrip("-").replace("-", "_").upper()


def parse_setting(text: str, origin: str = "--set") -> Setting:
    """``key=value`` as a setting. Raises ScenarioError without a ``=`` or a key."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ScenarioError(f"{origin}: {text!r} is not key=value, as in pool.slots=10")
    return Setting(key.strip(), value.strip(), origin)


def parse_tag(text: str, origin: str = "--tag") -> Setting:
    """``key=value`` as a tag of the run. Raises ScenarioError without a ``=`` or a key."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ScenarioError(f"{origin}: {text!r} is not key=value, as in branch=main")
    return Setting(f"tags.{key.strip()}", value.strip(), origin)


def shipped() -> list[Shipped]:
    """The scenarios that come with zcbench, by name: the checkout's, or the installed package's."""
    found = []
    for path in sorted(_shipped_paths()):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        found.append(Shipped(data.get("name", path.stem), data.get("description", ""), path))
    return found


def to_toml(scenario: Scenario) -> str:
    """``scenario`` as TOML that :func:`load` reads back as an equal scenario.

    A key without a value (None) is left out: TOML has no null, and every such key's default is None.
    """
    plain = ((f.name, getattr(scenario, f.name)) for f in _TOP)
    top = [f"{name} = {_toml_value(v)}" for name, v in plain if v is not None]
    if scenario.expect:
        top += ["expect = [", *(f"  {_expectation_to_toml(e)}," for e in scenario.expect), "]"]
    lines = [*top, ""]
    for table in _TABLES:
        lines.append(f"[{table}]")
        struct = getattr(scenario, table)
        values = ((name, getattr(struct, name)) for name in struct.__struct_fields__)
        lines += [f"{name} = {_toml_value(v)}" for name, v in values if v is not None]
        lines.append("")
    if scenario.tags:
        tags = (f"{_toml_value(k)} = {_toml_value(v)}" for k, v in scenario.tags.items())
        lines += ["[tags]", *tags, ""]
    return "\n".join(lines)


def check_memory(slots: int, packet_bytes: int) -> None:
    """Refuse a packet above 64 MiB, and a slab of ``slots`` such packets beyond this machine's memory.

    :func:`load` asks this with the scenario's own format; ask again once a file's is known. Raises
    ScenarioError.
    """
    problem = _packet_problem(packet_bytes) or _memory_problem(slots, packet_bytes)
    if problem is not None:
        raise ScenarioError(problem)


# -- where the shipped scenarios are, and which file is meant


def _shipped_paths() -> list[Path]:
    checkout = Path(__file__).resolve().parent.parent
    # Only beside a pyproject.toml: site-packages may hold a "scenarios" folder of somebody else.
    if (checkout / "pyproject.toml").is_file() and (checkout / "scenarios").is_dir():
        return list((checkout / "scenarios").glob("*.toml"))
    folder = resources.files("zcbench").joinpath("_scenarios")
    if not folder.is_dir():
        return []
    return [Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".toml")]


def _find(scenario: str | Path) -> Path:
    name = str(scenario)
    is_path = isinstance(scenario, Path) or name.endswith(".toml") or re.search(r"[/\\]", name)
    if not is_path:
        there = {s.name: s.path for s in shipped()}
        if name in there:
            return there[name]
        raise ScenarioError(
            f"no scenario {name!r}{_did_you_mean(name, there)}; "
            f"shipped: {', '.join(there) or 'none'}; or give the path of a TOML file"
        )
    path = Path(scenario)
    if path.is_dir():
        raise ScenarioError(f"{path}: a directory; give the path of a scenario's TOML file")
    if not path.exists():
        raise ScenarioError(f"{path}: no such file; `zcbench scenarios` lists those shipped")
    return path


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > _LARGEST_FILE_BYTES:
        raise ScenarioError(f"{path}: larger than 1 MiB; a scenario is a short TOML file")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ScenarioError(f"{path}:{line}: not TOML: not text in UTF-8") from None


# -- merging


@dataclass(frozen=True, slots=True)
class _Value:
    value: Any
    origin: str  # "file", "default", or the flag or variable
    is_text: bool  # from a flag or variable: read by the type of its key


@dataclass(frozen=True)
class _Sheet:
    """The values by key while layer is laid over layer, and what an error needs to point at."""

    values: dict[str, _Value]
    path: Path | None
    text: str

    def overlay(self, layer: dict[str, _Value]) -> None:
        """Lay ``layer`` over what is there.

        A layer that says how fast replaces all that was said about the pace; one that names a file or
        a device says the source's kind with it.
        """
        source = [key for key in ("source.path", "source.device") if key in layer]
        if "source.kind" not in layer and source:
            if len(source) == 2:
                self.fail("source.device", "excludes source.path; name one source", layer)
            kind = source[0].replace("source.path", "file").replace("source.device", "device")
            layer["source.kind"] = _Value(kind, layer[source[0]].origin, False)
        unpaced = layer.get("source.unpaced")
        if "source.speed" in layer:
            self.values.pop("source.unpaced", None)
        if unpaced is not None and _BOOLEANS.get(str(unpaced.value).lower()):
            self.values.pop("source.speed", None)
        self.values.update(layer)

    def fail(self, key: str, problem: str, values: Mapping[str, _Value] | None = None) -> NoReturn:
        """Raise ScenarioError for ``key``, pointing at where its value was given."""
        given = (self.values if values is None else values).get(key)
        origin = "default" if given is None else given.origin
        if origin == "default":
            where = "" if self.path is None else f"{self.path}: "
        elif origin == "file":
            line = _line_of(self.text, key.split("."))
            where = f"{self.path}:{line}: " if line else f"{self.path}: "
        else:
            where = f"{origin}: "
        raise ScenarioError(f"{where}{key}: {problem}")

    def last_given(self, *keys: str) -> str:
        """The one of ``keys`` to blame when they contradict: one given by hand before a default."""
        rank = {"default": 0, "file": 1}
        given = [k for k in keys if k in self.values]
        return max(given, key=lambda k: rank.get(self.values[k].origin, 2), default=keys[0])


def _from_file(sheet: _Sheet) -> dict[str, _Value]:
    try:
        data = tomllib.loads(sheet.text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
        if found is None:  # "at end of document"
            line = max(1, sheet.text.count("\n"))
            raise ScenarioError(f"{sheet.path}:{line}: not TOML: {error}") from None
        what, line_text, column = found.groups()
        raise ScenarioError(
            f"{sheet.path}:{line_text}: not TOML: {what} (column {column})"
        ) from None
    except (ValueError, RecursionError) as error:  # a number or a nesting beyond Python's limits
        raise ScenarioError(f"{sheet.path}: not TOML: {error}") from None
    layer: dict[str, _Value] = {}
    for name, value in data.items():
        if name in _TABLES or name == "tags":
            if not isinstance(value, dict):
                layer[name] = _Value(value, "file", False)
                sheet.fail(name, f"{_shown(value)} is not a table; write [{name}]", layer)
            layer |= {f"{name}.{k}": _Value(v, "file", False) for k, v in value.items()}
        else:
            layer[name] = _Value(value, "file", False)
    for key in layer:
        if problem := _unknown_key(key):
            sheet.fail(key, problem, layer)
    return layer


def _from_settings(settings: Iterable[Setting]) -> dict[str, _Value]:
    layer: dict[str, _Value] = {}
    for setting in settings:
        if problem := _unknown_key(setting.key):
            raise ScenarioError(f"{setting.origin}: {setting.key}: {problem}")
        if earlier := layer.get(setting.key):
            both = f"{earlier.value!r} by {earlier.origin} and {setting.text!r} by {setting.origin}"
            raise ScenarioError(f"{setting.origin}: {setting.key}: given twice, {both}")
        layer[setting.key] = _Value(setting.text, setting.origin, True)
    return layer


def _unknown_key(key: str) -> str | None:
    if key in _KINDS or (key.startswith("tags.") and key != "tags."):
        return None
    if key in _TABLES or key == "tags":
        return f"is a table; name a key in it, as in {key}.{_first_key(key)}"
    table, _, last = key.rpartition(".")
    if (table or key) not in _TABLES and (
        near := difflib.get_close_matches(table or key, _TABLES, 1)
    ):
        return f"unknown key; did you mean {near[0] + ('.' + last if table else '')!r}?"
    close = difflib.get_close_matches(key, _KINDS, 1, 0.7)
    moved = [k for k in _KINDS if k.rpartition(".")[2] == last]
    if close or moved:
        return f"unknown key; did you mean {(close or moved)[0]!r}?"
    siblings = [k.rpartition(".")[2] for k in _KINDS if k.rpartition(".")[0] == table]
    if table and siblings:
        return f"unknown key; [{table}] has {', '.join(siblings)}"
    tables = ", ".join(f"[{name}]" for name in (*_TABLES, "tags"))
    return f"unknown key; a scenario has {', '.join(f.name for f in _TOP)} and {tables}"


def _first_key(table: str) -> str:
    return "host" if table == "tags" else _TABLES[table].__struct_fields__[0]


def _line_of(text: str, key: Sequence[str]) -> int | None:
    """The line (from 1) on which ``key`` is set: where the first prefix that says so begins to.

    tomllib gives no positions. The first prefix that parses *and* has the key is right for every way
    TOML has of writing one (dotted, quoted, inline); it is only looked for when there is an error.
    """
    lines = text.split("\n")
    if len(lines) > 2000:
        return None
    parsed = 0
    for count in range(1, len(lines) + 1):
        try:
            node: Any = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue  # inside a value that spans lines: it began after the last prefix that parsed
        for part in key:
            node = node.get(part, _ABSENT) if isinstance(node, dict) else _ABSENT
        if node is not _ABSENT:
            return parsed + 1
        parsed = count
    return None


_ABSENT = object()


# -- reading one value by its type


def _build(sheet: _Sheet) -> Scenario:
    top: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {name: {} for name in (*_TABLES, "tags")}
    for key, given in sheet.values.items():
        table, _, name = key.partition(".")
        try:
            value = _convert(key, _KINDS.get(key, str), given)
        except (UnitError, _WrongTypeError) as error:
            sheet.fail(key, str(error))
        if name:
            tables[table][name] = value
        else:
            top[key] = value
    structs = {name: struct(**tables[name]) for name, struct in _TABLES.items()}
    return Scenario(**top, **cast(Any, structs), tags=tables["tags"])


class _WrongTypeError(ValueError):
    pass


def _convert(key: str, kind: Any, given: _Value) -> Any:
    value = given.value
    kinds = [k for k in get_args(kind) if k is not types.NoneType]
    if get_origin(kind) is Literal:
        choices = [str(c) for c in get_args(kind)]
        if value in choices:
            return value
        noun = key.partition(".")[0] if key.endswith(".kind") else None
        there = f"there are {', '.join(choices)}" if noun else f"use {', '.join(choices)}"
        problem = f"no {noun} {_shown(value)}" if noun else f"{_shown(value)} is not known"
        raise _WrongTypeError(f"{problem}{_did_you_mean(str(value), choices)}; {there}")
    if kinds == [str, int] or kinds == [int, str]:  # a device: its index or a part of its name
        if given.is_text:
            return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else value
        return _exactly(value, (str, int), "a device's name or its index")
    if kinds:
        (kind,) = kinds
    if kind in (Duration, Size, Rate, Growth):
        return decode_unit(kind, value)
    if kind is bool:
        if given.is_text and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        return _exactly(value, (bool,), "true or false")
    if kind is int:
        if given.is_text and re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+|[+-]?[0-9_]{1,30}", value):
            value = int(value.replace(",", "").replace("_", "") or -1)
        return _exactly(value, (int,), "a whole number")
    if kind is float:
        if given.is_text:
            return parse_speed(value) if key == "source.speed" else _number(value)
        return _number(_exactly(value, (float, int), "a number"))
    return _exactly(value, (str,), "text")


_BOOLEANS = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


def _exactly(value: Any, accepted: tuple[type, ...], what: str) -> Any:
    # A bool is an int to Python, and never a number to a person.
    if isinstance(value, accepted) and (bool in accepted or not isinstance(value, bool)):
        return value
    raise _WrongTypeError(f"{_shown(value)} is not {what}")


def _number(value: str | float) -> float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise _WrongTypeError(f"{_shown(value)} is not a finite number")
    return number


def _shown(value: Any) -> str:
    """A value as an error echoes it: as TOML would write it, in one short line."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    shown = repr(value) if isinstance(value, str | list | float | int) else str(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _did_you_mean(value: str, choices: Iterable[str]) -> str:
    close = difflib.get_close_matches(value, list(choices), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


# -- what a well-typed scenario may still get wrong

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _check(scenario: Scenario, sheet: _Sheet, flags: Iterable[Setting]) -> None:
    for check in (_check_top, _check_source, _check_pace, _check_pool, _check_times):
        check(scenario, sheet)
    _check_memory(scenario, sheet)
    _check_flags_matter(scenario, sheet, flags)
    _check_engine(scenario, sheet)


def _check_top(scenario: Scenario, sheet: _Sheet) -> None:
    if not _NAME.fullmatch(scenario.name):
        allowed = "up to 64 letters, digits, '.', '_' and '-' (it names the run's directory)"
        sheet.fail("name", f"{_shown(scenario.name)} is not a name; use {allowed}")


def _check_source(scenario: Scenario, sheet: _Sheet) -> None:
    source = scenario.source
    if source.kind == "file" and not source.path:
        key = sheet.last_given("source.kind", "source.path")
        sheet.fail(key, "a file source needs source.path; give --path FILE")
    if source.path is not None and "\0" in source.path:
        sheet.fail("source.path", f"{_shown(source.path)} is not a path")
    if source.rate is not None:
        _in(sheet, "source.rate", source.rate, 1, _MOST_RATE)
    _in(sheet, "source.frames", source.frames, 1, 2**31)
    if source.channels is not None:
        most = _MOST_FILE_CHANNELS if source.kind == "file" else _MOST_CHANNELS
        _in(sheet, "source.channels", source.channels, 1, most)
    nyquist_hz = (source.rate or 48_000) / 2
    if source.kind == "tone" and not 0 < source.frequency_hz <= nyquist_hz:
        problem = (
            f"{source.frequency_hz:g} is not above 0 and at most {nyquist_hz:g} (half the rate)"
        )
        sheet.fail("source.frequency_hz", problem)
    if source.priority is not None:
        _in(sheet, "source.priority", source.priority, 1, 99)
    _in(sheet, "source.seed", source.seed, 0, 2**63 - 1)


def _check_pace(scenario: Scenario, sheet: _Sheet) -> None:
    source, is_device = scenario.source, scenario.source.kind == "device"
    if not 0 < source.speed <= _MOST_SPEED:
        sheet.fail("source.speed", f"{source.speed:g} is not above 0 and at most {_MOST_SPEED:,}")
    if source.unpaced and source.speed != 1:
        sheet.fail(
            sheet.last_given("source.speed", "source.unpaced"),
            "source.unpaced excludes source.speed; give one of the two",
        )
    if is_device and source.speed != 1:
        sheet.fail("source.speed", f"{source.speed:g}: a device runs at real pace; leave it out")
    if is_device and source.unpaced:
        sheet.fail("source.unpaced", "a device runs at real pace; leave it out")
    if is_device and scenario.pool.policy == "block":
        sheet.fail(
            sheet.last_given("pool.policy", "source.kind"),
            "policy block would stall a device; use grow or drop, or a replay source",
        )


def _check_pool(scenario: Scenario, sheet: _Sheet) -> None:
    from zcbench.capture.engine import MAX_SLOTS

    source, pool = scenario.source, scenario.pool
    _in(sheet, "pool.slots", pool.slots, 1, MAX_SLOTS)
    if pool.min is not None:
        _in(sheet, "pool.min", pool.min, 1, pool.slots)
    if pool.max is not None:
        _in(sheet, "pool.max", pool.max, pool.slots, MAX_SLOTS)
    _in(sheet, "pool.queue", pool.queue, 1, _MOST_QUEUE)
    # A file's own channels are not known yet; check_memory() is asked again when they are.
    channels = source.channels or (1 if source.kind == "file" else 2)
    packet_bytes = source.frames * channels * _ITEM_BYTES[source.dtype]
    if problem := _packet_problem(packet_bytes):
        sheet.fail(sheet.last_given("source.frames", "source.channels", "source.dtype"), problem)
    if problem := _memory_problem(pool.slots, packet_bytes):
        sheet.fail(sheet.last_given("pool.slots", "source.frames", "source.channels"), problem)
    if pool.max and (problem := _memory_problem(pool.max, packet_bytes)):
        sheet.fail(sheet.last_given("pool.max", "source.frames", "source.channels"), problem)


def _packet_problem(packet_bytes: int) -> str | None:
    from zcbench.capture.engine import MAX_PACKET_BYTES

    if packet_bytes <= MAX_PACKET_BYTES:
        return None
    sizes = f"{format_bytes(packet_bytes)}; at most {format_bytes(MAX_PACKET_BYTES)}"
    return f"a packet would be {sizes}: use fewer frames or channels"


def _memory_problem(slots: int, packet_bytes: int) -> str | None:
    import psutil

    from zcbench.capture.engine import SLOT_ALIGNMENT_BYTES

    stride = -(-packet_bytes // SLOT_ALIGNMENT_BYTES) * SLOT_ALIGNMENT_BYTES
    memory: int = psutil.virtual_memory().total
    if slots * stride <= memory:
        return None
    return (
        f"{slots:,} slots of {format_bytes(stride)} need {format_bytes(slots * stride)}, "
        f"this machine has {format_bytes(memory)}: at most {max(1, memory // stride):,} slots"
    )


def _check_times(scenario: Scenario, sheet: _Sheet) -> None:
    source, consumer = scenario.source, scenario.consumer
    times = {"duration": scenario.duration, "limits.hang": scenario.limits.hang}
    times["pool.shrink_after"] = scenario.pool.shrink_after
    times |= {f"consumer.{k}": getattr(consumer, k) for k in ("hold", "work", "every")}
    times |= {f"sampling.{k}": getattr(scenario.sampling, k) for k in ("every", "uss_every")}
    for key, time_s in times.items():
        shortest_s = _SHORTEST_SAMPLING_S if key.startswith("sampling.") else 0.0
        if time_s <= 0 or time_s < shortest_s or time_s > _LONGEST_S:
            least = f"at least {Duration(shortest_s)}" if shortest_s else "above 0"
            sheet.fail(key, f"{time_s} is not {least} and at most {Duration(_LONGEST_S)}")
    if scenario.limits.rss is not None and scenario.limits.rss <= 0:
        sheet.fail("limits.rss", f"{scenario.limits.rss} is not above 0")
    if scenario.warmup >= scenario.duration:
        key = sheet.last_given("warmup", "duration")
        sheet.fail(key, f"warmup {scenario.warmup} is not shorter than {scenario.duration}")
    packet_s = source.frames / (source.rate or 48_000)
    if scenario.duration < packet_s and (source.rate or source.kind != "file"):
        key = sheet.last_given("duration", "source.frames", "source.rate")
        lengths = f"{scenario.duration} is shorter than one packet ({format_duration(packet_s)})"
        sheet.fail(key, lengths)
    waits = {"source.frames": packet_s / source.speed}
    waits |= {"consumer.work": consumer.work} if consumer.kind == "slow" else {}
    waits |= {"consumer.every": consumer.every} if consumer.kind == "burst" else {}
    for key, wait_s in waits.items():
        if scenario.limits.hang <= wait_s and not source.unpaced:
            problem = f"packets come {format_duration(wait_s)} apart and limits.hang is "
            problem += f"{scenario.limits.hang}: raise it, or every wait is taken for a hang"
            sheet.fail(sheet.last_given("limits.hang", key), problem)


def _check_memory(scenario: Scenario, sheet: _Sheet) -> None:
    every = scenario.gc.every
    if every not in ("auto", "natural"):
        try:
            parse_duration(every)
        except UnitError as error:
            sheet.fail("gc.every", f'{error}; or "auto", or "natural" for none')


def _expected_by_file(sheet: _Sheet) -> list[tuple[Expectation, str]]:
    """The file's ``expect``: texts, or tables with ``that``; each with where it stands."""
    given = sheet.values.pop("expect", None)
    if given is None:
        return []
    line = _line_of(sheet.text, ["expect"])
    where = f"{sheet.path}:{line}" if line else str(sheet.path)
    entries = given.value if isinstance(given.value, list) else [given.value]
    found = []
    for entry in entries:
        raw = {"that": entry} if isinstance(entry, str) else entry
        try:
            found.append((msgspec.convert(raw, Expectation, dec_hook=decode_unit), where))
        except (msgspec.ValidationError, UnitError) as error:
            raise ScenarioError(
                f'{where}: expect: {_shown(entry)}: {error}; write "gaps == 0" or '
                '{that = "gaps == 0", abort = true, grace = "10s", level = "warn"}'
            ) from None
    return found


def _check_expected(scenario: Scenario, expected: Sequence[tuple[Expectation, str]]) -> None:
    """Every expectation can be understood, and can be judged in this run."""
    wall_s = math.inf if scenario.source.unpaced else scenario.duration / scenario.source.speed
    for expectation, origin in expected:
        try:
            parsed = expectations.parse(expectation.that)
        except expectations.ExpectationError as error:
            raise ScenarioError(f"{origin}: expect: {error}") from None
        problem = None
        if expectations.longest_s(parsed) > wall_s:
            problem = f"the run takes {format_duration(wall_s)} only"
        elif expectation.abort and (parsed.windowed or not expectations.per_sample(parsed)):
            problem = "abort needs something that each sample has a value of"
        elif expectation.grace and not expectation.abort:
            problem = "grace goes with abort = true"
        if problem:
            raise ScenarioError(f"{origin}: expect: {expectation.that!r}: {problem}")


def _check_flags_matter(scenario: Scenario, sheet: _Sheet, flags: Iterable[Setting]) -> None:
    for setting in flags:
        kind_key, kinds = _READ_BY.get(setting.key, ("", ()))
        if not kind_key:
            continue
        table, _, name = kind_key.partition(".")
        kind = getattr(getattr(scenario, table), name)
        if kind not in kinds:
            flag = next(f for f, key in FLAGS.items() if key == kind_key)
            what = table if name == "kind" else kind_key
            sheet.fail(setting.key, f"has no effect with {what} {kind!r}; add {flag} {kinds[0]}")


def _check_engine(scenario: Scenario, sheet: _Sheet) -> None:
    from zcbench.capture.engine import engine_names, find_engine

    try:
        engine = find_engine(scenario.engine)
    except LookupError as error:
        # args[0]: str() of a KeyError would quote the sentence.
        sheet.fail("engine", f"{error.args[0]}{_did_you_mean(scenario.engine, engine_names())}")
    except ImportError as error:
        sheet.fail("engine", f"{scenario.engine!r} cannot be loaded: {error}")
    else:
        for key, asked in _asked_of_system(scenario).items():
            if asked and not getattr(engine, "realtime", False):
                sheet.fail(key, f"the {scenario.engine} engine has no such thing; use native")


def _asked_of_system(scenario: Scenario) -> dict[str, bool]:
    """The keys that only an engine with a thread and a slab of its own can follow."""
    return {
        "pool.lock": scenario.pool.lock,
        "source.priority": scenario.source.priority is not None,
    }


def _in(sheet: _Sheet, key: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        sheet.fail(key, f"{value:,} is not in {least:,}..{most:,}")


# -- printing


def _expectation_to_toml(expectation: Expectation) -> str:
    values = {name: getattr(expectation, name) for name in Expectation.__struct_fields__}
    if expectation == Expectation(that=expectation.that):
        return _toml_value(expectation.that)
    return "{" + ", ".join(f"{name} = {_toml_value(v)}" for name, v in values.items()) + "}"


def _toml_value(value: Any) -> str:
    if isinstance(value, Duration | Size | Growth):
        return _toml_value(str(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(value)
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
