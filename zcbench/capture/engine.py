"""What every capture engine promises: packets, leases, pool statistics; and how an engine is found.

    >>> from zcbench import PoolConfig, StreamFormat
    >>> StreamFormat(frames=480, channels=2).packet_bytes
    3840
    >>> PoolConfig(slots=0)
    Traceback (most recent call last):
    ValueError: pool.slots: 0 is not in 1..1,000,000

An engine is made from a :class:`StreamFormat`, a source and a :class:`PoolConfig`, started, and read by
one thread. Packets may be released by any thread, also after the engine is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from numpy.typing import NDArray

from zcbench import plugins
from zcbench.capture.configuration import (
    MAX_PACKET_BYTES,
    MAX_SLOTS,
    MAXIMUM_GROWTH,
    SLOT_ALIGNMENT_BYTES,
    DType,
    PacketFlags,
    Policy,
    PoolConfig,
    StreamFormat,
)
from zcbench.foreign import brief
from zcbench.quantities.derived import hit_rate

if TYPE_CHECKING:
    from zcbench.capture.sources import DeviceSource, ReplaySource
    from zcbench.page.scoreboard import Scoreboard

# What an engine is made of is imported from here as well.
__all__ = [
    "ENTRY_POINT_GROUP",
    "MAXIMUM_GROWTH",
    "MAX_PACKET_BYTES",
    "MAX_SLOTS",
    "SLOT_ALIGNMENT_BYTES",
    "CaptureEngine",
    "DType",
    "Packet",
    "PacketFlags",
    "Policy",
    "PoolConfig",
    "PoolStats",
    "StreamFormat",
    "engine_names",
    "find_engine",
    "read_stats",
]


@dataclass(frozen=True, slots=True)
class PoolStats:
    """A reading of the engine's counters, one after the other. The words are those of the metric registry.

    Laws of a sound engine at rest: ``captured = hits + misses = delivered + drops + queued`` and
    ``captured - refused = returns + in_flight``.
    """

    slots: int
    captured: int
    delivered: int
    queued: int
    drops: int
    xruns: int
    hits: int
    misses: int
    refused: int
    returns: int
    in_flight: int
    high_water: int
    overflow_allocations: int
    overflow_bytes: int
    overflow_freed_bytes: int
    guard_violations: int
    poison_violations: int
    grown: int  # slots added, taken out and refused for want of memory (policy adaptive)
    shrunk: int
    growth_failures: int
    slab_bytes: int
    oldest_lease_ns: int  # age of the oldest lease in flight; 0 when none is

    @property
    def hit_rate(self) -> float | None:
        """``hits / (hits + misses)``; None before the first acquire."""
        return hit_rate(self.hits, self.misses)


def read_stats(board: Scoreboard, oldest_lease_ns: int) -> PoolStats:
    """The engine's counters as they stand on ``board``; the oldest lease's age (ns) comes from the engine.

    What a packet passes last is read first, so that never more are seen delivered, dropped or returned
    than captured, nor more freed than allocated.
    """

    def value(name: str) -> int:
        return board[name] or 0

    return PoolStats(
        returns=value("pool.returns"),
        overflow_freed_bytes=value("pool.overflow_freed_bytes"),
        delivered=value("engine.delivered"),
        drops=value("engine.drops"),
        queued=value("engine.queued"),
        in_flight=value("pool.in_flight"),
        slots=value("pool.slots"),
        xruns=value("engine.xruns"),
        high_water=value("pool.high_water"),
        guard_violations=value("pool.guard_violations"),
        poison_violations=value("pool.poison_violations"),
        shrunk=value("pool.shrunk"),
        grown=value("pool.grown"),
        growth_failures=value("pool.growth_failures"),
        slab_bytes=value("pool.slab_bytes"),
        overflow_bytes=value("pool.overflow_bytes"),
        overflow_allocations=value("pool.overflow_allocations"),
        refused=value("pool.refused"),
        misses=value("pool.misses"),
        hits=value("pool.hits"),
        captured=value("engine.captured"),
        oldest_lease_ns=oldest_lease_ns,
    )


@runtime_checkable
class Packet(Protocol):
    """One captured block: metadata plus a claim on its lease. Also a context manager and an exporter of
    the buffer protocol and of DLPack; each view taken holds the lease by itself."""

    @property
    def sequence(self) -> int:
        """Number of the packet in its stream, from 0, dropped packets counted."""
        ...

    @property
    def frames(self) -> int:
        """Frames in the packet."""
        ...

    @property
    def channels(self) -> int:
        """Channels in each frame."""
        ...

    @property
    def time_ns(self) -> int:
        """Capture time of the packet's last frame, on the clock of ``zcbench.clock.now_ns``: the deadline
        of a paced replay, otherwise when the engine took the block."""
        ...

    @property
    def flags(self) -> PacketFlags:
        """What the engine knew about the packet when it was captured."""
        ...

    @property
    def checksum(self) -> int | None:
        """CRC-32 (``zlib.crc32``) of the payload taken by the producer, or None when not asked for."""
        ...

    @property
    def array(self) -> NDArray[Any]:
        """The samples, shape (frames, channels), writable, no copy; its base is the lease, so the slot
        stays out of the pool while it or any view of it lives. Raises ValueError after release()."""
        ...

    @property
    def nbytes(self) -> int:
        """Payload bytes."""
        ...

    @property
    def released(self) -> bool:
        """Whether release() was called."""
        ...

    def release(self) -> None:
        """Give up the packet's own claim. Arrays still alive keep the slot. Harmless when repeated."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None: ...

    def __dlpack__(self, **kwargs: Any) -> Any: ...

    def __dlpack_device__(self) -> tuple[int, int]: ...


