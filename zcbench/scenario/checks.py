"""What a well-typed scenario may still get wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from zcbench.capture import defaults
from zcbench.consumers.registry import built_in_options
from zcbench.quantities.names import POOL_SLOTS
from zcbench.quantities.parsing import Duration, UnitError, parse_duration
from zcbench.quantities.units import format_bytes, format_duration
from zcbench.scenario.consuming import consumer_times, rhythm_key
from zcbench.scenario.keys import FLAGS
from zcbench.scenario.sheet import Sheet
from zcbench.scenario.subject import check_subject
from zcbench.scenario.tables import (
    PoolTable,
    Scenario,
    ScenarioError,
    Setting,
    SourceTable,
    required_checks,
)
from zcbench.scenario.values import did_you_mean, shown

# Keys that only some kinds of source or consumer read: a flag that changes nothing is refused.
_READ_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pool.min": ("pool.policy", ("adaptive",)),
    "pool.max": ("pool.policy", ("adaptive",)),
    "pool.shrink_after": ("pool.policy", ("adaptive",)),
    **{f"consumer.{name}": ("consumer.kind", kinds) for name, (_, kinds) in built_in_options().items()},
    "source.path": ("source.kind", ("file",)),
    "source.device": ("source.kind", ("device",)),
    "source.frequency_hz": ("source.kind", ("tone",)),
    "source.seed": ("source.kind", ("noise",)),
}


# Inside it may have spaces and commas, as in "soak 5m, pool 100"; a directory's name has "-" in their place.
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._, -]{0,62}[A-Za-z0-9._-])?")
_MOST_FILE_CHANNELS = 8
_MOST_CHANNELS = 64
_MOST_RATE = 1_000_000
_MOST_CORES = 10_000
_MOST_QUEUE = 1_000_000
_MOST_SPEED = 1_000_000
_LONGEST_S = 366 * 86_400.0
_SHORTEST_SAMPLING_S = 0.01
_MOST_LIMIT = 1000  # a pass that leaves open more than a thousand budgets says nothing
_ITEM_BYTES: Mapping[str, int] = {"float32": 4, "int32": 4, "int16": 2}


def check(
    scenario: Scenario, sheet: Sheet, flags: Iterable[Setting], checks: Callable[[], Collection[str]] | None
) -> None:
    """Everything that can be known without opening the source. Raises ScenarioError."""
    of_engine = scenario.subject.kind == "engine"
    for rule in _BEFORE_FLAGS:
        if of_engine or rule not in _OF_ENGINES:
            rule(scenario, sheet)
    if checks is not None and scenario.require:
        _check_required(scenario, sheet, checks())
    _check_flags_matter(scenario, sheet, flags)
    if of_engine:
        _check_engine(scenario, sheet)


def _check_top(scenario: Scenario, sheet: Sheet) -> None:
    if not NAME.fullmatch(scenario.name):
        allowed = (
            "up to 64 letters, digits, '.', '_', '-', and spaces and commas between them "
            "(it names the run's directory)"
        )
        sheet.fail("name", f"{shown(scenario.name)} is not a name; use {allowed}")


def _check_required(scenario: Scenario, sheet: Sheet, known: Collection[str]) -> None:
    for name in required_checks(scenario):
        if name not in known:
            sheet.fail("require", f"no check {shown(name)}; there are {', '.join(known)}")


def _check_source(scenario: Scenario, sheet: Sheet) -> None:
    source = scenario.source
    if source.kind == "file" and not source.path:
        key = sheet.last_given("source.kind", "source.path")
        sheet.fail(key, "a file source needs source.path; give --path FILE")
    if source.path is not None and "\0" in source.path:
        sheet.fail("source.path", f"{shown(source.path)} is not a path")
    if source.rate is not None:
        _in(sheet, "source.rate", source.rate, 1, _MOST_RATE)
    _in(sheet, "source.frames", source.frames, 1, 2**31)
    if source.channels is not None:
        most = _MOST_FILE_CHANNELS if source.kind == "file" else _MOST_CHANNELS
        _in(sheet, "source.channels", source.channels, 1, most)
    nyquist_hz = source.frames_per_s / 2
    if source.kind == "tone" and not 0 < source.frequency_hz <= nyquist_hz:
        problem = f"{source.frequency_hz:g} is not above 0 and at most {nyquist_hz:g} (half the rate)"
        sheet.fail("source.frequency_hz", problem)
    if source.priority is not None:
        _in(sheet, "source.priority", source.priority, 1, 99)
    _in(sheet, "source.seed", source.seed, 0, 2**63 - 1)


def _check_pace(scenario: Scenario, sheet: Sheet) -> None:
    source, is_device = scenario.source, scenario.source.kind == "device"
    if not 0 < source.speed <= _MOST_SPEED:
        sheet.fail("source.speed", f"{source.speed:g} is not above 0 and at most {_MOST_SPEED:,}")
    if source.speed < 1 and scenario.duration / source.speed > _LONGEST_S >= scenario.duration:
        problem = f"{source.speed:g} makes {scenario.duration} take longer than "
        sheet.fail("source.speed", f"{problem}{Duration(_LONGEST_S)}; use a higher one")
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
            "policy block would stall a device; use grow, drop or adaptive, or a replay source",
        )


def _check_pool(scenario: Scenario, sheet: Sheet) -> None:
    from zcbench.capture.engine import MAX_SLOTS

    source, pool = scenario.source, scenario.pool
    _in(sheet, POOL_SLOTS, pool.slots, 1, MAX_SLOTS)
    if pool.min is not None:
        _in(sheet, "pool.min", pool.min, 1, pool.slots)
    if pool.max is not None:
        _in(sheet, "pool.max", pool.max, pool.slots, MAX_SLOTS)
    _in(sheet, "pool.queue", pool.queue, 1, _MOST_QUEUE)
    # A file's own channels are not known yet; check_memory() is asked again when they are.
    channels = source.channels or (1 if source.kind == "file" else defaults.CHANNELS)
    packet_bytes = source.frames * channels * _ITEM_BYTES[source.dtype]
    if problem := _packet_problem(packet_bytes):
        sheet.fail(sheet.last_given("source.frames", "source.channels", "source.dtype"), problem)
    if problem := _memory_problem(pool.slots, packet_bytes):
        sheet.fail(sheet.last_given(POOL_SLOTS, "source.frames", "source.channels"), problem)
    most = bounded(pool).max if pool.policy == "adaptive" else None
    if most is not None and (problem := _memory_problem(most, packet_bytes)):
        key = sheet.last_given("pool.max", POOL_SLOTS, "source.frames", "source.channels")
        sheet.fail(key, f"{problem}; say how many with pool.max")


def bounded(pool: PoolTable) -> PoolTable:
    """An adaptive pool's table with its bounds said."""
    from zcbench.capture.engine import PoolConfig

    config = PoolConfig(pool.slots, pool.policy, min=pool.min, max=pool.max)
    return msgspec.structs.replace(pool, min=config.minimum, max=config.maximum)


