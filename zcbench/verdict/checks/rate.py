"""Did the stream run at the rate it says?"""

from __future__ import annotations

from zcbench.analysis.delivery import DEVICE_CLOCK_PPM, delivery
from zcbench.analysis.rate import (
    NO_CLOCK_PPM,
    QUANTUM_PACKETS,
    RateFit,
    nominal_per_s,
    progress_column,
    rate_fit,
)
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.units import format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Outcome
from zcbench.verdict.check import Check

_REMEDY = "the producer's clock or deadlines are wrong; expect this number of packets, or resample"
# Beyond a day nobody runs for a rate: a finer count (frames) or a reference clock tells sooner.
LONGEST_S = 86_400.0


def check(record: Record, found: Totals) -> Finding:
    """Fail when the whole 99.8 % interval of the rate lies beyond 100 ppm of the nominal one."""
    reason = _not_asked(record, found)
    if reason is not None:
        return Finding(check="rate", outcome="skipped", sentence=reason)
    nominal, line = nominal_per_s(record, found), rate_fit(record, found)
    if line is None or nominal is None:
        return Finding(
            check="rate",
            outcome="inconclusive",
            sentence="too few samples of a running stream for a rate",
            remedy=_longer(nominal) if nominal else None,
            required=False,
        )
    return _judge(record, found, line)


def _not_asked(record: Record, found: Totals) -> str | None:
    scenario = record.run.scenario
    if record.run.ingested is not None and scenario.source.unpaced:
        return "how many packets a second were due is not known (--rate)"
    if scenario.source.unpaced:
        return "an unpaced stream has no rate of its own: it is as fast as the application reads"
    if scenario.pool.policy == "block" and count(found, "pool.misses"):
        return "the source waited for slots (policy block), so its rate is the application's"
    return None


def _judge(record: Record, found: Totals, line: RateFit) -> Finding:
    drift, half = line.drift_ppm, line.half_width_ppm
    rate = f"{line.per_s:,.3f} packets/s ± {line.half_width:.2g}"
    against = f"{round(drift):+,} ppm against the nominal {line.nominal_per_s:,.6g}/s"

    def finding(
        outcome: Outcome,
        sentence: str,
        remedy: str | None = None,
        cause: str | None = None,
        power: str | None = None,
    ) -> Finding:
        return Finding(
            check="rate",
            outcome=outcome,
            sentence=sentence,
            evidence={
                "rate_per_s": line.per_s,
                "standard_error": line.standard_error,
                "drift_ppm": drift,
                "half_width_ppm": half,
                "nominal_per_s": line.nominal_per_s,
                "off_packets": line.off_packets,
                "points": line.points,
                "span_s": line.span_s,
            },
            remedy=remedy,
            required=False,
            cause=cause,
            power=power,
        )

    seen = delivery(record, found)
    # What was lost, or came twice, is no clock's.
    uneven = seen.missing is not None and abs(seen.missing) > seen.tolerance
    if progress_column(record) != "engine_captured":
        uneven = uneven or bool(count(found, "consumer.duplicates"))
    if abs(drift) + half <= DEVICE_CLOCK_PPM:
        return finding(
            "pass",
            f"{rate}: {against}, within {DEVICE_CLOCK_PPM} ppm",
            power=f"smallest detectable drift: {DEVICE_CLOCK_PPM + 2 * half:,.0f} ppm",
        )
    if abs(drift) - half <= DEVICE_CLOCK_PPM:
        return finding(
            "inconclusive",
            f"{rate}: {against}, measured to ± {half:,.0f} ppm only",
            _longer(line.nominal_per_s),
        )
    if uneven or not line.is_clock:
        return finding(
            "inconclusive",
            f"{rate}: {against}, but the packets do not lie on one line (up to "
            f"{line.off_packets:,.1f} beside it), or some are missing or came twice: that is no clock",
            "see delivery and timing",
        )
    if record.run.scenario.source.speed > 1 and drift < -NO_CLOCK_PPM:
        return finding("inconclusive", f"{rate}: the replay could not keep its pace here", "lower source.speed")
    return finding(
        "fail",
        f"{rate}: {against}, {_an_hour(line)}; no packet was lost, the clock is off",
        _REMEDY if record.run.ingested is None else f"{_REMEDY}; or --rate is not their nominal rate",
        cause="clock_drift",
    )


def _an_hour(line: RateFit) -> str:
    packets = round(3600 * (line.per_s - line.nominal_per_s))
    return f"{abs(packets):,} packets an hour {'too many' if packets > 0 else 'short'}"


def _longer(nominal: float) -> str:
    """A span at which rounding to whole packets takes no more than half of the tolerance."""
    span_s = 2 * QUANTUM_PACKETS / (nominal * DEVICE_CLOCK_PPM * 1e-6)
    if span_s > LONGEST_S:
        return "so few packets a second show no clock: count frames, or compare the clocks themselves"
    return f"to see {DEVICE_CLOCK_PPM} ppm, run for {format_duration(span_s)}"


CHECK = Check(
    name="rate",
    question="Is the producer's clock right? −0.02 % (63 packets an hour) is told apart from loss.",
    judge=(check,),
    causes={
        "clock_drift": "no packet was lost, and the rate is off",
    },
    meaning="the clock of the source is off, or its packets are: audio and wall time drift apart",
    figure="rate",
    required=False,
)
