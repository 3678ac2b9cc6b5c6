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

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntFlag
from importlib import import_module
from importlib.metadata import entry_points
from operator import index
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from zcbench.foreign import brief, of_error, one_line

if TYPE_CHECKING:
    from zcbench.capture.sources import DeviceSource, ReplaySource
    from zcbench.scoreboard import Scoreboard

Policy = Literal["grow", "drop", "block", "adaptive"]
DType = Literal["float32", "int32", "int16"]

MAX_SLOTS = 1_000_000
MAX_PACKET_BYTES = 64 * 2**20
SLOT_ALIGNMENT_BYTES = 64
# Times the slots an adaptive pool began with, where no maximum is given.
MAXIMUM_GROWTH = 100


def require_integer(name: str, value: object, minimum: int, maximum: int | None = None) -> None:
    """Raise ValueError, naming the values allowed, unless ``value`` is an integer of minimum..maximum."""
    try:
        number = None if isinstance(value, (bool, np.bool_)) else index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is not None and minimum <= number and (maximum is None or number <= maximum):
        return
    allowed = f"at least {minimum}" if maximum is None else f"in {minimum:,}..{maximum:,}"
    raise ValueError(f"{name}: {value!r} is not {'an integer ' if number is None else ''}{allowed}")


def require_positive(name: str, value: object, *, zero: bool = False) -> None:
    """Raise ValueError unless ``value`` is a finite number above 0, or 0 where that is allowed."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, bool
    )
    if number and math.isfinite(value) and (value > 0 or (zero and value == 0)):  # type: ignore[arg-type, operator]
        return
    allowed = "at least 0" if zero else "above 0"
    raise ValueError(f"{name}: {value!r} is not a finite number {allowed}")


def require_one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise ValueError, naming the values allowed, unless ``value`` is one of them."""
    if value not in allowed:
        listed = ", ".join(map(str, allowed))
        raise ValueError(f"{name}: {value!r} is not one of {listed}")


class PacketFlags(IntFlag):
    """What the engine knew about a packet when it was captured."""

    # PortAudio reported an over- or underflow for this block.
    XRUN = 1
    # Packets were dropped directly before this one.
    GAP = 2
    # The packet lies outside the slab (a miss under policy ``grow``).
    OVERFLOW = 4

    # An application asks this of every packet, and IntFlag makes its answer anew: ten times as slow.
    def __and__(self, other: int) -> PacketFlags:
        both = int.__and__(self, other)
        if both in _FLAGS_RANGE:
            return _FLAGS[both]
        return both if both is NotImplemented else PacketFlags(both)

    __rand__ = __and__


_FLAGS_RANGE = range(8)
_FLAGS = tuple(PacketFlags(value) for value in _FLAGS_RANGE)


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """The shape of a stream: ``frames`` x ``channels`` of ``dtype`` a packet, at ``rate`` frames a second.

    ``dtype`` is "float32", "int32" or "int16"; a packet has at most 64 MiB. Raises ValueError otherwise.
    """

    rate: int = 48_000
    frames: int = 480
    channels: int = 2
    dtype: DType = "float32"

    def __post_init__(self) -> None:
        require_positive("rate", self.rate)
        require_integer("frames", self.frames, 1)
        require_integer("channels", self.channels, 1)
        require_one_of("dtype", self.dtype, get_args(DType))
        if self.packet_bytes > MAX_PACKET_BYTES:
            raise ValueError(
                f"a packet of {self.packet_bytes:,} bytes is not in 1..{MAX_PACKET_BYTES:,}; "
                "take fewer frames or channels"
            )

    @property
    def packet_bytes(self) -> int:
        """Payload of one packet in bytes."""
        return int(self.frames) * int(self.channels) * np.dtype(self.dtype).itemsize

    @property
    def packets_per_s(self) -> float:
        """Packets due in one second of the stream."""
        return self.rate / self.frames


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """The pool: 1..1,000,000 ``slots``, what to do when none is free, and the queue between the producer
    and ``read()`` (``queue`` packets, rounded up to a power of two). ``debug`` poisons returned slots and
    puts guard zones around each; ``lock`` locks the slab in memory.

    Policy ``adaptive`` begins with ``slots`` and keeps twice as many as are in flight at the high water, not
    fewer than ``min`` (None: ``slots``) nor more than ``max`` (None: 100 times ``slots``); demand must have
    been low for ``shrink_after_s`` seconds before slots go. A miss drops the packet, as under ``drop``: the
    producer never allocates.

    Raises ValueError for a value that is not allowed, naming those that are.
    """

    slots: int = 100
    policy: Policy = "grow"
    queue: int = 4096
    debug: bool = False
    min: int | None = None
    max: int | None = None
    shrink_after_s: float = 10.0
    lock: bool = False

    def __post_init__(self) -> None:
        require_integer("pool.slots", self.slots, 1, MAX_SLOTS)
        require_one_of("pool.policy", self.policy, get_args(Policy))
        require_integer("pool.queue", self.queue, 1)
        for name in ("debug", "lock"):
            require_one_of(f"pool.{name}", getattr(self, name), (True, False))
        if self.min is not None:
            require_integer("pool.min", self.min, 1, self.slots)
        if self.max is not None:
            require_integer("pool.max", self.max, self.slots, MAX_SLOTS)
        require_positive("pool.shrink_after_s", self.shrink_after_s, zero=True)

    @property
    def minimum(self) -> int:
        """Slots the pool never has fewer than."""
        return self.slots if self.policy != "adaptive" or self.min is None else self.min

    @property
    def maximum(self) -> int:
        """Slots the pool never has more than."""
        if self.policy != "adaptive":
            return self.slots
        return min(MAXIMUM_GROWTH * self.slots, MAX_SLOTS) if self.max is None else self.max


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
        acquires = self.hits + self.misses
        return self.hits / acquires if acquires else None


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

    ``scoreboard`` is a :class:`zcbench.scoreboard.Scoreboard` the engine counts on (its own, anonymous,
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
    return sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)})


def find_engine(name: str) -> type[CaptureEngine]:
    """The engine class registered as ``name`` in the entry-point group ``zcbench.engines``, or the class
    at ``package.module:Class``.

    Raises LookupError, listing the engines there are, or saying why the class cannot be had.
    """
    if ":" in name:
        return _import_engine(name)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name == name:
            return _loaded(name, point.load)
    raise LookupError(f"no engine {brief(name)!r}; installed: {', '.join(engine_names())}")


def _import_engine(name: str) -> type[CaptureEngine]:
    module, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise LookupError(
            f"engine {brief(name)!r}: write package.module:Class, importable from PYTHONPATH"
        )
    return _loaded(name, lambda: getattr(import_module(module), attribute))


def _loaded(name: str, load: Callable[[], Any]) -> type[CaptureEngine]:
    try:
        engine = load()
    except (ImportError, AttributeError) as error:
        raise LookupError(
            f"engine {brief(name)!r}: {brief(one_line(str(error)))}; write package.module:Class, importable "
            "from PYTHONPATH"
        ) from error
    except BaseException as error:  # an import may raise anything, SystemExit and a Rust panic too
        raise LookupError(
            f"engine {brief(name)!r}: cannot be imported: {of_error(error)}"
        ) from error
    if not isinstance(engine, type):
        raise LookupError(f"engine {brief(name)!r}: is no class, but {brief(repr(engine))}")
    return engine
