"""Does the subject fill the disk: with files that it leaves, or with what it prints?"""

from __future__ import annotations

from zcbench.analysis.disk import Disk, disk
from zcbench.analysis.totals import Totals
from zcbench.quantities.units import format_bytes
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.scenario import BudgetTable
from zcbench.verdict.check import Check

NAMES = 3  # in the sentence
_REMEDIES = {
    "files": "remove what is made (tempfile's with-statements, one file for all packets); or, if it "
    "is what the subject is for, say how much may stay: budget.files, budget.disk",
    "output": "print less often than once a packet, or say how much may come: budget.output",
}


def check(record: Record, found: Totals) -> Finding:
    """Fail when more files or bytes are left, or more was printed, than the scenario's budget allows."""
    seen, budget = disk(record, found), record.run.scenario.budget
    theirs = record.run.ingested is not None
    if theirs and seen.temporary is None and seen.printed is None:
        return Finding(
            check="disk",
            outcome="skipped",
            sentence="what somebody else's subject wrote was not counted",
            required=False,
        )
    evidence: dict[str, int | float | str | None] = {
        "temporary_files": seen.temporary,
        "files_elsewhere": seen.elsewhere,
        "left_bytes": seen.size,
        "output_bytes": seen.printed,
        "names": ", ".join(seen.names) or None,
        "lowest": " ".join(map(str, seen.marks)) or None,
    }
    wrong = _wrong(seen, budget)
    if wrong:
        return Finding(
            check="disk",
            outcome="fail",
            cause=next(iter(wrong)),
            sentence="; ".join(wrong.values()),
            evidence=evidence,
            remedy=_REMEDIES[next(iter(wrong))],
        )
    lacking = [
        name
        for name, value in (
            ("temporary files", seen.temporary),
            ("files elsewhere", 0 if theirs else seen.elsewhere),  # a table has no word for those
            ("the subject's output", seen.printed),
        )
        if value is None
    ]
    if lacking:
        return Finding(
            check="disk",
            outcome="inconclusive",
            sentence=f"{', '.join(lacking)}: not counted to the end",
            evidence=evidence,
            remedy="let the run end by itself",
            required=False,  # only a run that did not reach its end, or an older record, lacks them
        )
    return Finding(
        check="disk",
        outcome="pass",
        sentence=f"{seen.files:,} files ({format_bytes(seen.size or 0)}) left behind, "
        f"{format_bytes(seen.printed or 0)} printed",
        evidence=evidence,
        power=f"more than {budget.files:,} files, {budget.disk} in them, or {budget.output} of output",
    )


def _wrong(seen: Disk, budget: BudgetTable) -> dict[str, str]:
    """What is over the budget, by its cause; the files first."""
    wrong = {}
    named = f": {', '.join(seen.names[:NAMES])}" if seen.names else ""
    if seen.files is not None and (seen.files > budget.files or (seen.size or 0) > budget.disk):
        least = " or more" if seen.more else ""
        wrong["files"] = (
            f"{seen.files:,}{least} files with {format_bytes(seen.size or 0)} left behind by the subject "
            f"({seen.temporary or 0:,} temporary; {budget.files:,} and {budget.disk} are allowed){named}"
        )
    elif seen.climbs and seen.marks[-1] > budget.files:
        wrong["files"] = (
            f"temporary files pile up during the stream, from {seen.marks[0]:,} to {seen.marks[-1]:,} "
            f"({budget.files:,} are allowed)"
        )
    if seen.printed is not None and seen.printed > budget.output:
        wrong["output"] = f"the subject printed {format_bytes(seen.printed)} ({budget.output} are allowed)"
    return wrong


CHECK = Check(
    name="disk",
    question="Are temporary or other files left, and how much does the subject print?",
    judge=(check,),
    causes={
        "files": "files are left, or pile up",
        "output": "it prints too much",
    },
    meaning="a long recording ends when the disk is full",
    figure="resources",
)
