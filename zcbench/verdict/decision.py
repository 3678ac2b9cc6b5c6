"""What a run means for whoever must decide whether to ship its subject: one plain sentence."""

from __future__ import annotations

from collections.abc import Callable

from zcbench.analysis.delivery import streamed_s
from zcbench.exit_codes import ExitCode
from zcbench.quantities.units import format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Result
from zcbench.verdict import regression
from zcbench.verdict.checks import LIFE, MEMORY, by_name

LEAST_SHIPPED_S = 300.0  # below, slow leaks and lost slots are not seen: see docs/verdict.md, Memory
_MEANINGS = 2  # of failed checks, in one sentence
_WORSE = "it is worse than the run that it was compared with"

_NO_DECISION = {
    Ending.HARNESS: "the harness failed, not the subject",
    Ending.PARTIAL: "the end of the run was not recorded",
    Ending.INTERRUPTED: "the run was interrupted before its end",
}


def decision(record: Record, result: Result) -> str:
    """Return the decision that ``result`` allows, its reason and what would change it; without a full stop."""
    return next(said for rule in _RULES if (said := rule(record, result)) is not None)


def _nothing_tested(_record: Record, result: Result) -> str | None:
    if result.exit_code == ExitCode.USAGE:
        return "nothing was tested: the engine does not keep its contract"
    if result.end.ending is Ending.HARNESS:
        return f"no decision: {_NO_DECISION[Ending.HARNESS]}"
    return None


def _failed(_record: Record, result: Result) -> str | None:
    failed = [f for f in result.findings if f.outcome == "fail" and f.level == "fail"]
    if not failed:
        return None
    if any(f.check == LIFE.name for f in failed):
        return f"do not ship: {_meaning(next(f for f in failed if f.check == LIFE.name))}"
    meanings = list(dict.fromkeys(_meaning(f) for f in failed))
    more = f"; and {len(meanings) - _MEANINGS} more" if len(meanings) > _MEANINGS else ""
    return f"do not ship: {'; '.join(meanings[:_MEANINGS])}{more}"


def _cut_short(_record: Record, result: Result) -> str | None:
    reason = _NO_DECISION.get(result.end.ending)
    return f"no decision: {reason}" if reason else None


def _unknown(_record: Record, result: Result) -> str | None:
    unknown = [f for f in result.findings if f.outcome == "inconclusive" and f.required]
    return f"do not ship: {_not_known(unknown)}" if unknown else None


def _nothing_judged(_record: Record, result: Result) -> str | None:
    if result.verdict == "pass":
        return None
    unknown = [f for f in result.asked if f.outcome == "inconclusive"]
    return f"no decision: {_not_known(unknown) if unknown else 'nothing that matters was asked'}"


def _memory_unknown(record: Record, result: Result) -> str | None:
    """A pass of what was asked: it contradicts no verdict, and is no yes."""
    memory = next((f for f in result.findings if f.check == MEMORY.name), None)
    if memory is not None and memory.outcome in ("pass", "fail"):
        return None
    remedy = f"; {memory.remedy}" if memory is not None and memory.remedy else ""
    return (
        f"passed what it was asked{_lasted(record, result)}, too little to ship on: memory is not known{remedy}"
    )


def _sound(record: Record, result: Result) -> str:
    warned = [f.check for f in result.findings if f.outcome == "fail"]
    warning = f", with a warning ({', '.join(warned)})" if warned else ""
    lasted_s, lasted = _lasted_s(record, result), _lasted(record, result)
    if lasted_s is not None and lasted_s < LEAST_SHIPPED_S:
        late = "slow leaks and lost slots take" if record.can("pool") else "a slow leak takes"
        return f"sound{lasted}{warning}; {late} {format_duration(LEAST_SHIPPED_S)} to show"
    return f"nothing found speaks against shipping: sound{lasted}{warning}"


def _lasted_s(record: Record, result: Result) -> float | None:
    return streamed_s(record, result.totals) or result.end.elapsed_s


def _lasted(record: Record, result: Result) -> str:
    lasted_s = _lasted_s(record, result)
    return "" if lasted_s is None else f" for {format_duration(lasted_s)}"


# In this order, the first that answers: a fault that was found decides even of a run that was cut short.
_RULES: tuple[Callable[[Record, Result], str | None], ...] = (
    _nothing_tested,
    _failed,
    _cut_short,
    _unknown,
    _nothing_judged,
    _memory_unknown,
    _sound,
)


def _not_known(unknown: list[Finding]) -> str:
    """Which checks have no answer, and the first of their remedies."""
    names = [finding.check for finding in unknown]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    remedy = next((finding.remedy for finding in unknown if finding.remedy), None)
    return f"{listed} {'is' if len(names) == 1 else 'are'} not known" + (f"; {remedy}" if remedy else "")


def _meaning(finding: Finding) -> str:
    """What a failed check means for those who use the subject, and the check's name."""
    check = by_name(finding.check)
    if check is not None:
        return f"{check.meaning} ({finding.check})"
    if finding.check == regression.CHECK:
        return _WORSE
    return f"{finding.sentence} ({finding.check})"
