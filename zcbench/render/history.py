"""A metric over many runs: Markdown for a person, CSV and JSON for programs, changes of level marked."""

from __future__ import annotations

import csv
import io
import json as encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zcbench.comparing.changes import Change, changes
from zcbench.comparing.history import PASSED
from zcbench.comparing.results import Row
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.units import MISSING
from zcbench.render.markdown import cell
from zcbench.render.spreadsheet import harmless

MOST_ROWS = 40  # of a table in Markdown, the newest; CSV and JSON have all
_BLOCKS = "▁▂▃▄▅▆▇█"
MOST_BLOCKS = 40  # of a sparkline, the newest runs


@dataclass(frozen=True)
class Series:
    """One metric over the runs of one scenario; ``changed`` counts from the scenario's first run."""

    metric: Quantity
    values: tuple[float | None, ...]
    changed: tuple[Change, ...]


@dataclass(frozen=True)
class Story:
    """The runs of one scenario in time order, and each metric over them."""

    scenario: str
    rows: tuple[Row, ...]
    series: tuple[Series, ...]


def stories(rows: Sequence[Row], metrics: Sequence[Quantity]) -> list[Story]:
    """``rows`` by scenario: another scenario's numbers are no change of this one's."""
    by_scenario: dict[str, list[Row]] = {}
    for row in rows:
        by_scenario.setdefault(row.scenario, []).append(row)
    return [_story(name, mine, metrics) for name, mine in by_scenario.items()]


def _story(name: str, rows: Sequence[Row], metrics: Sequence[Quantity]) -> Story:
    series = []
    for at, metric in enumerate(metrics):
        values = tuple(_value(row, metric, at) for row in rows)
        known = np.array([np.nan if value is None else value for value in values])
        series.append(Series(metric, values, changes(known)))
    return Story(name, tuple(rows), tuple(series))


def _value(row: Row, metric: Quantity, at: int) -> float | None:
    return float(row.verdict == "pass") if metric.name == PASSED.name else row.values[at]


def markdown(told: Sequence[Story]) -> str:
    """A table for each scenario, its changes below; everything from a record is escaped."""
    return "\n".join(line for story in told for line in _section(story))


def json(told: Sequence[Story]) -> str:
    """Every run with its values, and every change with the commit it came with."""
    return encode.dumps({"schema": 1, "scenarios": [_plain(one) for one in told]}, indent=2) + "\n"


def table(told: Sequence[Story]) -> str:
    """CSV: a row for each run; ``changed`` names the metrics whose level changed with it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [series.metric.name for series in told[0].series] if told else []
    writer.writerow(["started_at", "scenario", "run", "commit", "verdict", "ending", *names, "changed"])
    for story in told:
        marks = _marks(story)
        for at, row in enumerate(story.rows):
            told_of = [
                row.started_at,
                row.scenario,
                row.path.name,
                row.commit,
                row.verdict,
                row.ending,
            ]
            numbers = ["" if (v := series.values[at]) is None else v for series in story.series]
            changed = " ".join(series.metric.name for series in marks.get(at, []))
            writer.writerow([*map(harmless, told_of), *numbers, changed])
    return out.getvalue()


def sparkline(values: Sequence[float | None]) -> str:
    """One block for each of the newest values, from the lowest to the highest; a space where none is known."""
    kept = values[-MOST_BLOCKS:]
    known = [value for value in kept if value is not None]
    if not known:
        return ""
    low, across = min(known), (max(known) - min(known)) or 1.0
    top = len(_BLOCKS) - 1
    return "".join(" " if value is None else _BLOCKS[round((value - low) / across * top)] for value in kept)


def _marks(story: Story) -> Mapping[int, list[Series]]:
    """The series whose level changed, by the run that it changed with."""
    found: dict[int, list[Series]] = {}
    for series in story.series:
        for change in series.changed:
            found.setdefault(change.at, []).append(series)
    return found


def _section(story: Story) -> Iterator[str]:
    # What no run has a reading of is no column: a program without packets has no hit rate.
    shown = [series for series in story.series if any(value is not None for value in series.values)]
    names = [cell(series.metric.name) for series in shown]
    marks, first = _marks(story), max(0, len(story.rows) - MOST_ROWS)
    yield f"# {cell(story.scenario)}: {len(story.rows)} run{'s' * (len(story.rows) != 1)}"
    yield ""
    yield f"| Started | Run | Commit | Verdict | {' | '.join(names)} |"
    yield f"|:--|:--|:--|:--|{'--:|' * len(names)}"
    if first:
        yield f"| {first} earlier | {' | ' * (len(names) + 2)} |"
    for at in range(first, len(story.rows)):
        row, changed = story.rows[at], marks.get(at, [])
        values = [
            f"**{series.metric.unit.show(series.values[at])}** ◀"
            if series in changed
            else series.metric.unit.show(series.values[at])
            for series in shown
        ]
        told = [
            row.started_at[:16].replace("T", " "),
            row.path.name,
            row.commit or MISSING,
            row.verdict,
        ]
        yield f"| {' | '.join(map(cell, told))} | {' | '.join(values)} |"
    lines = [f"`{drawn}`" if (drawn := sparkline(s.values)) else MISSING for s in shown]
    yield f"| | | | | {' | '.join(lines)} |"
    yield ""
    told_changes = list(_changes(story))
    yield from ([*(f"- {line}" for line in told_changes), ""] if told_changes else ["No change of level.", ""])


def _changes(story: Story) -> Iterator[str]:
    for at, several in sorted(_marks(story).items()):
        for series in several:
            change = next(change for change in series.changed if change.at == at)
            levels = [series.metric.unit.show(value) for value in (change.before, change.after)]
            before, row = story.rows[at - 1], story.rows[at]
            yield (
                f"**{cell(series.metric.name)}** {levels[0]} → {levels[1]} from {cell(row.path.name)} on, "
                f"{cell(_commits(before, row))}"
            )


def _commits(before: Row, after: Row) -> str:
    if before.commit is None or after.commit is None:
        return "commit not known"
    if before.commit == after.commit:
        return f"at the same commit {after.commit}"
    return f"commit {after.commit} (before: {before.commit})"


def _plain(story: Story) -> dict[str, Any]:
    return {
        "scenario": story.scenario,
        "units": {series.metric.name: series.metric.unit.name for series in story.series},
        "runs": [
            {
                "id": row.id,
                "name": row.path.name,
                "started_at": row.started_at,
                "commit": row.commit,
                "verdict": row.verdict,
                "ending": row.ending,
                "values": {series.metric.name: series.values[at] for series in story.series},
            }
            for at, row in enumerate(story.rows)
        ],
        "changes": [
            {
                "metric": series.metric.name,
                "run": story.rows[change.at].id,
                "before": change.before,
                "after": change.after,
                "commit": story.rows[change.at].commit,
                "commit_before": story.rows[change.at - 1].commit,
            }
            for series in story.series
            for change in series.changed
        ],
    }
