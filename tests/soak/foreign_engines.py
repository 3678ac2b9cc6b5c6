"""Engines as users write them: sound ones of unusual shape, and others with a bug each."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from own_engines import CountsNothing, Packet

from zcbench.clock import now_ns

# -- sound


class ThreadPool(CountsNothing):
    """Other threads make the blocks."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.workers = ThreadPoolExecutor(3)

    def packets(self, sequence: int, due: int) -> list[Any]:
        return self.workers.submit(super().packets, sequence, due).result()

    def close(self) -> None:
        super().close()
        self.workers.shutdown()


class SlowStart(CountsNothing):
    """A device that takes a while to open."""

    def capture(self) -> None:
        time.sleep(0.7)
        super().capture()


class Fives(CountsNothing):
    """Five packets at once, as a host hands them over."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.gathered: list[Any] = []

    def packets(self, sequence: int, due: int) -> list[Any]:
        self.gathered += super().packets(sequence, due)
        if sequence % 5 != 4 and sequence != self.source.limit - 1:
            return []
        out, self.gathered = self.gathered, []
        return out


class NumpyNumbers(CountsNothing):
    """NumPy's integers, and read-only samples that lie at an odd address."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        block = self.source.block(sequence, self.format.frames)
        odd = np.frombuffer(b"x" + block.tobytes(), np.uint8)[1:]
        packet = Packet(np.int64(sequence), np.int64(due), odd.view(block.dtype).reshape(block.shape))
        packet.flags = np.uint32(0)  # type: ignore[assignment]
        return [packet]


class Planar(CountsNothing):
    """A channel lies in one piece: the arrays are in Fortran's order."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        block = self.source.block(sequence, self.format.frames)
        return [Packet(sequence, due, np.asfortranarray(block))]


class TidiesUp(CountsNothing):
    """Temporary files that go again, a line of log now and then, a thread a packet."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        out: list[Any] = []
        thread = threading.Thread(target=lambda: out.extend(CountsNothing.packets(self, sequence, due)))
        thread.start()
        thread.join()
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(100))
        if sequence % 50 == 0:
            print("packet", sequence, file=sys.stderr)
        return out


class Proxy:
    """Passes on whatever it is asked."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.__dict__["engine"] = CountsNothing(*args, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


# -- not sound


class Transposed(CountsNothing):
    """One packet has the right bytes in the wrong shape."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        block = self.source.block(sequence, self.format.frames).copy()
        return [Packet(sequence, due, block.reshape(block.shape[::-1]) if sequence == 70 else block)]


class PreviousBlock(CountsNothing):
    def packets(self, sequence: int, due: int) -> list[Any]:
        stale = sequence - 1 if sequence % 97 == 50 else sequence
        return [Packet(sequence, due, self.source.block(stale, self.format.frames).copy())]


class LastSample(CountsNothing):
    def packets(self, sequence: int, due: int) -> list[Any]:
        block = self.source.block(sequence, self.format.frames).copy()
        if sequence == 123:
            block[-1, -1] = 0
        return [Packet(sequence, due, block)]


class Renumbers(CountsNothing):
    """Loses a packet and numbers what follows as if it had not."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        lost = sequence > 100
        return [] if sequence == 100 else super().packets(sequence - lost, due)


class Twice(CountsNothing):
    def packets(self, sequence: int, due: int) -> list[Any]:
        return super().packets(sequence, due) * (2 if sequence % 100 == 40 else 1)


class StampsOfNow(CountsNothing):
    """Stalls, and stamps its packets afterwards, so that none looks late."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        if sequence % 50 == 49:
            time.sleep(0.35)
        (packet,) = super().packets(sequence, due)
        packet.time_ns = now_ns()
        return [packet]


class OneBuffer(CountsNothing):
    """Three buffers for ever, whoever still reads them."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        if not hasattr(self, "buffers"):
            shape = (3, self.format.frames, self.format.channels)
            self.buffers = np.empty(shape, self.format.dtype)
        buffer = self.buffers[sequence % 3]
        buffer[:] = self.source.block(sequence, self.format.frames)
        return [Packet(sequence, due, buffer)]


class Leaves(CountsNothing):
    """sys.exit(0), in the middle of the stream."""

    def read(self, timeout: float | None = None) -> Any:
        packet = super().read(timeout)
        if packet is not None and packet.sequence == 100:
            sys.exit(0)
        return packet


class LeavesAtStop(CountsNothing):
    def stop(self) -> None:
        os._exit(0)


class LeavesFiles(CountsNothing):
    def packets(self, sequence: int, due: int) -> list[Any]:
        if sequence % 20 == 0:
            os.close(tempfile.mkstemp()[0])
        return super().packets(sequence, due)


class Descriptors(CountsNothing):
    def packets(self, sequence: int, due: int) -> list[Any]:
        if sequence == 100:
            os.open(os.devnull, os.O_RDONLY)
        return super().packets(sequence, due)


class ReturnsTwice(CountsNothing):
    """Takes off twice what it puts on once: the count would fall below zero."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        self.page["pool.in_flight"] = 0 if sequence < 50 else -1
        return super().packets(sequence, due)
