"""Were the bytes those that were captured, on delivery and just before return?"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import (
    CONSUMER_ALIASED,
    CONSUMER_CONTENT_PERIOD,
    CONSUMER_CORRUPT_BEFORE_RETURN,
    CONSUMER_CORRUPT_ON_DELIVERY,
    CONSUMER_STALE_BY,
    CONSUMER_WRONG_SIZE,
    POOL_GUARD_VIOLATIONS,
    POOL_POISON_VIOLATIONS,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts
from zcbench.verdict.not_written import missing


class _Fault(NamedTuple):
    counter: str
    cause: str
    what: str
    why: str


_OF_PACKETS = (
    "received", "checked", "rechecked", "aliased", "wrong_size",
    "corrupt_on_delivery", "corrupt_before_return", "stale", "swapped_channels",
)  # fmt: skip
_OF_POOL = ("guard_violations", "poison_violations")

# More packets than any pool has slots (1,000,000), and than a stream of 1,000 packets/s makes in a month.
_NEVER_REPEATS = 2**32

# The most telling first: two readers of one slot explain changed bytes, a wrong size explains wrong ones.
_FAULTS = (
    _Fault("guard_violations", "overrun", "guard zones were overwritten",
           "somebody wrote past the end of a slot"),
    _Fault("aliased", "aliased", "packets were handed out in memory that a reader still held",
           "one slot has two owners: it was returned twice, or before its last reader let go"),
    _Fault("wrong_size", "wrong_size", "packets were not as large as the format says",
           "a block was cut or padded on its way"),
    _Fault("stale", "stale", "packets held the bytes of another packet",
           "a slot was handed out that had not been written anew"),
    _Fault("swapped_channels", "swapped_channels", "packets had their channels in another order",
           "channels are copied to the wrong places"),
    _Fault("corrupt_on_delivery", "corrupt_on_delivery", "packets had wrong bytes on delivery",
           "torn or overwritten in the queue, or not written to their end"),
    _Fault("corrupt_before_return", "changed_while_held", "packets changed while they were held",
           "a slot was reused under a reader"),
    _Fault("poison_violations", "written_after_return", "free slots were written to",
           "somebody wrote after the return"),
)  # fmt: skip


# So many in a row, and not one of them right: no damage of single packets does that.
_NEVER_RIGHT = 3


def _never_right(seen: dict[str, int]) -> bool:
    """Whether every packet's bytes were wrong on arrival, of the stream's size and in memory of their own."""
    others = ("guard_violations", "aliased", "wrong_size", "poison_violations")
    return (
        seen["checked"] >= _NEVER_RIGHT
        and seen["corrupt_on_delivery"] == seen["checked"]
        and not any(seen[name] for name in others)
    )


class _Facts(Facts):
    @cached_property
    def seen(self) -> dict[str, int]:
        names = [
            *(f"consumer.{name}" for name in _OF_PACKETS),
            *(f"pool.{name}" for name in _OF_POOL),
        ]
        return {name.partition(".")[2]: count(self.totals, name) or 0 for name in names}

    @cached_property
    def faults(self) -> dict[str, int]:
        return _each_once(self.seen)

    @cached_property
    def wrong(self) -> list[_Fault]:
        return [fault for fault in _FAULTS if self.faults[fault.counter]]

    @property
    def compared(self) -> int:
        """Packets that were compared as often as they could be: of one that died holding some, once."""
        seen = self.seen
        alive = self.record.end.ending in (Ending.FINISHED, Ending.INTERRUPTED)
        return min(seen["checked"], seen["rechecked"]) if alive else seen["checked"]

    @property
    def evidence(self) -> Evidence:
        return self.seen


def _none_was_right(facts: _Facts) -> Finding | None:
    if not facts.wrong or not _never_right(facts.faults):
        return None
    return CHECK.failed(
        f"not one of {facts.seen['checked']:,} packets had the source's bytes, from the first on: the engine "
        "does not replay the source that it was given",
        facts.evidence,
        cause="corrupt_on_delivery",
        remedy="packet N is source.block(N, frames), and N counts dropped packets too: docs/your-engine.md",
    )


def _wrong(facts: _Facts) -> Finding | None:
    """One wrong packet, guard zone or poison fails."""
    wrong = facts.wrong
    if not wrong:
        return None
    return CHECK.failed(
        "; ".join(
            f"{facts.faults[fault.counter]:,} {fault.what}{_age(fault, facts.totals)}" for fault in wrong
        ),
        facts.evidence,
        cause=wrong[0].cause,
        remedy="; ".join(fault.why for fault in wrong),
    )


def _not_asked(facts: _Facts) -> Finding | None:
    """A program that compares of its own accord is judged by it only where it compared all."""
    seen = facts.seen
    if facts.record.run.scenario.consumer.verify:
        return None
    if not seen["checked"]:
        return CHECK.skipped("the scenario does not compare bytes (consumer.verify = false)", facts.evidence)
    if facts.compared >= seen["received"] > 0:
        return None
    return CHECK.skipped(
        f"it compared the bytes of {seen['checked']:,} of the {seen['received']:,} packets that it received, "
        f"and of {seen['rechecked']:,} again: none was wrong, and of the others nothing is known",
        facts.evidence,
    )


def _not_read(facts: _Facts) -> Finding | None:
    counted = (CONSUMER_CORRUPT_ON_DELIVERY, CONSUMER_CORRUPT_BEFORE_RETURN)
    unknown = [name for name in counted if facts.totals[name] is None]
    if not unknown:
        return None
    return CHECK.undecided(f"the record has no reading of {', '.join(unknown)}", facts.evidence)


def _none_received(facts: _Facts) -> Finding | None:
    if facts.seen["received"]:
        return None
    return CHECK.undecided("no packet was received, so none was compared", facts.evidence)


def _not_all_compared(facts: _Facts) -> Finding | None:
    seen = facts.seen
    if facts.compared >= seen["received"]:
        return None
    return CHECK.undecided(
        f"of {seen['received']:,} packets, {seen['checked']:,} were compared on delivery and "
        f"{seen['rechecked']:,} before return",
        facts.evidence,
        remedy="packets that never came back cannot be compared: see recycling and in flight",
    )


def _all_right(facts: _Facts) -> Finding:
    record = facts.record
    looked = not missing(record, POOL_GUARD_VIOLATIONS, POOL_POISON_VIOLATIONS)
    debug = "; guard zones and poison intact" if record.run.scenario.pool.debug and looked else ""
    unseen = _unseen(record, facts.totals)
    # Bytes that are right say nothing of who else reads them.
    lacking = [name for name in (CONSUMER_ALIASED, CONSUMER_WRONG_SIZE) if facts.totals[name] is None]
    uncounted = f"; not counted: {', '.join(lacking)}" if lacking else ""
    return CHECK.passed(
        f"{_compared(facts.seen)}{debug}; {unseen or 'one wrong byte would have been detected'}{uncounted}",
        facts.evidence,
        detection_limit="one wrong byte in one packet" + (f"; {unseen}" if unseen else ""),
    )


def _each_once(seen: dict[str, int]) -> dict[str, int]:
    """The faults, a packet in one count only: what is stale or swapped is wrong on delivery as well, and what
    was wrong then still is before its return."""
    unexplained = seen["corrupt_on_delivery"] - seen["stale"] - seen["swapped_channels"]
    changed = seen["corrupt_before_return"] - seen["corrupt_on_delivery"]
    return seen | {
        "corrupt_on_delivery": max(0, unexplained),
        "corrupt_before_return": max(0, changed),
    }


def _age(fault: _Fault, found: Totals) -> str:
    stale_by = count(found, CONSUMER_STALE_BY) or 0
    if fault.counter != "stale" or not stale_by:
        return ""
    return f", the last one that of {stale_by:,} packets before"


def _unseen(record: Record, found: Totals) -> str | None:
    """Which wrong bytes look right; None where the source's content never repeats."""
    if record.run.scenario.source.kind == "device":
        return (
            "the bytes were compared with a checksum that the engine took itself: what was wrong "
            "before that would not have been seen"
        )
    period = count(found, CONSUMER_CONTENT_PERIOD)
    if not period:
        return "where the content repeats is not known: bytes of another packet may have looked right"
    if period >= _NEVER_REPEATS:
        return None
    return (
        f"the content repeats after {period:,} packets: bytes older by a multiple of that "
        "would have looked right"
    )


