"""The verdict in one line."""

from __future__ import annotations

from zcbench.record.schema import Result


def headline(result: Result) -> str:
    """Why the verdict is what it is: the first finding that decided it, and how many more did."""
    asked = [finding for finding in result.findings if finding.outcome != "skipped"]
    deciding = [finding for finding in asked if finding.outcome == result.verdict]
    if result.verdict == "pass" or not deciding:
        return f"{len(asked)} checks asked, none found anything wrong"
    more = f" (and {len(deciding) - 1} more, below)" if len(deciding) > 1 else ""
    return f"{deciding[0].check}: {deciding[0].sentence}{more}"
