"""When it was that a finding speaks of, for the reader to look at."""

from __future__ import annotations

import numpy as np

from zcbench.analysis.expected import answer, readings
from zcbench.expectations.language import ExpectationError, parse
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import clock
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result
from zcbench.render.placing import EXPECTATION
from zcbench.verdict import theirs
from zcbench.verdict.moments import Moment, sample


def said(moment: Moment) -> str:
    """For a person: "at 3:17", or "20:05 to 25:05"."""
    if clock(moment.from_s) == clock(moment.to_s):
        return f"at {clock(moment.from_s)}"
    return f"{clock(moment.from_s)} to {clock(moment.to_s)}"


def moment_of(finding: Finding, record: Record, result: Result) -> Moment | None:
    """When it was; None for what concerns the whole run, or has no time."""
    if not record.rows:
        return None
    if finding.check.startswith(EXPECTATION):
        return _expectation(finding, record, result)
    check = theirs.find(finding.check)
    return None if check is None else theirs.moment_of(check, record, result)


def _expectation(finding: Finding, record: Record, result: Result) -> Moment | None:
    """The sample that broke it; where it is about more than one, the reading farthest on the wrong side."""
    if finding.outcome != "fail":
        return None
    try:
        parsed = parse(finding.check.removeprefix(EXPECTATION), VOCABULARY.joined(record.quantities.values()))
    except ExpectationError:
        return None
    at_s = answer(parsed, record, result.totals).at_s
    if at_s is not None:
        return Moment(at_s, at_s)
    values = readings(parsed, record)
    if values is None or not np.isfinite(values).any():
        return None
    worst = np.nanargmin(values) if parsed.operator in (">", ">=") else np.nanargmax(values)
    return sample(record, int(worst))