def check_memory(slots: int, packet_bytes: int) -> None:
    """Refuse a packet above 64 MiB, and a slab of ``slots`` such packets beyond this machine's memory.

    :func:`load` asks this with the scenario's own format; ask again once a file's is known. Raises
    ScenarioError.
    """
    problem = _packet_problem(packet_bytes) or _memory_problem(slots, packet_bytes)
    if problem is not None:
        raise ScenarioError(problem)


def _packet_problem(packet_bytes: int) -> str | None:
    from zcbench.capture.engine import MAX_PACKET_BYTES

    if packet_bytes <= MAX_PACKET_BYTES:
        return None
    sizes = f"{format_bytes(packet_bytes)}; at most {format_bytes(MAX_PACKET_BYTES)}"
    return f"a packet would be {sizes}: use fewer frames or channels"


def _memory_problem(slots: int, packet_bytes: int) -> str | None:
    import psutil

    from zcbench.capture.configuration import slot_stride

    stride = slot_stride(packet_bytes)
    memory: int = psutil.virtual_memory().total
    if slots * stride <= memory:
        return None
    return (
        f"{slots:,} slots of {format_bytes(stride)} need {format_bytes(slots * stride)}, "
        f"this machine has {format_bytes(memory)}: at most {max(1, memory // stride):,} slots"
    )


def _check_times(scenario: Scenario, sheet: Sheet) -> None:
    consumed = consumer_times(scenario.consumer)
    times = {"duration": scenario.duration, "limits.hang": scenario.limits.hang}
    times["pool.shrink_after"] = scenario.pool.shrink_after
    times |= {key: time_s for key, (time_s, _) in consumed.items()}
    times |= {f"sampling.{k}": getattr(scenario.sampling, k) for k in ("every", "uss_every")}
    for key, time_s in times.items():
        shortest_s = _SHORTEST_SAMPLING_S if key.startswith("sampling.") else 0.0
        if key in consumed and consumed[key][1].may_be_zero and not time_s:
            continue  # keeps nothing: where a sweep over hold times begins
        if time_s <= 0 or time_s < shortest_s or time_s > _LONGEST_S:
            least = f"at least {Duration(shortest_s)}" if shortest_s else "above 0"
            sheet.fail(key, f"{time_s} is not {least} and at most {Duration(_LONGEST_S)}")


def _check_limits(scenario: Scenario, sheet: Sheet) -> None:
    if not 1 <= scenario.memory.limit <= _MOST_LIMIT:
        problem = f"{scenario.memory.limit:g} is not in 1..{_MOST_LIMIT:,} (times memory.budget)"
        sheet.fail("memory.limit", problem)
    if scenario.limits.rss is not None and scenario.limits.rss <= 0:
        sheet.fail("limits.rss", f"{scenario.limits.rss} is not above 0")


