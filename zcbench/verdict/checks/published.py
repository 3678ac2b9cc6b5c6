"""Did the subject publish what it was to publish, and did that move?"""

from __future__ import annotations

from functools import cached_property

import msgspec
import numpy as np

from zcbench.analysis.stream import streaming
from zcbench.quantities.names import ELAPSED_S
from zcbench.quantities.quantity import Kind, Origin
from zcbench.quantities.units import clock
from zcbench.record.schema import EventKind, Finding
from zcbench.verdict.check import Check, Evidence, Facts

_SHOWN = 3
FEWEST_SAMPLES = 3  # of a counter, before it may be said to stand
PAUSES = 5.0  # times the longest pause between two readings, beyond which it fell silent


class _Facts(Facts):
    @cached_property
    def silent(self) -> list[str]:
        """What was to be read and never answered: each as the probe says it."""
        return [
            event.message
            for event in self.record.events
            if event.kind == EventKind.PROBE and event.data.get("silent") is True
        ]

    @cached_property
    def rises(self) -> dict[str, float]:
        """By how much each total rose that the subject itself publishes, of those that were read often."""
        if self.record.can("worker") and self.record.can("packets"):
            return {}  # an engine's counters have checks of their own
        found = {}
        for one in self.record.quantities.sampled:
            if one.kind is not Kind.TOTAL or one.origin in _NOT_ITS_OWN:
                continue
            values = self.record.samples[one.name]
            read = values[np.isfinite(values)]
            if read.size >= FEWEST_SAMPLES:
                found[one.name] = float(read[-1] - read[0])
        return found

    @cached_property
    def last_s(self) -> float | None:
        """When the last reading of what it publishes itself came, if it then fell silent for longer than any
        pause before explains; else None. A hung page is known by the same rule."""
        if not self.rises:
            return None
        rows = streaming(self.record)
        times = self.record.samples[ELAPSED_S][rows]
        came = times[np.any([np.isfinite(self.record.samples[name][rows]) for name in self.rises], axis=0)]
        if came.size < FEWEST_SAMPLES:
            return None
        rested_s = float(times[-1] - came[-1])
        longest_s = float(np.diff(came).max())
        hang_s = float(self.record.run.scenario.limits.hang)
        return float(came[-1]) if rested_s > max(hang_s, PAUSES * longest_s) else None

    @property
    def evidence(self) -> Evidence:
        moved = sum(rise > 0 for rise in self.rises.values())
        return {"silent": len(self.silent), "totals": len(self.rises), "moved": moved}


# What is read of the process itself, of its allocator and runtime, and of the supervisor.
_NOT_ITS_OWN = (
    Origin.PROCESS,
    Origin.ALLOCATOR,
    Origin.RUNTIME,
    Origin.SUPERVISOR,
    Origin.DERIVED,
    Origin.ANALYSIS,
    Origin.PROBE,
)


def _publishes_nothing(facts: _Facts) -> Finding | None:
    if facts.record.can("ending") and (facts.silent or facts.rises):
        return None
    return CHECK.not_asked("published")


def _silent(facts: _Facts) -> Finding | None:
    if not facts.silent:
        return None
    finding = CHECK.undecided(
        "; ".join(facts.silent),
        facts.evidence,
        remedy="look whether it serves or prints what --scrape and --read name, or leave them out",
    )
    return msgspec.structs.replace(finding, cause="silent")


def _fell_silent(facts: _Facts) -> Finding | None:
    """What was read until then says nothing of the rest of the run."""
    if (last_s := facts.last_s) is None:
        return None
    finding = CHECK.undecided(
        f"it published nothing more after {clock(last_s)}: what came later is not known",
        facts.evidence,
        remedy="look whether it stopped working then, or only stopped to say so",
    )
    return msgspec.structs.replace(finding, cause="silent")


def _stands(facts: _Facts) -> Finding | None:
    if any(rise > 0 for rise in facts.rises.values()):
        return None
    names = list(facts.rises)
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    finding = CHECK.undecided(
        f"nothing that it counts moved: {shown}",
        facts.evidence,
        remedy="give it something to do: --load runs a load generator beside it",
    )
    return msgspec.structs.replace(finding, cause="stands")


def _moves(facts: _Facts) -> Finding:
    moved = sum(rise > 0 for rise in facts.rises.values())
    return CHECK.passed(f"{moved:,} of {len(facts.rises):,} totals that it publishes moved", facts.evidence)


CHECK = Check(
    name="published",
    question="Did it publish what it was to publish, and did what it counts move?",
    facts=_Facts,
    rules=(_publishes_nothing, _silent, _fell_silent, _stands, _moves),
    causes={
        "silent": "what --scrape or --read names never answered, or no more",
        "stands": "none of its own totals moved",
    },
    meaning="it was watched at rest, or not at all",
    figure="own",
    item="Every run ended normally",
)
