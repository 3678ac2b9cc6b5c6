"""Did what the scenario expects come true?"""

from __future__ import annotations

from dataclasses import replace

from zcbench.analysis.expected import answer
from zcbench.analysis.totals import Totals
from zcbench.expectation import ExpectationError, parse, show
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Outcome
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
    if expectation.abort and _ended_by(parsed.text, record):
        # The samples of a whole run may make up for what one of them broke; it has ended the run.
        seen = replace(seen, holds=False, how=f"the run was ended because {record.end.message}")
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


def _ended_by(text: str, record: Record) -> bool:
    end = record.end
    return end.ending is Ending.ABORTED and (end.message or "").startswith(f"{text} is broken")