def _check_length(scenario: Scenario, sheet: Sheet) -> None:
    """The run is longer than its warm-up and than one packet."""
    source = scenario.source
    if scenario.warmup >= scenario.duration:
        key = sheet.last_given("warmup", "duration")
        problem = f"the warm-up of {scenario.warmup} is not shorter than the {scenario.duration} of the run"
        shorter = Duration(scenario.duration / 10)
        sheet.fail(key, f"{problem}; add --warmup {shorter}, or raise --duration")
    packet_s = _packet_s(source) if scenario.subject.kind == "engine" else 0.0
    if scenario.duration < packet_s and (source.rate or source.kind != "file"):
        key = sheet.last_given("duration", "source.frames", "source.rate")
        lengths = f"{scenario.duration} is shorter than one packet ({format_duration(packet_s)})"
        sheet.fail(key, lengths)


def _check_waits(scenario: Scenario, sheet: Sheet) -> None:
    """No wait that the scenario itself asks for is taken for a hang."""
    source, consumed = scenario.source, consumer_times(scenario.consumer)
    waits = {"source.frames": _packet_s(source) / source.speed}
    rhythm = rhythm_key(scenario.consumer)
    waits |= {} if rhythm is None else {rhythm: consumed[rhythm][0]}
    for key, wait_s in waits.items():
        if scenario.limits.hang <= wait_s and not source.unpaced:
            problem = f"packets come {format_duration(wait_s)} apart and limits.hang is "
            problem += f"{scenario.limits.hang}: raise it, or every wait is taken for a hang"
            sheet.fail(sheet.last_given("limits.hang", key), problem)


def _packet_s(source: SourceTable) -> float:
    return source.frames / source.frames_per_s


def _check_collections(scenario: Scenario, sheet: Sheet) -> None:
    every = scenario.gc.every
    if every not in ("auto", "natural"):
        try:
            parse_duration(every)
        except UnitError as error:
            sheet.fail("gc.every", f'{error}; or "auto", or "natural" for none')


def _check_budget(scenario: Scenario, sheet: Sheet) -> None:
    budget = scenario.budget
    _in(sheet, "budget.files", budget.files, 0, 2**31)
    for key, size in (("budget.disk", budget.disk), ("budget.output", budget.output)):
        if size < 0:
            sheet.fail(key, f"{size} is below 0")
    if not 0 < budget.cpu <= _MOST_CORES:
        sheet.fail("budget.cpu", f"{budget.cpu:g} cores are not above 0 and at most {_MOST_CORES:,}")


_BEFORE_FLAGS = (
    _check_top,
    check_subject,
    _check_source,
    _check_pace,
    _check_pool,
    _check_times,
    _check_limits,
    _check_length,
    _check_waits,
    _check_collections,
    _check_budget,
)
_OF_ENGINES = (_check_source, _check_pace, _check_pool, _check_waits, _check_collections)


def _check_flags_matter(scenario: Scenario, sheet: Sheet, flags: Iterable[Setting]) -> None:
    for setting in flags:
        kind_key, kinds = _READ_BY.get(setting.key, ("", ()))
        if not kind_key:
            continue
        table, _, name = kind_key.partition(".")
        kind = getattr(getattr(scenario, table), name)
        if kind not in kinds:
            flag = next(flag for flag, key in FLAGS.items() if key == kind_key)
            what = table if name == "kind" else kind_key
            problem = f"has no effect with {what} {kind!r}; add {flag} {kinds[0]}"
            sheet.fail(setting.key, problem)


def _check_engine(scenario: Scenario, sheet: Sheet) -> None:
    from zcbench.capture import contract
    from zcbench.capture.engine import engine_names
    from zcbench.capture.inspection import inspect

    try:
        engine = inspect(scenario.engine)
    except LookupError as error:
        # args[0]: str() of a KeyError would quote the sentence.
        sheet.fail("engine", f"{error.args[0]}{did_you_mean(scenario.engine, engine_names())}")
    else:
        if engine.violations:
            broken = contract.told(engine.violations)
            sheet.fail("engine", f"{scenario.engine} breaks its contract: {broken}")
        for key, asked in _asked_of_system(scenario).items():
            if asked and not engine.realtime:
                sheet.fail(key, f"the {scenario.engine} engine has no such thing; use native")


def _asked_of_system(scenario: Scenario) -> dict[str, bool]:
    """The keys that only an engine with a thread and a slab of its own can follow."""
    return {
        "pool.lock": scenario.pool.lock,
        "source.priority": scenario.source.priority is not None,
    }


def _in(sheet: Sheet, key: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        sheet.fail(key, f"{value:,} is not in {least:,}..{most:,}")
