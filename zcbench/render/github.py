"""What a GitHub job shows of a run: step summary, annotations, outputs.

Pure texts; who writes them where is :mod:`zcbench.cli.github`. The formats are those of "Workflow commands for
GitHub Actions" in GitHub's documentation, and of the runner's source where that says more.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence

from zcbench.exit_codes import ExitCode
from zcbench.foreign import one_line
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result
from zcbench.render.paths import public
from zcbench.verdict.checks import LIFE

SUMMARY_BYTES = 1024 * 1024  # of one step, in UTF-8; the runner throws away the whole of a larger one
MOST_ANNOTATIONS = 10  # of each level, of one step; GitHub drops what comes later without a word
_TITLE = 200  # characters; GitHub refuses titles of more than 255

_CUT = "\n> ⚠️ **Cut here:** GitHub shows at most 1 MiB of a step. The rest is in the report's file.\n"
_FENCE = re.compile(r" {0,3}(`{3,})(.*)")


def step_summary(report: str, room: int = SUMMARY_BYTES) -> str:
    """``report`` if it fits into ``room`` bytes, else as many of its lines as do, and a note.

    Empty if not even the note fits.
    """
    if len(report.encode()) <= room:
        return report
    kept: list[str] = []
    used, fence = len(_CUT.encode()), ""
    if used > room:
        return ""
    for line in report.splitlines(keepends=True):
        after = _fence_after(line, fence)
        # Each line is taken with what it takes to close the code block that it leaves open.
        if used + len(line.encode()) + len(after) + 1 > room:
            break
        kept.append(line)
        used, fence = used + len(line.encode()), after
    closing = f"{fence}\n" if fence else ""
    return "".join(kept) + closing + _CUT


def _fence_after(line: str, fence: str) -> str:
    """The fence of the code block that is open after ``line``, given the one open before it."""
    marks = _FENCE.fullmatch(line.rstrip("\r\n"))
    if marks is None:
        return fence
    if not fence:
        return marks[1]
    return "" if len(marks[1]) >= len(fence) and not marks[2].strip() else fence


def workflow_commands(record: Record, result: Result) -> list[str]:
    """Workflow commands, a line each: errors, then warnings, then a notice of a pass; ten of each at most."""
    from zcbench.render.content.verdict import headline

    scenario = record.run.scenario.name
    levels: dict[str, list[tuple[str, str]]] = {"error": [], "warning": [], "notice": []}
    for finding in result.findings:
        level = _level(finding, result)
        if level is not None:
            remedy = f"\n{finding.remedy}" if finding.remedy else ""
            levels[level].append((f"{scenario}: {finding.check}", finding.sentence + remedy))
    if result.verdict == "pass":
        levels["notice"].append((f"{scenario}: pass", headline(result)))
    return [
        f"::{level} title={_property(title)}::{_data(message)}"
        for level, said in levels.items()
        for title, message in _counted(scenario, said)
    ]


def _level(finding: Finding, result: Result) -> str | None:
    if finding.check == LIFE.name and result.exit_code in (ExitCode.HARNESS, ExitCode.DIED):
        return "error"
    if finding.outcome == "fail":
        return "error" if finding.level == "fail" else "warning"
    return "warning" if finding.outcome == "inconclusive" and finding.required else None


def _counted(scenario: str, said: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    if len(said) <= MOST_ANNOTATIONS:
        return said
    shown = said[: MOST_ANNOTATIONS - 1]
    return [*shown, (scenario, f"and {len(said) - len(shown)} more, in the report")]


def outputs(values: Mapping[str, str]) -> str:
    """Lines for ``$GITHUB_OUTPUT``: each value between delimiters that it cannot hold.

    A step may echo a value: it is on one line, and no workflow command even then.
    """
    lines = []
    for name, text in values.items():
        value = _no_command(text)
        delimiter = secrets.token_hex(16)
        while delimiter in value:
            delimiter = secrets.token_hex(16)
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    return "".join(lines)


def _no_command(text: str) -> str:
    """``text`` on one line. The runner takes "::" at a line's start for a command, and "##[" anywhere in it."""
    line = one_line(text).replace("##[", "## [")
    return f": :{line[2:]}" if line.startswith("::") else line


def _property(text: str) -> str:
    short = text if len(text) <= _TITLE else f"{text[: _TITLE - 1]}…"
    return _data(short).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    """As the runner unescapes it; other control characters have no business in a log."""
    return public(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
