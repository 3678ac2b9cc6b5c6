"""Are buffers handed over without a copy?"""

from __future__ import annotations

from functools import cached_property

import msgspec

from zcbench.analysis.totals import count
from zcbench.quantities.names import (
    ENGINE_DELIVERED,
    POOL_COPIES,
    POOL_EXTERNAL_REFUSED,
    POOL_HITS,
    POOL_MISSES,
)
from zcbench.quantities.units import SHARE
from zcbench.record.schema import Finding
from zcbench.verdict.check import Check, Evidence, Facts


class _Facts(Facts):
    def of(self, name: str) -> int | None:
        """The total ``name``; None where nobody counted it."""
        try:
            return count(self.totals, name)
        except KeyError:  # a quantity that only some subjects have
            return None

    @cached_property
    def copies(self) -> int | None:
        return self.of(POOL_COPIES)

    @cached_property
    def refused(self) -> int:
        return self.of(POOL_EXTERNAL_REFUSED) or 0

    @cached_property
    def handed_over(self) -> int | None:
        """Packets handed over; where nobody counted those, acquires."""
        delivered = self.of(ENGINE_DELIVERED)
        if delivered is not None:
            return delivered
        hits, misses = self.of(POOL_HITS), self.of(POOL_MISSES)
        return None if hits is None or misses is None else hits + misses

    @property
    def evidence(self) -> Evidence:
        return {"copies": self.copies, "external_refused": self.refused, "handed_over": self.handed_over}

    @property
    def share(self) -> str:
        """ "all 3,000", "12 of 3,000", "12"."""
        copies, handed_over = self.copies or self.refused, self.handed_over
        if not handed_over:
            return f"{copies:,}"
        return f"all {handed_over:,}" if copies >= handed_over else f"{copies:,} of {handed_over:,}"


def _refused(facts: _Facts) -> Finding | None:
    """A counted refusal is one, whoever counts the rest."""
    if not facts.refused:
        return None
    return CHECK.failed(
        f"the runtime does not allow external buffers: it refused {facts.refused:,}, and {facts.share} "
        "hand-overs are copies",
        facts.evidence,
        cause="external_refused",
        remedy="this runtime (Electron, or V8 with its sandbox) allows no memory but its own: hand over copies "
        "from a small pool, or fill buffers that the runtime has allocated",
        level="warn",
    )


def _not_counted(facts: _Facts) -> Finding | None:
    return CHECK.not_asked("copies") if facts.copies is None else None


def _copied(facts: _Facts) -> Finding | None:
    copies = facts.copies or 0
    if not copies:
        return None
    share = "" if not facts.handed_over else f" ({SHARE.show(copies / facts.handed_over)})"
    finding = CHECK.passed(
        f"{facts.share} hand-overs are copies{share}, and the runtime refused none", facts.evidence
    )
    # It explains: a copy may be what is meant.
    return msgspec.structs.replace(finding, cause="copies")


def _without(facts: _Facts) -> Finding:
    handed_over = facts.handed_over
    if not handed_over:
        return CHECK.undecided("nothing was handed over", facts.evidence, required=False)
    said = f"none of {handed_over:,} hand-overs is a copy"
    return CHECK.passed(said, facts.evidence, detection_limit="one copy")


CHECK = Check(
    name="pool.hand_over",
    question="Are buffers handed over without a copy? If not, does the runtime refuse them?",
    facts=_Facts,
    rules=(_refused, _not_counted, _copied, _without),
    reads=(POOL_COPIES,),
    needs=("copies",),
    causes={
        "external_refused": "the runtime allows no external buffers: each hand-over has to be a copy",
        "copies": "buffers are copied, though the runtime refused none",
    },
    meaning="each packet costs a copy, and memory of its own",
    figure="pool",
    required=False,
)
