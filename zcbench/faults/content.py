"""Bugs of what a slot holds: another packet's bytes, half of them, or its channels in another order."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from zcbench.capture.reference import ReferenceEngine, Slot
from zcbench.capture.sources import ReplaySource
from zcbench.faults.data import EVERY, FIRST
from zcbench.faults.fault import Fault
from zcbench.faults.pace import QUICK
from zcbench.quantities.names import ENGINE_CAPTURED


def _is_its_turn(sequence: int) -> bool:
    return sequence % EVERY == FIRST


class NeverWritten(ReferenceEngine):
    """Writes its first slot once, and from then on hands it out as it is."""

    _slot: Slot | None = None
    _first: bytes = b""

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        if self._slot is None:
            self._slot, self._first = slot, slot.memory.tobytes()
        if slot is self._slot:
            slot.memory[:] = memoryview(self._first)
        super()._publish(slot, time_ns, flags)


class HalfWritten(ReferenceEngine):
    """Leaves in the second half of a slot what it held before."""

    def _capture(self, block: NDArray[Any], time_ns: int, **options: Any) -> None:
        number, frames = self.scoreboard[ENGINE_CAPTURED] or 0, self.format.frames
        slots = self._pool.config.slots
        if _is_its_turn(number) and number >= slots and isinstance(self.source, ReplaySource):
            block = block.copy()
            block[frames // 2 :] = self.source.block(number - slots, frames)[frames // 2 :]
        super()._capture(block, time_ns, **options)


class _Stale(ReferenceEngine):
    """Gives a packet the content of one that went before."""

    def _age(self) -> int:
        return 1

    def _capture(self, block: NDArray[Any], time_ns: int, **options: Any) -> None:
        number, age = self.scoreboard[ENGINE_CAPTURED] or 0, self._age()
        if _is_its_turn(number) and number >= age and isinstance(self.source, ReplaySource):
            block = self.source.block(number - age, self.format.frames)
        super()._capture(block, time_ns, **options)


class StaleByOne(_Stale):
    """The packet before."""


class StaleByALap(_Stale):
    """The packet that lay in the slot before."""

    def _age(self) -> int:
        return self._pool.config.slots


class StaleByHundred(_Stale):
    """The packet that a tone of 440 Hz would repeat exactly."""

    def _age(self) -> int:
        return 100


class SwappedChannels(ReferenceEngine):
    """Writes a packet's channels in the opposite order."""

    def _capture(self, block: NDArray[Any], time_ns: int, **options: Any) -> None:
        if _is_its_turn(self.scoreboard[ENGINE_CAPTURED] or 0):
            block = block[:, ::-1]
        super()._capture(block, time_ns, **options)


# As many slots as the tone has packets before it repeats: without a stamp, stale bytes were the right ones.
_POOL_OF_ITS_PERIOD = {**QUICK, "pool.slots": "100"}

FAULTS = (
    Fault(
        "slot-never-written",
        "one slot of 100 is written once, and handed out as it is from then on",
        "integrity",
        "stale",
        engine=NeverWritten,
        settings=_POOL_OF_ITS_PERIOD,
    ),
    Fault(
        "slot-half-written",
        "one packet in 100 has in its second half what its slot held before",
        "integrity",
        "corrupt_on_delivery",
        engine=HalfWritten,
        settings=_POOL_OF_ITS_PERIOD,
    ),
    Fault(
        "stale-by-one",
        "one packet in 100 has the content of the one before",
        "integrity",
        "stale",
        engine=StaleByOne,
        settings=QUICK,
    ),
    Fault(
        "stale-by-a-lap",
        "one packet in 100 has the content that its slot had before",
        "integrity",
        "stale",
        engine=StaleByALap,
        settings=_POOL_OF_ITS_PERIOD,
    ),
    Fault(
        "stale-by-100",
        "one packet in 100 has the content of the 100th before it",
        "integrity",
        "stale",
        engine=StaleByHundred,
        settings=QUICK,
    ),
    Fault(
        "swapped-channels",
        "one packet in 100 has its channels swapped",
        "integrity",
        "swapped_channels",
        engine=SwappedChannels,
        settings=QUICK,
    ),
)
