"""The typed scenario: what to run."""

from __future__ import annotations

from typing import Literal

import msgspec

from zcbench.units import Duration, Size

ConsumerKind = Literal["immediate", "hold", "cycle", "slow", "burst", "copy"]
SourceKind = Literal["tone", "noise", "silence", "file", "device"]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SourceTable(_Table):
    """``[source]``: what feeds the engine."""

    kind: SourceKind = "tone"
    path: str | None = None  # kind "file"
    device: str | int | None = None  # kind "device"; None is the system's default input
    rate: int | None = None  # frames/s; None: the file's, else 48,000
    frames: int = 480
    channels: int | None = None  # None: the file's, else 2
    dtype: Literal["float32", "int32", "int16"] = "float32"
    frequency_hz: float = 440.0
    seed: int = 1
    speed: float = 1.0  # replay sources: times real pace
    unpaced: bool = False  # replay sources: as fast as the application reads


class PoolTable(_Table):
    """``[pool]``."""

    slots: int = 100
    policy: Literal["grow", "drop", "block"] = "grow"
    queue: int = 4096
    debug: bool = False


class ConsumerTable(_Table):
    """``[consumer]``: how the application holds packets."""

    kind: ConsumerKind = "immediate"
    hold: Duration = Duration(1.0)  # hold: keeps the last T seconds
    work: Duration = Duration(0.001)  # slow: per packet
    every: Duration = Duration(0.1)  # burst: reads every T
    verify: bool = True  # compare every byte on delivery and before return


class SamplingTable(_Table):
    """``[sampling]``."""

    every: Duration = Duration(1.0)
    uss_every: Duration = Duration(10.0)
    tracemalloc: bool = False  # one frame; always off with source.unpaced


class LimitsTable(_Table):
    """``[limits]``: when the supervisor steps in."""

    hang: Duration = Duration(10.0)  # no packet for this long while packets are due
    rss: Size | None = None  # kill the subject above this


class ExpectTable(_Table):
    """``[expect]``: hit rate in percent below which the pool check fails; None only explains it."""

    hit_rate: float | None = None


class Scenario(_Table):
    """A scenario as resolved: file, environment, flags and defaults merged."""

    name: str = "custom"
    description: str = ""
    engine: str = "native"
    duration: Duration = Duration(30.0)  # stream time: wall time is duration / speed
    warmup: Duration = Duration(0.0)
    source: SourceTable = SourceTable()
    pool: PoolTable = PoolTable()
    consumer: ConsumerTable = ConsumerTable()
    sampling: SamplingTable = SamplingTable()
    limits: LimitsTable = LimitsTable()
    expect: ExpectTable = ExpectTable()
    tags: dict[str, str] = {}
