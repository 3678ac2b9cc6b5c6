"""Is what the engine says of its packets true: times, flags, shapes, and that they lie in its pool?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from zcbench.analysis.claims import DELAY_S, FEWEST_READINGS, RAMP, Arrivals, arrivals
from zcbench.analysis.slots import slots_of
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.derived import HIT_RATE
from zcbench.quantities.names import (
    CONSUMER_FLAGGED_OVERFLOW,
    CONSUMER_FOLLOWED,
    CONSUMER_FRESH,
    CONSUMER_GAP_FLAG_FALSE,
    CONSUMER_GAP_FLAG_MISSING,
    CONSUMER_GAPS,
    CONSUMER_OWNERS,
    CONSUMER_PLACES,
    CONSUMER_RECEIVED,
    CONSUMER_REORDERED,
    CONSUMER_TIME_AHEAD,
    CONSUMER_TIME_BACKWARD,
    CONSUMER_TIME_EARLY,
    CONSUMER_TIME_MISSING,
    CONSUMER_TIME_STOOD_NS,
    CONSUMER_WRONG_SHAPE,
    CONSUMER_WRONG_SIZE,
    CONSUMER_XRUNS,
    ENGINE_DROPS,
    ENGINE_QUEUED,
    ENGINE_START_NS,
    ENGINE_XRUNS,
    POOL_HITS,
    POOL_MISSES,
    POOL_OVERFLOW_ALLOCATIONS,
)
from zcbench.quantities.units import format_duration, typeset
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, EventKind, Finding
from zcbench.verdict.check import Check, Evidence, Facts

# Packets of a host that hands over many at once may have one time; half a second of them is no host's buffer.
STOOD_S = 0.5


class _Lie(NamedTuple):
    cause: str
    what: str
    remedy: str


class _Facts(Facts):
    @cached_property
    def seen(self) -> Arrivals:
        return arrivals(self.record)

    @property
    def evidence(self) -> Evidence:
        return _evidence(self.totals, self.seen)


def _not_looked(facts: _Facts) -> Finding | None:
    if not facts.record.can("worker"):
        return CHECK.skipped("what somebody else's engine says of its packets was not looked at")
    if not facts.record.run.scenario.consumer.verify:
        return CHECK.skipped("packets are not looked at (consumer.verify = false)")
    if count(facts.totals, CONSUMER_FOLLOWED) is None:
        # A record of before this check.
        return CHECK.skipped("what the engine says of its packets was not looked at")
    return None


def _not_true(facts: _Facts) -> Finding | None:
    """Fail on one claim that is not true."""
    lies = list(_lies(facts.record, facts.totals, facts.seen))
    if not lies:
        return None
    return CHECK.failed(
        "; ".join(lie.what for lie in lies),
        facts.evidence,
        cause=lies[0].cause,
        remedy="; ".join(dict.fromkeys(lie.remedy for lie in lies)),
    )


def _not_all_followed(facts: _Facts) -> Finding | None:
    followed = count(facts.totals, CONSUMER_FOLLOWED)
    received = count(facts.totals, CONSUMER_RECEIVED)
    if received and followed and followed >= received:
        return None
    return CHECK.undecided(
        f"of {received or 0:,} packets, {followed or 0:,} were held against what is said of them",
        facts.evidence,
    )


def _true(facts: _Facts) -> Finding:
    limits = "".join(f"; {limit}" for limit in _limits(facts.record, facts.totals, facts.seen))
    told = f"; a delay of {DELAY_S * 1e3:.0f} ms" if _start_is_told(facts.record) else ""
    paced = f"; a rate that ramps by {RAMP:.1%}{told}" if facts.seen.enough else ""
    return CHECK.passed(
        f"the time stamps, flags and shapes of {_n(facts.totals, 'consumer.followed'):,} packets agree with "
        f"what the harness observed{limits}",
        facts.evidence,
        detection_limit=f"one packet with a wrong shape, stamp or flag GAP{paced}{limits}",
    )


def _lies(record: Record, found: Totals, seen: Arrivals) -> Iterator[_Lie]:
    """What is not true, the most telling first."""
    yield from _shape(found)
    yield from _memory(record, found)
    yield from _arrivals(record, seen)
    yield from _times(found)
    yield from _flags(record, found)


def _n(found: Totals, name: str) -> int:
    return count(found, name) or 0


def _shape(found: Totals) -> Iterator[_Lie]:
    # A packet that is cut is integrity's, as wrong_size.
    wrong = _n(found, CONSUMER_WRONG_SHAPE) - _n(found, CONSUMER_WRONG_SIZE)
    if wrong > 0:
        yield _Lie(
            "shape",
            f"{wrong:,} packets have other frames, channels, type or size than their array or the stream",
            "packet.frames, .channels and .nbytes must be those of packet.array, and of the format",
        )


def _memory(record: Record, found: Totals) -> Iterator[_Lie]:
    if not _n(found, POOL_HITS):
        return  # nothing is claimed of a pool
    if _unflagged(found) > 0:
        return  # see flags: these are blocks outside the slab
    slots, places = slots_of(record, found), _n(found, CONSUMER_PLACES)
    freed, looked = _n(found, CONSUMER_FRESH), _n(found, CONSUMER_OWNERS)
    remedy = (
        "a hit is a slot that comes back: keep the memory and hand it out again; an engine that copies "
        "packets out of its pool says so by the class attribute copies = True"
    )
    if freed > _overflowing(found, looked):
        yield _Lie(
            "fresh_memory",
            f"the memory of {freed:,} of {looked:,} packets looked at was freed with them, although "
            f"{_n(found, 'pool.hits'):,} hits were counted: it was no slot of a pool",
            remedy,
        )
    elif slots is not None and places > slots.ever and not _n(found, POOL_MISSES):
        yield _Lie(
            "fresh_memory",
            f"packets came in {places:,} places or more, but the pool never had more than {slots.ever:,} slots",
            remedy,
        )


def _overflowing(found: Totals, looked: int) -> float:
    """Of the packets looked at, those that may have been misses, whose memory is freed rightly: twice their
    share, and 3 by chance."""
    if not _n(found, POOL_MISSES):
        return 0
    served = HIT_RATE.of(found) or 0.0  # hits that nobody counted may have been none
    return 2 * looked * (1 - served) + 3


def _arrivals(record: Record, seen: Arrivals) -> Iterator[_Lie]:
    if not seen.enough:
        return
    first, _, last = seen.ramp
    # A replay driven faster than real may simply be too much for the machine (see rate).
    if seen.ramps and (record.run.scenario.source.speed <= 1 or last < 0):
        early, late = (typeset(f"{-share:+.2%}") for share in (first, last))
        yield _Lie(
            "rate_ramps",
            f"the rate is not constant: it was {early} of the nominal one off in the first third of the "
            f"run, {late} in the last",
            "packets must come on absolute deadlines: a sleep per packet adds up what each of them takes",
        )
    elif seen.delayed:
        yield _Lie(
            "delayed",
            f"packets came {format_duration(seen.unexplained_s)} later than their own times say, all the time: "
            "they are stamped when they leave, not when they were captured",
            "stamp a packet when its last frame is captured; look for what holds packets back",
        )


def _times(found: Totals) -> Iterator[_Lie]:
    clock = "packet.time_ns is the time of the packet's last frame on the clock of zcbench.clock.now_ns"

    def most(name: str) -> str:
        return format_duration(_n(found, name) / 1e9)

    if _n(found, CONSUMER_TIME_STOOD_NS) > STOOD_S * 1e9:
        yield _Lie(
            "time_stands",
            f"the time stamps stood still for {most('consumer.time_stood_ns')}",
            clock,
        )
    if ahead := _n(found, CONSUMER_TIME_AHEAD):
        yield _Lie(
            "time_ahead",
            f"{ahead:,} packets are stamped later than they arrived, by up to {most('consumer.time_ahead_ns')}",
            clock,
        )
    if backward := _n(found, CONSUMER_TIME_BACKWARD):
        yield _Lie(
            "time_backward",
            f"{backward:,} packets are stamped earlier than the one before, by up to "
            f"{most('consumer.time_backward_ns')}",
            clock,
        )
    if early := _n(found, CONSUMER_TIME_EARLY):
        yield _Lie(
            "time_early",
            f"{early:,} packets are stamped up to {most('consumer.time_early_ns')} before they can have been "
            "captured",
            clock,
        )


def _unflagged(found: Totals) -> int:
    """Packets in overflow blocks that came without the flag, at least."""
    lost = _n(found, ENGINE_DROPS) + _n(found, ENGINE_QUEUED)
    return _n(found, POOL_OVERFLOW_ALLOCATIONS) - _n(found, CONSUMER_FLAGGED_OVERFLOW) - lost


def _flags(record: Record, found: Totals) -> Iterator[_Lie]:
    looked = _n(found, CONSUMER_FOLLOWED) >= _n(found, CONSUMER_RECEIVED)
    finished = looked and record.end.ending is Ending.FINISHED
    if false := _n(found, CONSUMER_GAP_FLAG_FALSE):
        yield _Lie(
            "flags",
            f"{false:,} packets are flagged GAP and follow the one before",
            "see PacketFlags",
        )
    # A packet that is overtaken leaves a hole which nothing was dropped in.
    overtaken = _n(found, CONSUMER_REORDERED)
    if (bare := _n(found, CONSUMER_GAP_FLAG_MISSING) - overtaken) > 0:
        yield _Lie("flags", f"{bare:,} holes are not flagged GAP", "flag the packet behind a drop")
    flagged, blocks = _n(found, CONSUMER_FLAGGED_OVERFLOW), _n(found, POOL_OVERFLOW_ALLOCATIONS)
    if flagged > blocks and _n(found, POOL_HITS) + _n(found, POOL_MISSES):
        yield _Lie(
            "flags",
            f"{flagged:,} packets are flagged OVERFLOW, but {blocks:,} blocks were allocated outside the slab",
            "flag what lies outside the slab, and nothing else",
        )
    if finished and (bare := _unflagged(found)) > 0:
        yield _Lie(
            "flags",
            f"{bare:,} of {blocks:,} packets outside the slab are not flagged OVERFLOW",
            "flag what lies outside the slab",
        )
    flagged, counted = _n(found, CONSUMER_XRUNS), _n(found, ENGINE_XRUNS)
    if flagged > counted:
        yield _Lie(
            "flags",
            f"{flagged:,} packets are flagged XRUN, {counted:,} were counted",
            "count each xrun",
        )
    # A device may report an xrun with a block that is never handed over, and several with one.
    device = record.run.scenario.source.kind == "device"
    lost = _n(found, ENGINE_DROPS) + _n(found, CONSUMER_GAPS)
    if finished and counted > flagged + lost and not (device and flagged):
        yield _Lie(
            "flags",
            f"{counted:,} xruns were counted, {flagged:,} packets are flagged XRUN",
            "flag the packet before which sound was lost",
        )


def _start_is_told(record: Record) -> bool:
    """Whether the engine itself says when its stream began; else the first packet does, however late it is."""
    told = [event.data for event in record.events if event.kind == EventKind.ENGINE]
    if not told or told[-1].get("counts_everything"):
        return True
    named = told[-1].get("named")
    return isinstance(named, list) and ENGINE_START_NS in named


def _limits(record: Record, found: Totals, seen: Arrivals) -> Iterator[str]:
    """What was not proved."""
    if missing := _n(found, CONSUMER_TIME_MISSING):
        yield f"{missing:,} packets have no time"
    if not seen.enough:
        yield (
            f"ramps and delays need {FEWEST_READINGS} s of a paced stream whose reader waits for it"
            if not record.run.scenario.source.unpaced
            else "an unpaced stream has no time at which a packet is due"
        )
    elif not _start_is_told(record):
        yield (
            "your engine does not write `engine.start_ns`, so a delay from the first packet on is taken for a "
            "slow start"
        )
    slots, places = slots_of(record, found), _n(found, CONSUMER_PLACES)
    if slots is not None and _n(found, POOL_HITS) > slots.ever and 0 < places < slots.lowest:
        yield f"packets came in {places:,} places only, of {slots.lowest:,} slots"
    elif not places:
        yield "where the packets lay was not followed"


def _evidence(found: Totals, seen: Arrivals) -> Evidence:
    names = (
        "followed", "wrong_shape", "time_missing", "time_backward", "time_stood_ns", "time_ahead", "time_early",
        "gap_flag_false", "gap_flag_missing", "flagged_overflow", "xruns", "places", "owners", "fresh",
    )  # fmt: skip
    out: dict[str, int | float | str | None] = {n: count(found, f"consumer.{n}") for n in names}
    if seen.enough:
        out["slow_first"], _, out["slow_last"] = seen.ramp
        out["unexplained_delay_s"] = seen.unexplained_s
    return out


CHECK = Check(
    name="claims",
    question=(
        "Is what the engine says true: time stamps, flags, shapes, a steady rate, and that "
        "packets lie in its pool?"
    ),
    facts=_Facts,
    rules=(_not_looked, _not_true, _not_all_followed, _true),
    reads=(CONSUMER_FOLLOWED,),
    needs=("worker",),
    causes={
        "shape": "frames, channels, type or size are not the format's",
        "fresh_memory": "packets do not lie in the pool that is claimed",
        "rate_ramps": "the rate changes over the run",
        "delayed": "packets are stamped when they leave, not when they were captured",
        "time_stands": "one time for many packets",
        "time_ahead": "stamped later than they came",
        "time_backward": "stamped before the packet before",
        "time_early": "stamped before they can have been captured",
        "flags": "GAP, OVERFLOW or XRUN where it is not so, or none where it is",
    },
    meaning="what the engine says of its packets is not true: whoever relies on it is misled",
    figure="latency",
)
