"""Did what the scenario expects come true?"""

from __future__ import annotations

from zcbench.analysis.expected import answer
from zcbench.analysis.totals import Totals
from zcbench.expectation import ExpectationError, parse, show
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Outcome
from zcbench.scenario import Expectation

_OUTCOMES: dict[bool | None, Outcome] = {True: "pass", False: "fail", None: "inconclusive"}


def check(record: Record, found: Totals) -> list[Finding]:
    """A finding for each expectation."""
    return [_finding(e, record, found) for e in record.run.scenario.expect]


def _finding(expectation: Expectation, record: Record, found: Totals) -> Finding:
    name = f"expect: {expectation.that}"
    try:
        parsed = parse(expectation.that)
    except ExpectationError as error:  # of a record that a later or an earlier zcbench made
        return Finding(check=name, outcome="inconclusive", sentence=str(error), required=False)
    seen = answer(parsed, record, found)
    value = "not measured" if seen.value is None else show(seen.value, parsed.unit)
    verb = {True: "as expected", False: "not as expected", None: "cannot be told"}[seen.holds]
    return Finding(
        check=name,
        outcome=_OUTCOMES[seen.holds],
        cause="expectation" if seen.holds is False else None,
        sentence=f"{parsed.quantity.name} is {value} ({seen.how}), {verb}",
        evidence={"value": seen.value, "limit": parsed.limit, "unit": parsed.unit},
        remedy=None if seen.holds else f"{parsed.quantity.name}: {parsed.quantity.meaning}",
        required=expectation.level == "fail",
        level=expectation.level,
    )