def _compared(seen: dict[str, int]) -> str:
    if seen["checked"] == seen["rechecked"]:
        return f"all {seen['checked']:,} packets were correct on delivery and again before return"
    return (
        f"{seen['checked']:,} packets were correct on delivery, {seen['rechecked']:,} of them again "
        "before return"
    )


CHECK = Check(
    name="integrity",
    question=(
        "Were all bytes right on delivery, and still right just before return? Did two readers share a slot?"
    ),
    facts=_Facts,
    rules=(
        _none_was_right,
        _wrong,
        _not_asked,
        _not_read,
        _none_received,
        _not_all_compared,
        _all_right,
    ),
    reads=(*(f"consumer.{name}" for name in _OF_PACKETS), *(f"pool.{name}" for name in _OF_POOL)),
    needs=("payload",),
    of_the_run=True,
    causes={fault.cause: fault.why for fault in _FAULTS},
    meaning=("a buffer was written while somebody still read it: the audio is wrong, and nobody was told"),
    figure="rate",
    moment=moments.first_rise(
        CONSUMER_CORRUPT_ON_DELIVERY,
        CONSUMER_CORRUPT_BEFORE_RETURN,
        CONSUMER_WRONG_SIZE,
        CONSUMER_ALIASED,
    ),
    item="Every byte was right, on delivery and before return",
)
