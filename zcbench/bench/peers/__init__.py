"""The peers: one way each of getting packets from a producer to the application.

Each module has a class of :class:`Peer`. To add one, write its module and give it a row in :data:`PEERS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, Protocol

from zcbench.bench.work import FRAME_BYTES, Packet, Work
from zcbench.capture.sources import same_signals


class BenchError(ValueError):
    """What was asked of a benchmark cannot be done; the message names it and the fix."""


class Peer(Protocol):
    """One way of doing the work; made and closed once for it."""

    def __init__(self, work: Work) -> None: ...

    def start(self) -> None:
        """Start the producer."""
        ...

    def packets(self, thread: int) -> Iterator[Packet]:
        """The share of the application's thread number ``thread``, in whose context it is called. A peer
        whose memory does not belong to the array may reuse it once :attr:`Work.held` later ones were taken."""
        ...

    def close(self) -> None:
        """After all packets were taken: wait for the producer, free everything."""
        ...

    def producer_cpu_ns(self) -> int:
        """After close(): CPU time of a producer in another process, over all packets; else 0."""
        ...


Kind = Literal["limit", "zcbench", "peer"]


@dataclass(frozen=True)
class PeerInfo:
    """A row of the table: ``copies`` is how often a packet is written whole on its way, the first time
    included, once more below ``threshold`` bytes; ``moved`` says from where to where.

    ``packages`` are the distributions needed beyond zcbench's own.
    """

    name: str
    title: str
    kind: Kind
    module: str
    copies: int
    moved: str
    packages: tuple[str, ...] = ()
    threshold: int = 0

    def moved_bytes(self, size: int) -> int:
        """Bytes written for a packet of ``size``; of a source in place only the two ends."""
        return (self.copies + (size < self.threshold)) * size or 2 * FRAME_BYTES

    def versions(self) -> dict[str, str]:
        """Those of its packages. Raises PackageNotFoundError, an ImportError, for one that is not installed."""
        from importlib.metadata import version

        return {name: version(name) for name in self.packages}

    def missing(self) -> str | None:
        """How to install what it lacks; None if it can be measured here."""
        try:
            self.versions()
            self._imported()
        except (ImportError, OSError) as error:
            return f"pip install 'zcbench[bench]' ({type(error).__name__}: {error})"
        return None

    def load(self) -> type[Peer]:
        """Its class: the one that its module calls ``PEERS[name]``."""
        made: type[Peer] = self._imported().PEERS[self.name]
        return made

    def _imported(self) -> ModuleType:
        with same_signals():  # rtmixer starts PortAudio
            return importlib.import_module(f"zcbench.bench.peers.{self.module}")


MEMCPY, COPYTO, QUEUE, ZCBENCH = "memcpy", "copyto", "queue", "zcbench"

PEERS = {
    info.name: info
    for info in (
        PeerInfo(MEMCPY, "memcpy in C, no hand-over", "limit", "limits", 1, "source to ring"),
        PeerInfo(COPYTO, "np.copyto loop, no hand-over", "limit", "limits", 1, "source to ring"),
        PeerInfo(ZCBENCH, "zcbench", "zcbench", "native", 1, "source to slot"),
        PeerInfo("zcbench-many", "zcbench, read_many", "zcbench", "native", 1, "source to slot"),
        PeerInfo("zcbench-in-place", "zcbench, source writes into the slot", "zcbench", "native", 0,
                 "none but the first and last frame"),
        PeerInfo("zcbench-copying", "zcbench's copying engine", "zcbench", "native", 2,
                 "source to slot, slot to bytes"),
        PeerInfo(QUEUE, "callback, bytes copy, queue.Queue, np.frombuffer", "peer", "queued", 1,
                 "callback's buffer to bytes"),
        PeerInfo("rtmixer", "rtmixer's ring buffer", "peer", "rtmixer_ring", 1, "source to ring",
                 ("rtmixer",)),
        PeerInfo("pyzmq", "pyzmq inproc, copy=False", "peer", "zeromq", 1,
                 "callback's buffer to bytes, below 64 KiB bytes to message", ("pyzmq",), 65_536),
        PeerInfo("shared-memory", "multiprocessing.shared_memory ring", "peer", "shared_memory", 1,
                 "source to ring"),
        PeerInfo("iceoryx2", "iceoryx2 publish-subscribe", "peer", "iceoryx", 1,
                 "source to loaned sample", ("iceoryx2",)),
    )
}  # fmt: skip


def find_peers(names: str | None) -> list[PeerInfo]:
    """The peers named in ``names``, with commas between; all if None. Raises BenchError, listing them."""
    if names is None:
        return list(PEERS.values())
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in PEERS:
            raise BenchError(f"--peers: no peer {name!r}; there are {', '.join(PEERS)}")
    return [info for info in PEERS.values() if info.name in wanted]
