"""The reference engine's leases and packets (of ``_core``: lease.cpp, packet.cpp)."""

from __future__ import annotations

import ctypes
import threading
import weakref
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zcbench.capture.detached import DetachedPacket
from zcbench.capture.engine import PacketFlags, StreamFormat
from zcbench.capture.reference.pool import Slot, SlotPool
from zcbench.clock import now_ns


class Stream:
    """What a lease needs after its engine is gone: the pool, the lock, the format."""

    def __init__(self, format: StreamFormat, pool: SlotPool) -> None:
        self.format, self.pool = format, pool
        # Re-entrant: a lease may die (gc) in a thread that holds it.
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.lease_type: type[Any] = type("Lease", (ctypes.c_char * format.packet_bytes,), {"__slots__": ()})

    def release(self, slot: Slot) -> None:
        """Any thread."""
        with self.changed:
            self.pool.release(slot, now_ns())
            self.changed.notify_all()

    def lease(self, slot: Slot) -> Any:
        """A new lease on ``slot``: a ctypes array over its memory, so that it exports the buffer protocol.

        The slot returns when the lease's window dies, an ndarray that only the lease holds. A ``__del__`` of
        the lease would be too early: gc runs all finalisers of a cycle before it frees any of it (PEP 442), so
        another one could still read the slot, or keep it. An ndarray is not gc's to finalise: it dies with the
        lease, as a native lease does.
        """
        window = slot.memory[:]
        weakref.finalize(window, self.release, slot).atexit = False
        return self.lease_type.from_buffer(window)


class ReferencePacket:
    """A packet of the reference engine; see :class:`zcbench.capture.engine.Packet`."""

    def __init__(self, lease: Any, stream: Stream, slot: Slot, checksum: int | None) -> None:
        self._lease, self._format = lease, stream.format
        self.sequence, self.time_ns = slot.sequence, slot.time_ns
        self.flags = PacketFlags(slot.flags)
        self.frames, self.channels = stream.format.frames, stream.format.channels
        self.nbytes = stream.format.packet_bytes
        self.checksum = checksum

    @property
    def array(self) -> NDArray[Any]:
        """The samples, no copy; its base is the lease."""
        if self._lease is None:
            raise ValueError(
                f"packet {self.sequence} was released; take packet.array before release(), "
                "it keeps the slot by itself"
            )
        flat = np.frombuffer(self._lease, self._format.dtype)
        return flat.reshape(self.frames, self.channels)

    @property
    def released(self) -> bool:
        """Whether release() was called."""
        return self._lease is None

    def release(self) -> None:
        """Give up the packet's own claim."""
        self._lease = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    def __reduce__(self) -> tuple[type[DetachedPacket], tuple[Any, ...]]:
        copy = self.array.copy()
        return DetachedPacket, (self.sequence, self.time_ns, self.flags, self.checksum, copy)
