"""Threads that take, hold, look at and return arrays of running engines, over an instrumented native module.

``stress_python.py --core PATH [--seconds 10] [--seed 1]``: rounds of random engines and applications until the
seconds are over. ``--core`` is a ``_core`` that was built with a sanitizer (``make stress-python`` builds and
preloads it), which ends the process at the first wrong access. The laws of the pool and every byte are
checked beside. Exit code 1 when anything was wrong; the round's seed is printed then.
"""

from __future__ import annotations

import argparse
import copy
import gc
import importlib.machinery
import importlib.util
import os
import pickle
import queue
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import zcbench.capture


def load_core(path: Path) -> None:
    """Make the module at ``path`` the ``zcbench.capture._core`` of this process."""
    name = "zcbench.capture._core"
    loader = importlib.machinery.ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    zcbench.capture._core = module


Take = Callable[[Any], Any]

# What an application may keep of a packet, each of which keeps the slot by itself; and the same of the content.
VIEWS: tuple[tuple[Take, Take], ...] = (
    (lambda packet: packet.array, lambda block: block),
    (lambda packet: packet.array[1:], lambda block: block[1:]),
    (lambda packet: packet.array.T[::-1], lambda block: block.T[::-1]),
    (lambda packet: np.asarray(memoryview(packet)), lambda block: block),
    (np.from_dlpack, lambda block: block),
    (lambda packet: np.frombuffer(packet, np.float32)[3:], lambda block: block.reshape(-1)[3:]),
    (
        lambda packet: packet.array.reshape(-1)[:5].view(np.uint8),
        lambda block: block.reshape(-1)[:5].view(np.uint8),
    ),
)


