"""What remains of a packet when it is pickled or copied: the same data and metadata, and no lease."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from numpy.typing import NDArray

from zcbench.capture.engine import PacketFlags


@dataclass(slots=True)
class DetachedPacket:
    """A packet with memory of its own: ``array`` has shape (frames, channels), times are in ns.

    It has the face of :class:`zcbench.capture.engine.Packet`; ``release()`` drops the data.
    """

    sequence: int
    time_ns: int
    flags: PacketFlags
    checksum: int | None
    samples: NDArray[Any] | None

    @property
    def array(self) -> NDArray[Any]:
        """The samples. Raises ValueError after release()."""
        if self.samples is None:
            raise ValueError(f"packet {self.sequence} was released")
        return self.samples

    @property
    def frames(self) -> int:
        """Frames in the packet."""
        return int(self.array.shape[0])

    @property
    def channels(self) -> int:
        """Channels in each frame."""
        return int(self.array.shape[1])

    @property
    def nbytes(self) -> int:
        """Payload bytes."""
        return int(self.array.nbytes)

    @property
    def released(self) -> bool:
        """Whether release() was called."""
        return self.samples is None

    def release(self) -> None:
        """Drop the data. Harmless when repeated."""
        self.samples = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()
