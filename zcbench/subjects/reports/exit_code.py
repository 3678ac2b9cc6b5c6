"""By which exit code a program's end tells of a report, though the program itself ended as it should."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from zcbench.subjects.reports.report import LEAK, RACE, Report

# Of what is reported at the program's end, or does not end it. As the tools' documents have them.
_LEAKS_BY = {"LeakSanitizer": (1, 23)}  # within AddressSanitizer 1, alone 23
_RACES_BY = {"ThreadSanitizer": (66,), "Go's race detector": (66,)}
_OPTIONS = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "GORACE")
_CODE = re.compile(r"\bexitcode=(\d+)")
_VALGRIND = re.compile(r"--error-exitcode=(\d+)$")


def tells_of_report(
    code: int | None, reports: Sequence[Report], words: Iterable[str], variables: Mapping[str, str]
) -> bool:
    """Whether ``code`` is what a tool made of the exit code, as it had something to report: ``words`` is the
    command, ``variables`` its environment."""
    if not code or code < 0:
        return False
    chosen = {int(n) for name in _OPTIONS for n in _CODE.findall(variables.get(name, ""))}
    valgrind = {int(found.group(1)) for word in words if (found := _VALGRIND.match(word))}
    for report in reports:
        if report.tool == "Valgrind" and code in valgrind:
            return True
        if report.cause == LEAK and code in {*_LEAKS_BY.get(report.tool, ()), *chosen}:
            return True
        if report.cause == RACE and code in {*_RACES_BY.get(report.tool, ()), *chosen}:
            return True
    return False
