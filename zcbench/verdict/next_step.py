"""The one next thing to do after a run, computed from what was found."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from pathlib import PurePath

from zcbench.analysis.pool import ENOUGH_HITS, behaviour
from zcbench.record.reader import Record
from zcbench.record.schema import FAULT_FILE, STDERR_FILE, End, Ending, EventKind, Finding, Result
from zcbench.verdict.checks import LIFE, MEMORY, SANITIZERS
from zcbench.verdict.lengths import wanted_s

# Of this command only: where it wrote, and what it printed, is not part of the run to be made again.
_VALUED = ("--out", "--root", "--report", "--report-dir", "--metrics")
_SWITCHES = ("--quiet", "--json", "--github", "--dry-run")
LONGEST_MESSAGE = 200  # of an exception, in a line that is to be read at a glance
_FRAME = re.compile(r'File "([^"\n]*)", line (\d+), in ([^\s(]+)')
_HOUR_S = 3600.0
_BARE_COMMAND = 3  # words of `zcbench run SCENARIO`
_FIVE_MINUTES_S = 300.0


def next_step(record: Record, result: Result) -> str:
    """One sentence or command: what a person does now. Never empty."""
    end = result.end
    if end.ending is Ending.INTERRUPTED:
        return f"let it run to its end: {again(record)}"
    if end.ending is Ending.HARNESS:
        return f"mend what stopped the harness ({end.message or 'see the report'}), then run it again"
    if end.ending is Ending.PARTIAL:
        return "the supervisor was killed or still runs: `zcbench watch` shows which"
    failed = [f for f in result.findings if f.outcome == "fail" and f.level == "fail"]
    if _died(failed):
        if failed[0].cause == "contract" and failed[0].remedy:
            return failed[0].remedy
        if raised := _raised(record, end):
            return raised
        reported = next((f for f in failed if f.check == SANITIZERS.name), None)
        if reported is not None and reported.remedy:
            return reported.remedy
        if record.run.subject.kind == "attached":  # what it printed was never ours to read
            return "see where it died: what it printed, and its parent or service manager, tell"
        return f"see where it died: {_stack_file(record)} in the run's directory"
    for finding in failed:
        return _mend(finding, record)
    undecided = [finding for finding in result.findings if finding.outcome == "inconclusive"]
    owed = [finding for finding in undecided if finding.required]
    if not owed and result.verdict == "inconclusive":
        owed = undecided  # no check that passed says enough
    if owed:
        return _answered(owed[0], record)
    return _after_a_pass(record, result)


def again(record: Record, *more: str) -> str:
    """The command of this run, to be typed again with ``more`` arguments."""
    kept: list[str] = []
    skip = False
    typed = record.run.command or ["zcbench", "run"]
    at = typed.index("--") if "--" in typed else len(typed)
    typed, command = typed[:at], typed[at:]  # the subject's own arguments stay as they are
    for argument in typed:
        if skip or argument in _SWITCHES:
            skip = False
        elif argument in _VALUED:
            skip = True
        elif argument.partition("=")[0] not in _VALUED:
            kept.append(argument)
    if more and more[0] in kept:  # its old value goes with it
        at = kept.index(more[0])
        del kept[at : at + len(more)]
    return f"`{shlex.join([*kept, *more, *command])}`"


def _died(failed: Sequence[Finding]) -> bool:
    return any(finding.check == LIFE.name for finding in failed)


def _raised(record: Record, end: End) -> str | None:
    """Which exception ended the subject, or was caught by nobody, and where; None if none was seen."""
    message, text = end.message, end.traceback
    if end.ending is not Ending.FAILED:
        unseen = [event for event in record.events if event.kind == EventKind.UNRAISABLE]
        if not unseen or end.ending not in (Ending.FINISHED, Ending.HUNG):
            return None
        message, text = unseen[0].message, str(unseen[0].data.get("traceback", ""))
    frames = _FRAME.findall(text or "")
    if not frames:
        return None
    # Where it left somebody else's code, if that was on the way.
    foreign = [frame for frame in frames if "zcbench" not in PurePath(frame[0]).parts]
    file, line, function = (foreign or frames)[-1]
    return (
        f"mend {shortened(message or 'the exception')}, raised in {PurePath(file).name}, line {line}, "
        f"in {function}(); the whole traceback is in {STDERR_FILE}"
    )


def shortened(text: str) -> str:
    """One line of at most ``LONGEST_MESSAGE`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]} …"


def _stack_file(record: Record) -> str:
    fault = record.path / FAULT_FILE
    return FAULT_FILE if fault.is_file() and fault.stat().st_size else STDERR_FILE


def _mend(finding: Finding, record: Record) -> str:
    traced = record.run.tracemalloc or record.run.scenario.source.unpaced
    ours = record.can("worker")
    if finding.check == MEMORY.name and ours and not traced:
        return f"find where: {again(record, '--diagnose')}"
    return finding.remedy or f"see {finding.check} in the report"


def _answered(finding: Finding, record: Record) -> str:
    """What answers a check that has to be answered."""
    if finding.lasting_s is not None and record.can("ending"):
        return f"{finding.remedy}: {again(record, '--duration', _whole_minutes(finding.lasting_s))}"
    return finding.remedy or f"run longer, so that {finding.check} can be judged"


def _whole_minutes(seconds: float) -> str:
    """As a person would type it."""
    return f"{math.ceil(seconds / 60)}m"


def _after_a_pass(record: Record, result: Result) -> str:
    if record.run.subject.kind == "imported":
        return "nothing: what was measured is sound; `zcbench run` measures the rest"
    if (slots := _slots_wanting(record, result)) is not None:
        if not record.can("pace"):
            return f"give its pool the slots that were in flight: {slots}"
        return f"give the pool the slots that were in flight: {again(record, '--pool', str(slots))}"
    length_s = record.run.scenario.duration
    wanted = wanted_s(result.findings) or 0.0
    if length_s < max(wanted, _FIVE_MINUTES_S) and wanted > _FIVE_MINUTES_S:
        return f"longer, for what is not known yet: {again(record, '--duration', _whole_minutes(wanted))}"
    if length_s < _FIVE_MINUTES_S:
        late = "slow leaks and lost slots" if record.can("pool") else "slow leaks"
        return f"longer, for {late}: {_longer(record, '5m', 'stability-5min')}"
    if length_s < _HOUR_S:
        rare = "gaps" if record.can("packets") else "faults"
        return f"longer, for rare {rare}: {_longer(record, '1h', 'stability-1h')}"
    return "keep this run: later ones can be held against it"


def _longer(record: Record, duration: str, shipped: str) -> str:
    """The same for ``duration``; where nothing but a scenario was named, the ``shipped`` one of that length."""
    if len(record.run.command) > _BARE_COMMAND:
        return again(record, "--duration", duration)
    return f"`zcbench run {shipped}`"


def _slots_wanting(record: Record, result: Result) -> int | None:
    """The slots that would have served nearly every acquire; None if those there were did."""
    seen = behaviour(record, result.totals)
    if seen.hit_rate is None or seen.hit_rate >= ENOUGH_HITS:
        return None
    return seen.slots_needed
