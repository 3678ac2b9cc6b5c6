"""Did the stream run at the rate it says?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis.delivery import DEVICE_CLOCK_PPM, delivery
from zcbench.analysis.rate import (
    NO_CLOCK_PPM,
    RESOLUTION_PACKETS,
    RateFit,
    nominal_per_s,
    progress_column,
    rate_fit,
)
from zcbench.analysis.totals import count
from zcbench.quantities.names import (
    CONSUMER_DUPLICATES,
    CONSUMER_RECEIVED,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    POOL_MISSES,
    RATE_PER_S,
)
from zcbench.quantities.units import typeset
from zcbench.record.schema import Finding
from zcbench.verdict.check import Check, Evidence, Facts

_REMEDY = "the producer's clock or deadlines are wrong; expect this number of packets, or resample"
# Beyond a day nobody runs for a rate: a finer count (frames) or a reference clock tells sooner.
LONGEST_S = 86_400.0


class _Facts(Facts):
    @cached_property
    def nominal_per_s(self) -> float | None:
        return nominal_per_s(self.record, self.totals)

    @cached_property
    def maybe(self) -> RateFit | None:
        return rate_fit(self.record, self.totals)

    @property
    def line(self) -> RateFit:
        assert self.maybe is not None  # a rule before has answered else
        return self.maybe

    @property
    def rate(self) -> str:
        return f"{self.line.per_s:,.3f} packets/s ± {self.line.half_width:.2g}"

    @property
    def said(self) -> str:
        line = self.line
        drift = typeset(f"{round(line.drift_ppm):+,}")
        return f"{self.rate}: {drift} ppm against the nominal {line.nominal_per_s:,.6g}/s"

    @property
    def is_even(self) -> bool:
        """Whether nothing was lost, and nothing came twice: that is no clock's."""
        seen = delivery(self.record, self.totals)
        if seen.missing is not None and abs(seen.missing) > seen.tolerance:
            return False
        of_consumer = progress_column(self.record) != ENGINE_CAPTURED
        return not (of_consumer and count(self.totals, CONSUMER_DUPLICATES))

    @property
    def evidence(self) -> Evidence:
        line = self.line
        return {
            RATE_PER_S: line.per_s,
            "standard_error": line.standard_error,
            "drift_ppm": line.drift_ppm,
            "half_width_ppm": line.half_width_ppm,
            "nominal_per_s": line.nominal_per_s,
            "off_packets": line.off_packets,
            "points": line.points,
            "span_s": line.span_s,
        }


def _no_rate(facts: _Facts) -> Finding | None:
    scenario = facts.record.run.scenario
    if not facts.record.can("pace") and scenario.source.unpaced:
        if facts.record.can("ending"):  # a program that was watched: there is no --rate to be given
            return CHECK.not_asked("pace")
        return CHECK.skipped("how many packets a second were due is not known (--rate)")
    if scenario.source.unpaced:
        return CHECK.skipped("an unpaced stream has no rate of its own: it is as fast as the application reads")
    if scenario.pool.policy == "block" and count(facts.totals, POOL_MISSES):
        return CHECK.skipped("the source waited for slots (policy block), so its rate is the application's")
    return None


def _too_few(facts: _Facts) -> Finding | None:
    nominal = facts.nominal_per_s
    if facts.maybe is not None and nominal is not None:
        return None
    return _unclear("too few samples of a running stream for a rate", {}, nominal)


def _on_time(facts: _Facts) -> Finding | None:
    """Pass when the whole 99.8 % interval lies within what crystals are off by."""
    line = facts.line
    if abs(line.drift_ppm) + line.half_width_ppm > DEVICE_CLOCK_PPM:
        return None
    return CHECK.passed(
        f"{facts.said}, within {DEVICE_CLOCK_PPM} ppm",
        facts.evidence,
        detection_limit=f"smallest detectable drift: {DEVICE_CLOCK_PPM + 2 * line.half_width_ppm:,.0f} ppm",
    )


def _too_coarse(facts: _Facts) -> Finding | None:
    line = facts.line
    if abs(line.drift_ppm) - line.half_width_ppm > DEVICE_CLOCK_PPM:
        return None
    said = f"{facts.said}, measured to ± {line.half_width_ppm:,.0f} ppm only"
    return _unclear(said, facts.evidence, line.nominal_per_s)


def _no_clock(facts: _Facts) -> Finding | None:
    if facts.is_even and facts.line.is_clock:
        return None
    return CHECK.undecided(
        f"{facts.said}, but the packets do not lie on one line (up to "
        f"{facts.line.off_packets:,.1f} beside it), or some are missing or came twice: that is no clock",
        facts.evidence,
        remedy="see delivery and timing",
    )


def _too_fast_here(facts: _Facts) -> Finding | None:
    if facts.record.run.scenario.source.speed <= 1 or facts.line.drift_ppm >= -NO_CLOCK_PPM:
        return None
    return CHECK.undecided(
        f"{facts.rate}: the replay could not keep its pace here",
        facts.evidence,
        remedy="lower source.speed",
    )


def _drifts(facts: _Facts) -> Finding:
    ours = facts.record.can("pace")
    return CHECK.failed(
        f"{facts.said}, {_an_hour(facts.line)}; no packet was lost, the clock is off",
        facts.evidence,
        cause="clock_drift",
        remedy=_REMEDY if ours else f"{_REMEDY}; or --rate is not their nominal rate",
    )


def _an_hour(line: RateFit) -> str:
    packets = round(3600 * (line.per_s - line.nominal_per_s))
    return f"{abs(packets):,} packets an hour {'too many' if packets > 0 else 'short'}"


def _unclear(said: str, evidence: Evidence, nominal: float | None) -> Finding:
    """Undecided, until rounding to whole packets takes no more than half of the tolerance."""
    if not nominal:
        return CHECK.undecided(said, evidence)
    span_s = 2 * RESOLUTION_PACKETS / (nominal * DEVICE_CLOCK_PPM * 1e-6)
    if span_s > LONGEST_S:
        slow = "so few packets a second show no clock: count frames, or compare the clocks themselves"
        return CHECK.undecided(said, evidence, remedy=slow)
    return CHECK.undecided(said, evidence, lasting_s=span_s)


CHECK = Check(
    name="rate",
    question="Is the producer's clock right? −0.02 % (63 packets an hour) is told apart from loss.",
    facts=_Facts,
    rules=(
        _no_rate,
        _too_few,
        _on_time,
        _too_coarse,
        _no_clock,
        _too_fast_here,
        _drifts,
    ),
    reads=((ENGINE_CAPTURED, ENGINE_DELIVERED, CONSUMER_RECEIVED),),
    explained_by=frozenset({"rate"}),
    needs=("packets",),
    causes={
        "clock_drift": "no packet was lost, and the rate is off",
    },
    meaning="the clock of the source is off, or its packets are: audio and wall time drift apart",
    figure="rate",
    required=False,
    item="Packets come at the right rate and in time",
)