class CaptureEngine(Protocol):
    """A capture engine. Constructed as::

        Engine(format, source, pool, scoreboard=None, checksum=False)

    ``scoreboard`` is a :class:`zcbench.page.scoreboard.Scoreboard` the engine counts on (its own, anonymous,
    when None); ``checksum`` has the producer take a CRC-32 of every packet.
    """

    def __init__(
        self,
        format: StreamFormat,
        source: ReplaySource | DeviceSource,
        pool: PoolConfig,
        *,
        scoreboard: Any | None = None,
        checksum: bool = False,
    ) -> None: ...

    def start(self) -> None:
        """Start the producer. Once only; a second call raises RuntimeError. OSError (reference:
        RuntimeError) where no thread is to be had: the stream has ended then. A replay source with
        ``pace="manual"`` starts no thread: :meth:`produce` is the producer."""
        ...

    def produce(self, packets: int = 1) -> int:
        """Manual pace only: capture the next packets in the calling thread; returns how many were
        captured (fewer at the source's limit, or when policy ``block`` finds no free slot; what is not
        captured is not counted)."""
        ...

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, in order. Waits up to ``timeout`` seconds (None: for ever; 0: not at all) and
        raises TimeoutError when there is none; returns None once the stream has ended and is drained."""
        ...

    def read_many(self, packets: int, timeout: float | None = None) -> Sequence[Packet]:
        """The next packets, in order, at least one and at most ``packets`` (1 or more): what is queued, and
        only if nothing is, what comes first, waited for as in :meth:`read`. Empty once the stream has ended
        and is drained. Each packet has a lease of its own. For high rates: one call, one clock reading and
        one wake-up for all of them. The harness reads one by one."""
        ...

    def stop(self) -> None:
        """Stop the producer and wait for it. What is queued can still be read. Any thread; harmless when
        repeated."""
        ...

    def close(self) -> None:
        """stop(), then discard what is queued (counted as drops). Packets handed out stay valid."""
        ...

    def maintain(self) -> None:
        """Policy ``adaptive``: one step of the pool's maintenance, growing or shrinking it where that is due.
        A thread of the engine's own makes these steps, but for manual pace. Nothing under other policies."""
        ...

    def stats(self) -> PoolStats:
        """The counters now. O(slots) because of the oldest lease; not for a hot path."""
        ...

    def check(self) -> int:
        """Debug pool: examine every free slot's poison and guards now; the number of slots found wrong
        (also counted). 0 without ``debug``."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None: ...

    def __iter__(self) -> Iterator[Packet]:
        """Packets until the stream ends."""
        ...


ENTRY_POINT_GROUP = "zcbench.engines"


def engine_names() -> list[str]:
    """Names of the installed engines, sorted."""
    return plugins.names(ENTRY_POINT_GROUP)


def find_engine(name: str) -> type[CaptureEngine]:
    """The engine class registered as ``name`` in the entry-point group ``zcbench.engines``, or the class
    at ``package.module:Class``.

    Raises LookupError, listing the engines there are, or saying why the class cannot be had.
    """
    engine = plugins.load("engine", ENTRY_POINT_GROUP, name)
    if not isinstance(engine, type):
        raise LookupError(f"engine {brief(name)!r}: is no class, but {brief(repr(engine))}")
    return engine
