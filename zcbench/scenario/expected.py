"""The expectations of a scenario: that they can be understood, and judged in this run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from zcbench.expectations import language as expectations
from zcbench.quantities.parsing import UnitError, decode_unit
from zcbench.quantities.units import format_duration
from zcbench.scenario.sheet import Sheet, line_of
from zcbench.scenario.tables import Expectation, Scenario, ScenarioError
from zcbench.scenario.values import shown
from zcbench.typed import prepared


def expected_by_file(sheet: Sheet) -> list[tuple[Expectation, str]]:
    """The file's ``expect``: texts, or tables with ``that``; each with where it stands."""
    given = sheet.values.pop("expect", None)
    if given is None:
        return []
    line = line_of(sheet.text, ["expect"])
    where = f"{sheet.path}:{line}" if line else str(sheet.path)
    entries = given.value if isinstance(given.value, list) else [given.value]
    found = []
    for entry in entries:
        raw = {"that": entry} if isinstance(entry, str) else entry
        try:
            found.append((msgspec.convert(raw, prepared(Expectation), dec_hook=decode_unit), where))
        except (msgspec.ValidationError, UnitError) as error:
            raise ScenarioError(
                f'{where}: expect: {shown(entry)}: {error}; write "gaps == 0" or '
                '{that = "gaps == 0", abort = true, grace = "10s", level = "warn"}'
            ) from None
    return found


def check_expected(scenario: Scenario, expected: Sequence[tuple[Expectation, str]]) -> None:
    """Every expectation can be understood, and can be judged in this run."""
    wall_s = math.inf if scenario.source.unpaced else scenario.duration / scenario.source.speed
    for expectation, origin in expected:
        try:
            parsed = expectations.parse(expectation.that, own=scenario.subject.kind != "engine")
        except expectations.ExpectationError as error:
            raise ScenarioError(f"{origin}: expect: {error}") from None
        problem = None
        if expectations.longest_s(parsed) > wall_s:
            problem = f"the run takes {format_duration(wall_s)} only"
        elif expectation.abort and (parsed.windowed or not expectations.per_sample(parsed)):
            problem = "abort needs something that each sample has a value of"
        elif expectation.grace and not expectation.abort:
            problem = "grace goes with abort = true"
        if problem:
            raise ScenarioError(f"{origin}: expect: {expectation.that!r}: {problem}")