class Application:
    """One reader, and threads that hold what it reads for a while, look at it, and let it go."""

    def __init__(self, dice: random.Random, engine: Any, source: Any, frames: int) -> None:
        self.engine, self.source, self.frames = engine, source, frames
        self.wrong: list[str] = []
        self.read = 0
        self.left_early = dice.random() < 0.3
        self._enough = dice.randrange(1, 400) if self.left_early else sys.maxsize
        self._handed: queue.SimpleQueue[Any] = queue.SimpleQueue()
        holders = dice.randrange(1, 5)
        self._threads = [threading.Thread(target=self._reads, args=(holders,))] + [
            threading.Thread(target=self._holds, args=(random.Random(dice.random()),)) for _ in range(holders)
        ]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Wait until everything is back."""
        for thread in self._threads:
            thread.join()
        gc.collect()

    def _reads(self, holders: int) -> None:
        last = -1
        while self.read < self._enough:
            try:
                packet = self.engine.read(timeout=0.05)
            except TimeoutError:
                continue
            if packet is None:
                break
            if packet.sequence <= last:
                self.wrong.append(f"packet {packet.sequence} after {last}")
            last = packet.sequence
            self.read += 1
            self._handed.put(packet)
            del packet
        for _ in range(holders):
            self._handed.put(None)

    def _holds(self, dice: random.Random) -> None:
        kept: list[tuple[Any, Any]] = []
        while True:
            try:
                packet = self._handed.get(timeout=0.02)
            except queue.Empty:  # policy block may be waiting for what is kept here
                kept.clear()
                gc.collect()
                continue
            if packet is None:
                break
            wanted = np.ascontiguousarray(self.source.block(packet.sequence, self.frames))
            of_packet, of_block = dice.choice(VIEWS)
            kept.append((of_packet(packet), of_block(wanted)))
            match dice.randrange(6):
                case 0:
                    packet.release()
                case 1:
                    node: list[Any] = [packet]
                    node.append(node)  # until gc finds it
                    del node
                case 2:
                    copied = pickle.loads(pickle.dumps(packet))
                    self._look(copied.array, wanted)
                case 3:
                    self._look(copy.deepcopy(packet).array, wanted)
                case 4:
                    kept.append((packet, None))
            del packet
            while len(kept) > dice.randrange(12):
                seen, expected = kept.pop(dice.randrange(len(kept)))
                if expected is not None:
                    self._look(seen, expected)
                del seen
        for seen, expected in kept:
            if expected is not None:
                self._look(seen, expected)

    def _look(self, seen: Any, expected: Any) -> None:
        if not np.array_equal(seen, expected):
            self.wrong.append("an array did not hold what was captured")


def one_round(seed: int) -> list[str]:
    """What was wrong in a round made of ``seed``."""
    from zcbench.capture.engine import PoolConfig, StreamFormat
    from zcbench.capture.native import NativeEngine
    from zcbench.capture.sources import ReplaySource
    from zcbench.page.scoreboard import Scoreboard

    dice = random.Random(seed)
    format = StreamFormat(frames=dice.choice((1, 7, 48)), channels=dice.choice((1, 2, 5)))
    pcm = np.arange(1009 * format.channels, dtype=np.float32).reshape(1009, format.channels)
    pace: Any = dice.choice(("real", "unpaced"))
    source = ReplaySource(pcm, "ramp", pace, speed=dice.choice((1.0, 50.0)), limit=dice.randrange(1, 2000))
    policy: Any = dice.choice(("grow", "drop", "block", "adaptive"))
    slots = dice.randrange(1, 24)
    adaptive = {"min": 1, "max": slots + 64, "shrink_after_s": 0.01} if policy == "adaptive" else {}
    pool = PoolConfig(slots, policy, queue=dice.randrange(1, 64), debug=dice.random() < 0.5, **adaptive)
    board = Scoreboard.create()
    engine = NativeEngine(format, source, pool, scoreboard=board, checksum=dice.random() < 0.5)
    engine.start()
    application = Application(dice, engine, source, format.frames)
    observer = threading.Thread(target=_observes, args=(engine, board, dice.randrange(3)))
    observer.start()
    if dice.random() < 0.5:
        time.sleep(dice.random() * 0.05)
        stoppers = [threading.Thread(target=engine.stop) for _ in range(dice.randrange(1, 4))]
        for thread in stoppers:
            thread.start()
        for thread in stoppers:
            thread.join()
    elif application.left_early:
        time.sleep(dice.random() * 0.05)
        engine.stop()
    application.finish()
    observer.join()
    found = application.wrong
    del application
    if dice.random() < 0.5:
        engine.close()
    del engine
    gc.collect()
    return found + _broken_laws(board)


def _observes(engine: Any, board: Any, what: int) -> None:
    """Looks at the engine meanwhile, as a probe does, and maintains its pool beside its own thread."""
    for _ in range(20):
        stats = engine.stats() if what == 0 else None
        assert stats is None or stats.captured >= stats.delivered
        if what == 1:
            engine.maintain()
        board.counters()
        time.sleep(0.001)


def _broken_laws(board: Any) -> list[str]:
    """The laws of :class:`zcbench.capture.engine.PoolStats` of an engine that is gone, that do not hold."""
    on = board.counters()
    laws = {
        "every lease is back": on["pool.in_flight"] == 0,
        "nothing is queued": on["engine.queued"] == 0,
        "captured = hits + misses": on["engine.captured"] == on["pool.hits"] + on["pool.misses"],
        "captured = delivered + drops": on["engine.captured"] == on["engine.delivered"] + on["engine.drops"],
        "overflow is freed": on["pool.overflow_bytes"] == on["pool.overflow_freed_bytes"],
        "guards and poison are whole": not on["pool.guard_violations"] + on["pool.poison_violations"],
    }
    return [f"not so: {law}" for law, holds in laws.items() if not holds]


def main() -> int:
    """Rounds until the seconds are over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--core", type=Path, required=True, help="the instrumented module's file")
    parser.add_argument("--seconds", type=float, default=10, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first round (%(default)s)")
    asked = parser.parse_args()
    load_core(asked.core.resolve())
    sys.setswitchinterval(1e-5)
    # A thread that fails leaves others waiting: end at once, and say where.
    threading.excepthook = lambda failed: (sys.excepthook(*failed[:3]), os._exit(1))  # type: ignore[arg-type]
    end, rounds = time.monotonic() + asked.seconds, 0
    while rounds == 0 or time.monotonic() < end:
        found = one_round(asked.seed + rounds)
        if found:
            print(f"seed {asked.seed + rounds}: {'; '.join(sorted(set(found)))}", file=sys.stderr)
            return 1
        rounds += 1
    print(f"{rounds} rounds, nothing wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
