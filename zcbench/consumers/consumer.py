"""What a consumer is, and what it says of itself.

A consumer of your own is any class with ``traits``, ``consume`` and ``drain``::

    from zcbench.consumers.consumer import Traits

    class Recorder:
        traits = Traits(keeps_packets=False)

        def consume(self, packet, ledger):
            self.newest = packet.array.copy()
            ledger.release(packet)

        def drain(self, ledger):
            pass
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from zcbench.quantities.parsing import Duration, Size
from zcbench.quantities.units import format_duration

if TYPE_CHECKING:
    from zcbench.capture.engine import Packet
    from zcbench.consumers.ledger import PacketLedger

# What an option may be, by the name that errors and the record have for it.
TYPES: Mapping[str, type[Any]] = {
    "duration": Duration,
    "size": Size,
    "yes or no": bool,
    "whole number": int,
    "number": float,
    "text": str,
}


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a scenario may tell a consumer; the constructor gets it as the keyword ``name``.

    ``default`` gives the type: a :class:`~zcbench.quantities.parsing.Duration` (seconds), a
    :class:`~zcbench.quantities.parsing.Size` (bytes), bool, int, float or str. With ``may_be_zero`` a duration
    of 0 is allowed.
    """

    name: str
    default: Any
    help: str
    may_be_zero: bool = False

    @property
    def type(self) -> type[Any]:
        """The type of its values."""
        return type(self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What judging has to know of a consumer.

    ``keeps_packets``: packets stay with the application for a time of its choice, so that hold times say
    nothing of the engine. ``needs_gc``: only the garbage collector gives its packets back.
    ``in_bursts``: it reads everything that is there, then nothing for a while. ``rhythm`` and ``holding``
    name the options (durations) that say how long it waits between packets or bursts, and how long it
    keeps a packet. ``does`` ends the sentence "an application that ..."; options stand in it in braces.
    """

    keeps_packets: bool
    needs_gc: bool = False
    in_bursts: bool = False
    rhythm: str | None = None
    holding: str | None = None
    does: str = ""
    options: tuple[Option, ...] = ()


class ConsumerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The traits of a run's consumer with its options' values, as run.json has them.

    ``options`` are the keys of ``[consumer]`` that it reads. Times in seconds.
    """

    keeps_packets: bool
    needs_gc: bool = False
    in_bursts: bool = False
    rhythm_s: float = 0.0
    holding_s: float | None = None
    does: str = ""
    options: tuple[str, ...] = ()

    @property
    def releases_at_once(self) -> bool:
        """Whether hold time is the engine's and the consumer's work alone."""
        return not (self.keeps_packets or self.needs_gc or self.in_bursts)


class Consumer(Protocol):
    """What is done with one packet. ``pause_s`` is slept between readings of all that is there."""

    pause_s: float

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """Take over ``packet``; release it by ``ledger.release(packet)`` now or later."""
        ...

    def drain(self, ledger: PacketLedger) -> None:
        """The stream is over: release everything."""
        ...


def facts_of(traits: Traits, values: Mapping[str, Any]) -> ConsumerFacts:
    """``traits`` with the ``values`` of its options."""
    shown = {
        name: format_duration(value) if isinstance(value, Duration) else str(value)
        for name, value in values.items()
    }
    return ConsumerFacts(
        keeps_packets=traits.keeps_packets,
        needs_gc=traits.needs_gc,
        in_bursts=traits.in_bursts,
        rhythm_s=float(values[traits.rhythm]) if traits.rhythm else 0.0,
        holding_s=float(values[traits.holding]) if traits.holding else None,
        does=traits.does.format_map(shown) if traits.does else "",
        options=tuple(option.name for option in traits.options),
    )


def violations(consumer: object) -> list[str]:
    """What a class lacks to be a consumer; the names of what is wrong, for a sentence."""
    if not isinstance(consumer, type):
        return ["it is no class"]
    wrong = [
        f"it has no method {name}" + shape
        for name, shape in (("consume", "(packet, ledger)"), ("drain", "(ledger)"))
        if not callable(getattr(consumer, name, None))
    ]
    traits = getattr(consumer, "traits", None)
    if not isinstance(traits, Traits):
        return [*wrong, "it has no traits; write traits = Traits(keeps_packets=...) in the class"]
    names = [option.name for option in traits.options]
    for option in traits.options:
        if option.type not in TYPES.values():
            wrong.append(f"the default of its option {option.name} is of no type an option can have")
        if not str(option.name).isidentifier():
            wrong.append(f"{option.name!r} is no name for an option")
    try:
        inspect.signature(consumer).bind(**dict.fromkeys(names))
    except (TypeError, ValueError) as error:
        takes = ", ".join(names) or "no argument"
        wrong.append(f"its constructor must take {takes}, as its options say: {error}")
    times = {option.name for option in traits.options if option.type is Duration}
    for role, name in (("rhythm", traits.rhythm), ("holding", traits.holding)):
        if name is not None and name not in times:
            wrong.append(f"its {role} {name!r} is no option that is a Duration")
    try:
        traits.does.format_map(dict.fromkeys(names, ""))
    except (KeyError, ValueError, IndexError, AttributeError):
        wrong.append("its does names what is no option")
    return wrong
