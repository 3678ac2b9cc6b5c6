"""Judging a record: every check's finding, and the verdict over all of them."""

from __future__ import annotations

import msgspec

from zcbench.analysis.derived import derive
from zcbench.analysis.growth import growths
from zcbench.analysis.totals import totals
from zcbench.exit_codes import ExitCode
from zcbench.quantities.quantity import Quantity
from zcbench.record.reader import Record
from zcbench.record.schema import CONTRACT_EXIT_CODE, End, Ending, Finding, Outcome, Result
from zcbench.scenario import required_checks
from zcbench.verdict import checks, theirs
from zcbench.verdict.checks import disk, expectations, hit_rate
from zcbench.verdict.lengths import together
from zcbench.verdict.silent import known_to_the_end
from zcbench.verdict.wanting import unmeasured

_SIGNAL_CODES = {
    "SIGINT": ExitCode.INTERRUPTED,
    "SIGTERM": ExitCode.TERMINATED,
    "SIGHUP": ExitCode.TERMINATED,
}
_DEATHS = (Ending.FAILED, Ending.CRASHED, Ending.EXITED, Ending.HUNG, Ending.MEMORY)


def judge(record: Record) -> Result:
    """Ask every check of ``record``; the findings, the verdict and the exit code of the design."""
    found = totals(record)
    findings = [check.ask(record, found) for check in checks.CHECKS]
    findings += theirs.findings(record, found)
    if not record.can("worker"):
        wanted = unmeasured(record, found, findings)
        memory = bool(growths(record))
        findings = [known_to_the_end(finding, record) for finding in findings]
        findings = [_of_others(finding, record, wanted.get(finding.check, ()), memory) for finding in findings]
    findings = [_demanded(finding, record) for finding in findings]
    findings += _unknown(record, {finding.check for finding in findings})
    findings = together([*findings, *expectations.check(record, found)])
    verdict = _overall(findings, _says_nothing(record))
    return Result(
        id=record.run.id,
        verdict=verdict,
        exit_code=exit_code(verdict, record.end),
        end=record.end,
        totals=found,
        derived=derive(record, found),
        findings=findings,
    )


def _demanded(finding: Finding, record: Record) -> Finding:
    """What the user requires to be judged makes the run inconclusive where it was not."""
    if finding.check not in required_checks(record.run.scenario):
        return finding
    outcome = "inconclusive" if finding.outcome == "skipped" else finding.outcome
    return msgspec.structs.replace(finding, required=True, outcome=outcome, lacks=None)


def _unknown(record: Record, asked: set[str]) -> list[Finding]:
    """What the user requires and nobody asked: a check of another version, or one not installed here."""
    return [
        Finding(
            check=name,
            outcome="inconclusive",
            sentence=f"there is no check {name!r} here, and it is required",
            remedy="install what brings it, or leave it out of require (`zcbench checks` lists them)",
        )
        for name in required_checks(record.run.scenario)
        if name not in asked
    ]


def _of_others(
    finding: Finding, record: Record, wanted: tuple[Quantity, ...], measured_memory: bool
) -> Finding:
    """Of counters that are not the harness's own only what they are about is required: memory, where it was
    measured, an end that was watched, and what was promised before the start.

    What is undecided for want of readings has one remedy: to take them.
    """
    remedy = finding.remedy
    if wanted and finding.outcome == "inconclusive" and finding.check != checks.MEMORY.name:
        remedy = f"measure {', '.join(metric.name for metric in wanted)}"
    required = finding.required and _is_owed(finding.check, record, measured_memory)
    return msgspec.structs.replace(finding, required=required, remedy=remedy)


def _is_owed(name: str, record: Record, measured_memory: bool) -> bool:
    """Whether a subject whose counters are its own owes an answer to the check ``name``."""
    check, subject = checks.by_name(name), record.run.subject
    if name == checks.MEMORY.name:
        return measured_memory
    if not record.can("ending"):  # somebody else's log: it is as it is
        return False
    if check is None or not check.needs:  # asked of every subject
        return True
    return not set(subject.capabilities).isdisjoint(check.needs)


def _says_nothing(record: Record) -> frozenset[str]:
    """The checks on which no verdict of this record can rest: a hit rate only explains; the end of a run that
    was not watched is known by somebody's word, and a program may end well, and leave no files, that never did
    anything."""
    nothing = {hit_rate.CHECK.name}
    if not record.can("ending"):
        nothing |= {checks.LIFE.name}
    elif not record.can("packets", "pool", "worker"):
        nothing |= {checks.LIFE.name, disk.CHECK.name}
    return frozenset(nothing)


def _overall(findings: list[Finding], says_nothing: frozenset[str]) -> Outcome:
    """A pass rests on a check with evidence."""
    if any(finding.outcome == "fail" and finding.level == "fail" for finding in findings):
        return "fail"
    if any(finding.outcome == "inconclusive" and finding.required for finding in findings):
        return "inconclusive"
    passed = {finding.check for finding in findings if finding.outcome == "pass"}
    return "pass" if passed - says_nothing else "inconclusive"


def exit_code(verdict: Outcome, end: End) -> ExitCode:
    """The exit code: how the run ended goes before what was found."""
    if end.ending is Ending.INTERRUPTED:
        return _SIGNAL_CODES.get(end.signal or "", ExitCode.INTERRUPTED)
    if end.ending is Ending.HARNESS:
        return ExitCode.HARNESS
    if end.ending is Ending.FAILED and end.exit_code == CONTRACT_EXIT_CODE:
        return ExitCode.USAGE  # an engine that never was one: nothing was tested
    if end.ending in _DEATHS:
        return ExitCode.DIED
    return {"pass": ExitCode.PASS, "fail": ExitCode.FAIL}.get(verdict, ExitCode.INCONCLUSIVE)
