"""From a scenario to the parts it names: format, source, pool, due packets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zcbench.capture import defaults, sources
from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.realtime import check_realtime
from zcbench.capture.sources import DeviceSource, ReplaySource, SourceError
from zcbench.quantities.parsing import parse_duration
from zcbench.scenario import Scenario, ScenarioError, check_memory, consumer_facts
from zcbench.subjects.inside import native_sites


@dataclass(frozen=True)
class Assembly:
    """What a scenario resolves to. ``due_packets`` is what the stream is to deliver in all."""

    format: StreamFormat
    source: ReplaySource | DeviceSource
    pool: PoolConfig
    due_packets: int | None


def stream_format(scenario: Scenario) -> StreamFormat:
    """The stream's format: the scenario's, else the file's, else 48 kHz stereo. Raises SourceError,
    ScenarioError."""
    table = scenario.source
    rate: int | None = table.rate
    channels = table.channels
    if table.kind == "file":
        if table.path is None:
            raise SourceError("source.kind 'file' needs source.path (--path FILE)")
        info = sources.file_info(Path(table.path))
        for name, wanted, has in (("rate", rate, info.rate), ("channels", channels, info.channels)):
            if wanted is not None and wanted != has:
                raise SourceError(
                    f"{table.path}: source.{name} is {wanted}, the file's is {has}; leave it out, "
                    "or convert the file"
                )
        rate, channels = info.rate, info.channels
    # What StreamFormat refuses, in the words of scenarios.
    channels = channels or defaults.CHANNELS
    check_memory(1, table.frames * channels * np.dtype(table.dtype).itemsize)
    try:
        return StreamFormat(int(rate or defaults.RATE), table.frames, channels, table.dtype)
    except ValueError as error:
        raise SourceError(f"{table.path or table.kind}: {error}") from None


def due_packets(scenario: Scenario, format: StreamFormat) -> int:
    """Packets in ``scenario.duration`` of stream time, at least one."""
    return max(1, round(scenario.duration * format.packets_per_s))


GC_MARKS = 24  # collections in a run: two in each of the 12 blocks that the trend is judged on
SHORTEST_GC_S, LONGEST_GC_S = 2.0, 60.0  # below, pauses would disturb; above, garbage would pile up


def gc_every_s(scenario: Scenario) -> float | None:
    """Seconds between the harness's own full collections; None when it makes none.

    A consumer whose packets only gc frees would be another application with them.
    """
    every = scenario.gc.every
    if every == "natural" or consumer_facts(scenario.consumer).needs_gc:
        return None
    if every != "auto":
        return float(parse_duration(every))
    if scenario.source.unpaced:
        return SHORTEST_GC_S
    return min(LONGEST_GC_S, max(SHORTEST_GC_S, scenario.duration / scenario.source.speed / GC_MARKS))


def assemble(scenario: Scenario) -> Assembly:
    """Open everything the scenario names, without starting it. Raises SourceError, ScenarioError,
    RealtimeError."""
    if scenario.sampling.memray and not native_sites.available():
        raise ScenarioError("sampling.memray: memray is not installed; pip install zcbench[native]")
    table = scenario.source
    format = stream_format(scenario)
    pool = PoolConfig(
        scenario.pool.slots,
        scenario.pool.policy,
        scenario.pool.queue,
        scenario.pool.debug,
        min=scenario.pool.min,
        max=scenario.pool.max,
        shrink_after_s=float(scenario.pool.shrink_after),
        lock=scenario.pool.lock,
    )
    if table.kind == "device":
        device = DeviceSource(table.device, table.priority)
        device.check(format)
        check_realtime(format, device, pool)
        return Assembly(format, device, pool, None)
    match table.kind:
        case "tone":
            pcm = sources.tone(format, table.frequency_hz)
        case "noise":
            pcm = sources.noise(format, table.seed)
        case "silence":
            pcm = sources.silence(format)
        case "file":
            pcm = sources.from_file(Path(table.path or ""), table.dtype)
    due = due_packets(scenario, format)
    source = ReplaySource(
        pcm,
        name=table.path if table.kind == "file" and table.path else table.kind,
        pace="unpaced" if table.unpaced else "real",
        speed=table.speed,
        limit=due,
        priority=table.priority,
        stamped=True,
    )
    check_realtime(format, source, pool)
    return Assembly(format, source, pool, due)
