"""One measurement of ``gil_hogs.py``: capture a device in one way, beside busy Python threads.

Run by it in a process of its own, since the GIL that is fought over is a process's. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import sounddevice
import soundfile

RATE, CHANNELS = 48_000, 2
SETTLE_S = 1.0  # after the first block: a device's first buffers come in a burst
PATIENCE_S = 30.0  # for the first block
Samples = np.ndarray[Any, np.dtype[np.float32]]


class Way(Protocol):
    """A way of capturing."""

    def start(self) -> None:
        """Start the stream."""
        ...

    def captured(self) -> int:
        """Frames that the callback has taken so far."""
        ...

    def read(self) -> Samples | None:
        """The next samples, shape (frames, 2), or None when there are none within some milliseconds."""
        ...

    def stop(self) -> dict[str, Any]:
        """End the stream; what the way says of itself: flags, drops, callback durations."""
        ...


class Zcbench:
    """zcbench's native engine with an adaptive pool; the reader copies out all that is queued at once.

    Not with NumPy: its copies give the GIL away from 500 elements on, and it takes 5 ms for each hog to get it
    back.
    """

    MOST = 4096

    def __init__(self, device: str, frames: int) -> None:
        from zcbench.capture.engine import PoolConfig, StreamFormat
        from zcbench.capture.native import NativeEngine
        from zcbench.capture.sources import DeviceSource

        pool = PoolConfig(slots=100, policy="adaptive", max=self.MOST)
        self.engine = NativeEngine(StreamFormat(RATE, frames, CHANNELS, "float32"), DeviceSource(device), pool)

    def start(self) -> None:
        """See :class:`Way`."""
        self.engine.start()

    def captured(self) -> int:
        """See :class:`Way`."""
        return (self.engine.scoreboard["engine.captured"] or 0) * self.engine.format.frames

    def read(self) -> Samples | None:
        """See :class:`Way`."""
        try:
            packets = self.engine.read_many(self.MOST, 0.02)
        except TimeoutError:
            return None
        if not packets:
            return None
        return np.frombuffer(b"".join(packets), np.float32).reshape(-1, CHANNELS)

    def stop(self) -> dict[str, Any]:
        """See :class:`Way`."""
        self.engine.stop()
        stats = self.engine.stats()
        callback = self.engine.scoreboard.histogram("callback_ns")
        return {
            "flags": stats.xruns,
            "dropped_frames": stats.drops * self.engine.format.frames,
            "slots": stats.slots,
            "callback_us": {
                **{f"p{p:g}": (callback.percentile(p) or 0.0) / 1e3 for p in (50.0, 99.0, 99.9)},
                "max": callback.max_ns / 1e3,
            },
        }


class Sounddevice:
    """A Python callback that copies the block into a ``queue.Queue``: sounddevice's own example
    (rec_unlimited.py)."""

    def __init__(self, device: str, frames: int) -> None:
        self._queue: queue.Queue[Samples] = queue.Queue()
        self._frames = self._flags = 0
        self._stream = sounddevice.InputStream(
            samplerate=RATE, blocksize=frames, device=device, channels=CHANNELS, dtype="float32",
            callback=self._callback,
        )  # fmt: skip

    def _callback(self, indata: Samples, frames: int, _time: Any, status: Any) -> None:
        self._frames += frames
        self._flags += bool(status)
        self._queue.put(indata.copy())

    def start(self) -> None:
        """See :class:`Way`."""
        self._stream.start()

    def captured(self) -> int:
        """See :class:`Way`."""
        return self._frames

    def read(self) -> Samples | None:
        """See :class:`Way`."""
        try:
            return self._queue.get(timeout=0.02)
        except queue.Empty:
            return None

    def stop(self) -> dict[str, Any]:
        """See :class:`Way`."""
        self._stream.close()
        return {"flags": self._flags, "dropped_frames": 0}


class Rtmixer:
    """rtmixer's C callback into a ring buffer of 43 s, which the reader empties (its plot_input.py)."""

    ELEMENTS = 2**21

    def __init__(self, device: str, frames: int) -> None:
        import rtmixer

        self._recorder = rtmixer.Recorder(device=device, channels=CHANNELS, blocksize=frames, samplerate=RATE)
        self._ring = rtmixer.RingBuffer(4 * CHANNELS, self.ELEMENTS)
        self._action: Any = None

    def start(self) -> None:
        """See :class:`Way`."""
        self._recorder.start()
        self._action = self._recorder.record_ringbuffer(self._ring)

    def captured(self) -> int:
        """See :class:`Way`."""
        return int(self._action.done_frames)

    def read(self) -> Samples | None:
        """See :class:`Way`."""
        if not self._ring.read_available:
            time.sleep(0.02)
        raw = self._ring.read(self._ring.read_available)
        return np.frombuffer(raw, np.float32).reshape(-1, CHANNELS).copy() if len(raw) else None

    def stop(self) -> dict[str, Any]:
        """See :class:`Way`."""
        stats = self._recorder.fetch_and_reset_stats()
        self._recorder.close()
        return {
            "flags": int(getattr(stats, "input_overflows", 0)),
            "dropped_frames": 0,
        }


