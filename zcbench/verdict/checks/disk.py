"""Does the subject fill the disk: with files that it leaves, or with what it prints?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis.disk import Disk, disk
from zcbench.quantities.names import OUTPUT_BYTES, TEMPORARY_BYTES
from zcbench.quantities.units import format_bytes
from zcbench.record.schema import Finding
from zcbench.scenario import BudgetTable
from zcbench.verdict.check import Check, Evidence, Facts

NAMES = 3  # in the sentence
_REMEDIES = {
    "files": "remove what is made{how}; or, if it is what the subject is for, say how much may stay: "
    "budget.files, budget.disk",
    "output": "print less often than once a packet, or say how much may come: budget.output",
}


class _Facts(Facts):
    @cached_property
    def seen(self) -> Disk:
        return disk(self.record, self.totals)

    @property
    def budget(self) -> BudgetTable:
        return self.record.run.scenario.budget

    @property
    def evidence(self) -> Evidence:
        seen = self.seen
        return {
            "temporary_files": seen.temporary,
            "files_elsewhere": seen.elsewhere,
            "left_bytes": seen.size,
            OUTPUT_BYTES: seen.printed,
            "names": ", ".join(seen.names) or None,
            "lowest": " ".join(map(str, seen.marks)) or None,
        }


def _over_budget(facts: _Facts) -> Finding | None:
    """More files or bytes left, or more printed, than the scenario's budget allows, fails."""
    wrong = _wrong(facts.seen, facts.budget)
    if not wrong:
        return None
    cause = next(iter(wrong))
    how = " (tempfile's with-statements, one file for all packets)" if facts.in_worker else ""
    remedy = _REMEDIES[cause].format(how=how)
    return CHECK.failed("; ".join(wrong.values()), facts.evidence, cause=cause, remedy=remedy)


def _not_to_the_end(facts: _Facts) -> Finding | None:
    counted = {
        "temporary files": facts.seen.temporary,
        # A table has no word for those; of the others it may have the number and not the bytes.
        "files elsewhere": facts.seen.elsewhere if facts.in_worker else 0,
        "the bytes of the files": facts.seen.size if facts.seen.files else 0,
        "the subject's output": facts.seen.printed,
    }
    lacking = [name for name, value in counted.items() if value is None]
    if not lacking:
        return None
    return CHECK.undecided(
        f"{', '.join(lacking)}: not counted to the end",
        facts.evidence,
        remedy="let the run end by itself",
        # Only a run that did not reach its end, or an older record, lacks them.
        required=False,
    )


def _within_budget(facts: _Facts) -> Finding:
    seen, budget = facts.seen, facts.budget
    # What a program of the user's writes elsewhere nobody counts: it is most programs' very purpose.
    where = " in its temporary folder" if facts.record.run.subject.kind == "command" else ""
    return CHECK.passed(
        f"{seen.files:,} files ({format_bytes(seen.size or 0)}) left behind{where}, "
        f"{format_bytes(seen.printed or 0)} printed",
        facts.evidence,
        detection_limit=f"more than {budget.files:,} files{where}, {budget.disk} in them, "
        f"or {budget.output} of output",
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
    facts=_Facts,
    rules=(_over_budget, _not_to_the_end, _within_budget),
    reads=("temporary_files", TEMPORARY_BYTES, OUTPUT_BYTES),
    needs=("files",),
    causes={
        "files": "files are left, or pile up",
        "output": "it prints too much",
    },
    meaning="a long run ends when the disk is full",
    figure="resources",
)
