"""Is a run better or worse than another? Each figure of both, the difference, its interval and a verdict.

All intervals of a comparison hold together with 95 %: each is made at 1 - 0.05 / (number of figures tested),
after Bonferroni, so that a verdict can be read off its interval. "worse" takes an interval without zero in it,
and a difference that matters (:mod:`zcbench.comparing.compared`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from zcbench.analysis.totals import count
from zcbench.comparing import flips, readings
from zcbench.comparing.comparability import Aspect, Difference, commit, differences
from zcbench.comparing.compared import Figure, figures_of
from zcbench.comparing.effect import Effect
from zcbench.comparing.readings import Counted, Estimate, Reading
from zcbench.comparing.take import Run
from zcbench.quantities.names import ENGINE_DELIVERED
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Outcome, Result

FAMILY_ALPHA = 0.05  # the chance that any interval of a comparison misses the truth

Verdict = Literal["better", "worse", "no evidence", "not comparable"]
_LIFE = "life"  # the figure, and the check of that name


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of two runs.

    ``base`` and ``new`` are in ``unit``. With ``base_of`` and ``new_of`` they are events among so many packets,
    and ``difference``, its interval ``low`` to ``high``, and ``matters`` are events a packet. ``matters`` is
    the smallest difference worth an alarm. ``verdict`` is None for a number that is only told, as a maximum is.
    """

    figure: str
    title: str
    section: str
    unit: str | None
    base: float | str | None
    new: float | str | None
    base_of: float | None = None
    new_of: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    matters: float | None = None
    verdict: Verdict | None
    why: str | None = None


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two runs."""

    id: str
    name: str  # of its directory
    started_at: str
    scenario: str
    commit: str | None
    verdict: Outcome
    ending: Ending
    packets: int | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """``new`` against ``base``; ``confidence`` is that of all intervals together."""

    schema: int = 1
    base: Side
    new: Side
    verdict: Verdict
    confidence: float = 1 - FAMILY_ALPHA
    differences: tuple[Difference, ...]
    compared: tuple[Compared, ...]

    @property
    def regressions(self) -> tuple[Compared, ...]:
        """What is worse."""
        return tuple(one for one in self.compared if one.verdict == "worse")


def compare(
    base: tuple[Record, Result], new: tuple[Record, Result], explained: Mapping[str, frozenset[Aspect]]
) -> Comparison:
    """``new`` against ``base``, both judged by this zcbench.

    ``explained`` says of each check what of a changed setting or machine may explain that its answer changed.
    """
    differ = differences(base[0].run, new[0].run)
    first, second = Run.of(base[0]), Run.of(new[0])
    compared = (
        _life(base[1], new[1]),
        *_figures(first, second, differ),
        *_checks(base[1].asked, new[1].asked, differ, explained),
    )
    return Comparison(
        base=_side(first, base[1]),
        new=_side(second, new[1]),
        verdict=_overall(compared),
        differences=differ,
        compared=compared,
    )


def _overall(compared: Sequence[Compared]) -> Verdict:
    verdict = next(v for v in _BY_WEIGHT if any(one.verdict == v for one in compared))
    # Where nothing was held against anything, no evidence of a difference is no answer.
    return verdict if verdict != "no evidence" or any(map(_is_tested, compared)) else "not comparable"


def _is_tested(one: Compared) -> bool:
    """Whether a difference could have shown in it, be it only in a check's answer; that both runs ended well
    says nothing of what they did."""
    if one.figure in (_LIFE, f"check: {_LIFE}") or one.verdict not in ("better", "worse", "no evidence"):
        return False
    return one.difference is not None or {one.base, one.new} <= {"pass", "fail"}


_BY_WEIGHT: tuple[Verdict, ...] = ("worse", "better", "no evidence", "not comparable")


def _side(run: Run, result: Result) -> Side:
    record = run.record
    return Side(
        id=record.run.id,
        name=record.path.resolve().name,
        started_at=record.run.started_at,
        scenario=record.run.scenario.name,
        commit=commit(record.run.environment),
        verdict=result.verdict,
        ending=record.end.ending,
        packets=count(run.found, ENGINE_DELIVERED),
    )


def _life(base: Result, new: Result) -> Compared:
    verdict, why = flips.of_life(base.end, new.end)
    return Compared(
        figure=_LIFE,
        title="Life",
        section="Life",
        unit=None,
        base=flips.said(base.end),
        new=flips.said(new.end),
        verdict=verdict,
        why=why,
    )


# -- the figures


class Comparisons(msgspec.Struct, frozen=True, kw_only=True):
    """One or more runs, each against the same base: what ``zcbench compare --format json`` prints."""

    schema: int = 1
    verdict: Verdict
    comparisons: tuple[Comparison, ...]


def together(comparisons: Sequence[Comparison]) -> Comparisons:
    """All of them, with the worst verdict."""
    verdict = next(v for v in _BY_WEIGHT if any(one.verdict == v for one in comparisons))
    return Comparisons(verdict=verdict, comparisons=tuple(comparisons))


@dataclass(frozen=True)
class _Row:
    figure: Figure
    base: Reading | None
    new: Reading | None
    explained: str | None

    @property
    def known(self) -> bool:
        return any(side is not None and side.value is not None for side in (self.base, self.new))

    @property
    def can_differ(self) -> bool:
        """Whether this test could ever say so: where no event came in either run it could not, and it costs
        the others nothing (R. E. Tarone, Biometrics 46, 1990)."""
        if self.explained is not None or readings.why_not(self.base, self.new) is not None:
            return False
        return not all(map(readings.without_events, (self.base, self.new)))


def _figures(base: Run, new: Run, differ: Sequence[Difference]) -> Iterator[Compared]:
    rows = [
        _Row(figure, figure.read(base), figure.read(new), _explanation(figure.aspects, differ))
        for figure in figures_of(base.record.quantities, new.record.quantities)
    ]
    rows = [row for row in rows if row.known]
    alpha = FAMILY_ALPHA / max(1, sum(row.can_differ for row in rows))
    for row in rows:
        yield _compared(row, alpha)


def _compared(row: _Row, alpha: float) -> Compared:
    figure, base, new = row.figure, row.base, row.new
    untestable = readings.why_not(base, new)
    if base is None or new is None or untestable is not None:
        verdict: Verdict | None = "no evidence" if untestable else None
        if row.explained is not None:
            verdict = "not comparable"
        return _shown(figure, base, new, None, None, verdict, row.explained or untestable or None)
    effect = readings.effect_of(base, new, figure.run_to_run, alpha)
    matters = max(figure.matters, figure.share * abs(effect.base), _own_threshold(base))
    if row.explained is not None:
        return _shown(figure, base, new, effect, matters, "not comparable", row.explained)
    said, why = _verdict(figure, effect, matters)
    return _shown(figure, base, new, effect, matters, said, why)


def _own_threshold(reading: Reading) -> float:
    return reading.matters if isinstance(reading, Estimate) else 0.0


def _verdict(figure: Figure, effect: Effect, matters: float) -> tuple[Verdict, str | None]:
    if not effect.excludes_zero:
        return "no evidence", None
    if abs(effect.difference) < matters:
        return "no evidence", "too small to matter"
    match figure.quantity.better:
        case "lower":
            worse = effect.difference > 0
        case "higher":
            worse = effect.difference < 0
        case "nearer 0":
            worse = abs(effect.new) > abs(effect.base)
        case "neither":
            return "no evidence", "neither direction is better"
    return ("worse" if worse else "better"), None


def _shown(
    figure: Figure,
    base: Reading | None,
    new: Reading | None,
    effect: Effect | None,
    matters: float | None,
    verdict: Verdict | None,
    why: str | None,
) -> Compared:
    first = None if base is None else base.value
    second = None if new is None else new.value
    if effect is not None and not isinstance(base, Counted):
        first, second = effect.base, effect.new
    return Compared(
        figure=figure.name,
        title=figure.shown_title,
        section=figure.section,
        unit=figure.shown_unit.name,
        base=first,
        new=second,
        base_of=base.packets if isinstance(base, Counted) else None,
        new_of=new.packets if isinstance(new, Counted) else None,
        difference=None if effect is None else effect.difference,
        low=None if effect is None else effect.low,
        high=None if effect is None else effect.high,
        matters=matters,
        verdict=verdict,
        why=why,
    )


def _explanation(aspects: frozenset[Aspect], differ: Sequence[Difference]) -> str | None:
    """What of the differences explains one in a figure with ``aspects``; None if nothing does."""
    reasons = [str(difference) for difference in differ if aspects & set(difference.explains)]
    return "; ".join(reasons) or None


# -- the checks


def _checks(
    base: Sequence[Finding],
    new: Sequence[Finding],
    differ: Sequence[Difference],
    explained: Mapping[str, frozenset[Aspect]],
) -> Iterator[Compared]:
    sides = flips.by_check(base), flips.by_check(new)
    for check in dict.fromkeys([*sides[0], *sides[1]]):
        before, after = (side.get(check) for side in sides)
        verdict, why = flips.of_check(before, after)
        reason = _explanation(flips.explained_by(check, explained), differ)
        changed = before is None or after is None or before.outcome != after.outcome
        yield Compared(
            figure=f"check: {check}",
            title=f"check {check}",
            section="Checks",
            unit=None,
            base=None if before is None else before.outcome,
            new=None if after is None else after.outcome,
            verdict="not comparable" if changed and reason else verdict,
            why=reason if changed and reason else why,
        )