WAYS: dict[str, Callable[[str, int], Way]] = {
    "zcbench": Zcbench,
    "sounddevice": Sounddevice,
    "rtmixer": Rtmixer,
}


@dataclass(frozen=True)
class Holes:
    """Frames of the known file that are not among those received, between two that are."""

    holes: int
    frames: int


def holes_in(received: Samples, known: Samples) -> Holes:
    """Where ``received`` leaves out frames of ``known``, a file of noise that was played, looped.

    A frame is found by its value in both channels; the few that the file has twice, and the silence between two
    rounds of it, are passed over.
    """
    keys, places = np.unique(_keys(known), return_index=True)
    twice = np.bincount(np.searchsorted(keys, _keys(known)), minlength=keys.size) > 1
    found = np.minimum(np.searchsorted(keys, _keys(received)), keys.size - 1)
    is_known = (keys[found] == _keys(received)) & ~twice[found]
    index = np.flatnonzero(is_known)
    skipped = np.diff(places[found[index]].astype(np.int64)) - np.diff(index)
    lost = skipped[skipped > 0]
    return Holes(int(lost.size), int(lost.sum()))


def _keys(samples: Samples) -> np.ndarray[Any, np.dtype[np.uint32]]:
    whole = np.round(samples * 32768).astype(np.int64) + 32768
    return (whole[:, 0] << 16 | whole[:, 1]).astype(np.uint32)


def measure(way: Way, hogs: int, seconds: float, known: Samples | None) -> dict[str, Any]:
    """Capture for ``seconds`` beside ``hogs`` busy threads: the frames that were due, that the callback had
    taken and that Python had read by the end, and the holes in what was read, in the end, in all."""
    received: list[Samples] = []
    counted: list[tuple[float, int, int]] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            block = way.read()
            if block is not None:
                received.append(block)

    def hog() -> None:
        n = 0
        while not over.is_set():
            for _ in range(10_000):
                n += 1

    def count() -> None:
        counted.append((time.monotonic(), way.captured(), len(received)))

    way.start()
    reader = threading.Thread(target=read)
    reader.start()
    patience = time.monotonic() + PATIENCE_S
    while not way.captured():
        if time.monotonic() > patience:
            raise SystemExit("the device hands over nothing")
        time.sleep(0.01)
    time.sleep(SETTLE_S)
    count()
    for _ in range(hogs):
        threading.Thread(target=hog, daemon=True).start()
    time.sleep(seconds)
    count()
    own = way.stop()
    over.set()
    reader.join()
    while (block := way.read()) is not None:  # what Python had not read in time
        received.append(block)
    (began, first, blocks), (ended, last, until) = counted
    due = (ended - began) * RATE
    missing = None if known is None else holes_in(np.concatenate(received[blocks:]), known)
    return {
        "seconds": ended - began,
        "due_frames": round(due),
        "captured_frames": last - first,
        "delivered_frames": sum(len(block) for block in received[blocks:until]),
        "read_late_frames": sum(len(block) for block in received[until:]),
        **({} if missing is None else {f"hole_{k}": v for k, v in asdict(missing).items()}),
        **own,
    }


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--device", required=True)
    parser.add_argument("--hogs", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--frames", type=int, default=480, help="of a block")
    parser.add_argument("--latency", choices=("low", "high"), default="low")
    parser.add_argument("--known", help="the file of noise that is played into the device")
    arguments = parser.parse_args()
    sounddevice.default.latency = arguments.latency  # of all three
    known = None
    if arguments.known:
        known, _ = soundfile.read(arguments.known, dtype="float32", always_2d=True)
    way = WAYS[arguments.way](arguments.device, arguments.frames)
    print(json.dumps(measure(way, arguments.hogs, arguments.seconds, known)))


if __name__ == "__main__":
    main()
