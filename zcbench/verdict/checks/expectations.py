"""Did what the scenario expects come true?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zcbench.analysis.delivery import delivery
from zcbench.analysis.expected import answer
from zcbench.analysis.totals import Totals
from zcbench.expectations.language import ExpectationError, parse
from zcbench.quantities.names import CONSUMER_MISSING, CONSUMER_REORDERED, ENGINE_DROPS
from zcbench.quantities.quantity import Origin
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Outcome
from zcbench.scenario import Expectation
from zcbench.verdict.not_written import has_no_pool, missing, sentence

_OUTCOMES: dict[bool | None, Outcome] = {True: "pass", False: "fail", None: "inconclusive"}


def check(record: Record, found: Totals) -> list[Finding]:
    """A finding for each expectation."""
    return [_finding(e, record, found) for e in record.run.scenario.expect]


def _finding(expectation: Expectation, record: Record, found: Totals) -> Finding:
    name = f"expect: {expectation.that}"
    try:
        parsed = parse(expectation.that, VOCABULARY.joined(record.quantities.values()))
    except ExpectationError as error:
        return _not_understood(name, expectation, record, str(error))
    quantity = parsed.quantity
    made_of = (quantity.name,) if quantity.formula is None else quantity.formula.names
    unwritten = missing(record, *made_of)
    by_holes = ""
    if unwritten == {ENGINE_DROPS}:
        record, found = _with_holes(record, found)
        by_holes = f"; counted as holes in the sequence, {sentence(unwritten)}"
    seen = answer(parsed, record, found)
    if unwritten and seen.holds is None:
        return _unwritten(name, expectation, record, unwritten)
    if expectation.abort and _ended_by(parsed.text, record):
        # The samples of a whole run may make up for what one of them broke; it has ended the run.
        seen = replace(seen, holds=False, how=f"the run was ended because {record.end.message}")
    value = "not measured" if seen.value is None else parsed.shown(seen.value)
    verb = {True: "as expected", False: "not as expected", None: "cannot be told"}[seen.holds]
    return Finding(
        check=name,
        outcome=_OUTCOMES[seen.holds],
        cause="expectation" if seen.holds is False else None,
        sentence=f"{parsed.quantity.name} is {value} ({seen.how}{by_holes}), {verb}",
        evidence={"value": seen.value, "limit": parsed.limit, "unit": parsed.unit.name},
        remedy=None if seen.holds else f"{parsed.quantity.name}: {parsed.quantity.title}",
        required=expectation.level == "fail",
        level=expectation.level,
    )


def _not_understood(name: str, expectation: Expectation, record: Record, error: str) -> Finding:
    """Of a name that the subject was to bring, and did not; or of a record that another zcbench made."""
    remedy = None
    try:
        quantity = parse(expectation.that, record.quantities, own=True).quantity
    except ExpectationError:
        pass
    else:
        own = sorted(one.name for one in record.quantities.sampled if one.origin is Origin.SUBJECT)
        error = f"the subject brought no {quantity.name}, so this cannot be told"
        remedy = (
            f"publish it (docs/page.md), or name one that it brought: {', '.join(own) or 'it brought none'}"
        )
    return Finding(
        check=name,
        outcome="inconclusive",
        sentence=error,
        remedy=remedy,
        required=expectation.level == "fail",
        level=expectation.level,
    )


def _with_holes(record: Record, found: Totals) -> tuple[Record, Totals]:
    """What a dropped packet leaves, in place of the drops of an engine that does not count them."""
    rows = record.samples
    holes = np.maximum(rows[CONSUMER_MISSING] - rows[CONSUMER_REORDERED], 0)
    seen = delivery(record, found)
    beyond = seen.missing or 0
    drops = max(seen.holes, beyond if beyond > seen.tolerance else 0)
    return replace(record, samples={**rows, ENGINE_DROPS: holes}), {**found, ENGINE_DROPS: drops}


def _unwritten(name: str, expectation: Expectation, record: Record, words: frozenset[str]) -> Finding:
    """An expectation about a word that the engine does not write: of one without a pool, skipped."""
    no_pool = has_no_pool(record) and all(word.startswith("pool.") for word in words)
    return Finding(
        check=name,
        outcome="skipped" if no_pool else "inconclusive",
        sentence=f"{sentence(words)}, so this cannot be told",
        remedy="write it (docs/your-engine.md), or leave the expectation out",
        required=expectation.level == "fail",
        level=expectation.level,
    )


def _ended_by(text: str, record: Record) -> bool:
    end = record.end
    return end.ending is Ending.ABORTED and (end.message or "").startswith(f"{text} is broken")
