"""Leaks: of Python objects, of native memory, of buffers; every packet, every 10th, every 1,000th."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections import deque
from typing import Any

from numpy.typing import NDArray

from zcbench.capture.engine import Packet
from zcbench.consumers.consumer import Consumer
from zcbench.consumers.ledger import PacketLedger
from zcbench.faults.fault import Fault, FaultyConsumer
from zcbench.faults.pace import FIVE_MINUTES, GROWING

# The C library's malloc, by the name under which every CPython exports it.
_malloc = ctypes.pythonapi.PyMem_RawMalloc
_malloc.argtypes = [ctypes.c_size_t]
_malloc.restype = ctypes.c_void_p


class LeaksObjects(FaultyConsumer):
    """Keeps one of Python's smallest objects, a float (24 bytes in a block of 32), each ``every`` packets."""

    every = 1

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        # A deque grows by half a kilobyte at a time; a list's growth would itself look like steps.
        self._kept: deque[float] = deque()

    def _damage(self, packet: Packet) -> None:
        if packet.sequence % self.every == 0:
            self._kept.append(float(packet.sequence))


class LeaksUntilStopped(LeaksObjects):
    """Keeps them in a container that the end of the stream clears, as a cache of a session would be."""

    def drain(self, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        self._kept.clear()
        super().drain(ledger)


class LeaksObjectsEvery10(LeaksObjects):
    """Each 10 packets."""

    every = 10


class LeaksObjectsEvery1000(LeaksObjects):
    """Each 1,000 packets."""

    every = 1_000


class LeaksLargeObjects(FaultyConsumer):
    """Keeps one of the largest objects that Python's small-object allocator serves, each ``every`` packets."""

    every, block_bytes = 100, 512

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        self._kept: deque[bytes] = deque()

    def _damage(self, packet: Packet) -> None:
        if packet.sequence % self.every == 0:
            self._kept.append(bytes(self.block_bytes - sys.getsizeof(b"")))


class LeaksLargeObjectsEvery50(LeaksLargeObjects):
    """In blocks of 480 bytes, each 50 packets."""

    every, block_bytes = 50, 480


class LeaksNative(FaultyConsumer):
    """Allocates ``size`` bytes outside Python each ``every`` packets, and forgets the address."""

    every, size = 1, 64

    def _damage(self, packet: Packet) -> None:
        if packet.sequence % self.every == 0:
            ctypes.memset(_malloc(self.size), 1, self.size)  # touched, or it would cost no page


class LeaksNativeEvery10(LeaksNative):
    """The smallest block that glibc gives, 32 bytes with its header, each 10 packets."""

    every, size = 10, 24


class LeaksArrays(FaultyConsumer):
    """Keeps a copy of every packet's samples."""

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        self._kept: deque[NDArray[Any]] = deque()

    def _damage(self, packet: Packet) -> None:
        self._kept.append(packet.array.copy())


class _Node:
    """A link to itself, which only the collector could free."""

    def __init__(self) -> None:
        self.itself = self


class LeaksCycles(FaultyConsumer):
    """Makes a reference cycle per packet and hides it from the collector.

    gc.disable() would not be enough: the harness collects by itself. gc.freeze() puts what is there into
    the generation that no collection looks at, as an extension does that untracks its objects.
    """

    def _damage(self, packet: Packet) -> None:
        _Node()
        gc.freeze()


FAULTS = (
    Fault(
        "leak-objects",
        "one Python object is kept for every packet",
        "memory",
        "python_objects",
        consumer=LeaksObjects,
        settings=GROWING,
    ),
    Fault(
        "leak-until-stopped",
        "one Python object is kept for every packet, until the end of the stream clears them all",
        "memory",
        "python_objects",
        consumer=LeaksUntilStopped,
        settings=GROWING,
    ),
    Fault(
        "leak-native",
        "64 bytes of malloc are never freed, for every packet",
        "memory",
        "native",
        consumer=LeaksNative,
        settings=GROWING,
    ),
    Fault(
        "leak-arrays",
        "a NumPy array is kept for every packet",
        "memory",
        "buffers",
        consumer=LeaksArrays,
        # 3,840 bytes a packet: at real pace that is 11 MiB in 30 s, at ten times it would be 110.
        settings={**GROWING, "duration": "30s", "source.speed": "1"},
    ),
    Fault(
        "leak-cycles",
        "a reference cycle per packet that no collection frees",
        "memory",
        "python_objects",
        consumer=LeaksCycles,
        settings=GROWING,
    ),
    Fault(
        "leak-every-10",
        "one smallest object is kept each 10 packets (32 bytes)",
        "memory",
        "python_objects",
        consumer=LeaksObjectsEvery10,
        settings=GROWING,
    ),
    Fault(
        "leak-large-objects",
        "one object of 512 bytes is kept each 100 packets: few blocks, many bytes",
        "memory",
        "python_objects",
        consumer=LeaksLargeObjects,
        settings=GROWING,
    ),
    Fault(
        "leak-native-every-10",
        "one smallest block of malloc is never freed, each 10 packets (32 bytes)",
        "memory",
        "native",
        consumer=LeaksNativeEvery10,
        settings=GROWING,
    ),
    Fault(
        "leak-every-10-real-time",
        "leak-every-10 at real pace for five minutes: 320 bytes a second",
        "memory",
        "python_objects",
        consumer=LeaksObjectsEvery10,
        settings=FIVE_MINUTES,
        slow=True,
    ),
    Fault(
        "leak-large-objects-real-time",
        "an object of 480 bytes is kept each 50 packets, at real pace for five minutes: 960 bytes a second",
        "memory",
        "python_objects",
        consumer=LeaksLargeObjectsEvery50,
        settings=FIVE_MINUTES,
        slow=True,
    ),
    Fault(
        "leak-native-every-10-real-time",
        "leak-native-every-10 at real pace for five minutes: 320 bytes a second",
        "memory",
        "native",
        consumer=LeaksNativeEvery10,
        settings=FIVE_MINUTES,
        slow=True,
    ),
    Fault(
        "leak-every-1000",
        "one smallest object is kept each 1,000 packets (32 bytes)",
        "memory",
        "python_objects",
        consumer=LeaksObjectsEvery1000,
        # 10,000 packets/s, which the native engine and one verified consumer carry on a third of a core:
        # 10 objects, 320 bytes a second, for five minutes.
        settings={**FIVE_MINUTES, "duration": "500m", "source.speed": "100"},
        slow=True,
    ),
)
