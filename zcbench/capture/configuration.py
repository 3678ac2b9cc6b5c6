"""What an engine is made of: format and pool, checked when they are made; and a packet's flags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from operator import index
from typing import Literal, get_args

import numpy as np

from zcbench.capture import defaults
from zcbench.quantities.units import format_bytes

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
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if number and math.isfinite(value) and (value > 0 or (zero and value == 0)):  # type: ignore[arg-type, operator]
        return
    allowed = "at least 0" if zero else "above 0"
    raise ValueError(f"{name}: {value!r} is not a finite number {allowed}")


def require_one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise ValueError, naming the values allowed, unless ``value`` is one of them."""
    if value not in allowed:
        listed = ", ".join(map(str, allowed))
        raise ValueError(f"{name}: {value!r} is not one of {listed}")


def slot_stride(payload_bytes: int) -> int:
    """Bytes from one slot to the next without guard zones: ``payload_bytes``, rounded up to the alignment."""
    return -(-payload_bytes // SLOT_ALIGNMENT_BYTES) * SLOT_ALIGNMENT_BYTES


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

    rate: int = defaults.RATE
    frames: int = defaults.FRAMES
    channels: int = defaults.CHANNELS
    dtype: DType = "float32"

    def __post_init__(self) -> None:
        require_positive("rate", self.rate)
        require_integer("frames", self.frames, 1)
        require_integer("channels", self.channels, 1)
        require_one_of("dtype", self.dtype, get_args(DType))
        if self.packet_bytes > MAX_PACKET_BYTES:
            raise ValueError(
                f"a packet has {format_bytes(self.packet_bytes)}; at most {format_bytes(MAX_PACKET_BYTES)}: "
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
