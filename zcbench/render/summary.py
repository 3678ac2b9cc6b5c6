"""The closing summary of a run on a terminal: verdict, what matters, figures, and what to do next."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.cost import mean_cores
from zcbench.analysis.delivery import delivery
from zcbench.analysis.memory import gauge, heap
from zcbench.analysis.totals import highest
from zcbench.foreign import one_line, plain
from zcbench.quantities.names import (
    CONSUMER_RECEIVED,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_DELIVERED_BYTES,
    ENGINE_DROPS,
    POOL_IN_FLIGHT,
    RATE_PER_S,
    RSS_BYTES,
)
from zcbench.quantities.units import BYTES, format_bytes, format_count, format_duration, format_rate
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result
from zcbench.render.content.verdict import counted, decided
from zcbench.render.progress import Ink, hit_rate_said, opened, sparkline
from zcbench.verdict.next_step import next_step

if TYPE_CHECKING:
    from rich.text import Text

SUMMARY_LINES = 24
FINDING_LINES = 3  # of one finding, at most
_LABEL = 11
_WIDEST_SPARK = 40

_STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "skipped": "dim"}
_ORDER = ("fail", "inconclusive", "pass", "skipped")


def summary(record: Record, result: Result, reports: Sequence[Path], width: int, ink: Ink) -> list[Text]:
    """At most 24 lines of ``width`` columns. A path that is longer is left whole, for the terminal to break,
    and counts as the lines that it makes there; figures, the last first, give way to it and to a finding."""
    from rich.text import Text

    style = _STYLES[result.verdict]
    code = f"  (exit code {result.exit_code})"
    title = Text.assemble(
        (result.verdict.upper(), f"bold {style}"), f"  {record.run.scenario.name}{_subject(record)}"
    )
    title.truncate(max(0, width - len(code)), overflow="ellipsis")
    title.append(code)
    title.truncate(width, overflow="ellipsis")
    wrapped = textwrap.wrap(f"{one_line(decided(record, result))}.", width, max_lines=3, placeholder=" …")
    decision = [Text(line, "bold") for line in wrapped]
    figures = [
        *(_labelled(name, text, width) for name, text in _figures(record, result)),
        *_sparklines(record, width, ink),
    ]
    last = [
        _rest(result),
        *(Text.assemble((f"{'report':<{_LABEL}}", "dim"), str(path)) for path in reports[:3]),
        *_wrapped("next", next_step(record, result), width, 3, "bold"),
    ]
    room = SUMMARY_LINES - 1 - sum(-(-line.cell_len // width) for line in last) - len(decision) - 2
    del figures[max(0, room - FINDING_LINES - 1) :]
    found = _findings(result, width, room - len(figures))
    said = [title, *decision, *found, Text(), *figures, Text(), *last]
    for line in said:
        line.plain = plain(line.plain)
    return said


def _subject(record: Record) -> str:
    """What was tested, where the scenario is not all that says it."""
    return "" if record.run.subject.kind == "engine" else f": {one_line(record.run.about)}"


def _findings(result: Result, width: int, room: int) -> list[Text]:
    """What decided the verdict, and what warns."""
    from rich.text import Text

    matter = sorted(
        (f for f in result.findings if _matters(f)),
        key=lambda f: (_ORDER.index(f.outcome), f.level == "warn"),
    )
    lines: list[Text] = []
    for at, finding in enumerate(matter):
        mark, style = _mark(finding)
        said = _wrapped(mark, f"{finding.check}: {finding.sentence}", width, FINDING_LINES, style)
        left = len(matter) - at
        if len(lines) + len(said) > room - (left > 1):
            lines.append(Text(f"and {left} more in the report", "dim"))
            break
        lines += said
    return lines


def _matters(finding: Finding) -> bool:
    return finding.outcome == "fail" or (finding.outcome == "inconclusive" and finding.required)


def _mark(finding: Finding) -> tuple[str, str]:
    """The outcome, and its style; a failure that only warns is no FAIL."""
    if finding.outcome == "fail":
        return ("WARN", "yellow") if finding.level == "warn" else ("FAIL", "bold red")
    return "?", "yellow"


def _rest(result: Result) -> Text:
    from rich.text import Text

    return Text.assemble((f"{'checks':<{_LABEL}}", "dim"), counted(result, noun=""))


def _labelled(name: str, text: str, width: int) -> Text:
    from rich.text import Text

    line = Text.assemble((f"{name:<{_LABEL}}", "dim"), one_line(text))
    line.truncate(width, overflow="ellipsis")
    return line


def _wrapped(label: str, text: str, width: int, most: int, style: str) -> list[Text]:
    """``text`` in up to ``most`` lines beside its label; words are kept whole where they fit."""
    from rich.text import Text

    lines = textwrap.wrap(
        one_line(text),
        max(20, width - _LABEL),
        max_lines=most,
        placeholder=" …",
        break_on_hyphens=False,
    )
    heads = [f"{label:<{_LABEL}}", *(" " * _LABEL for _ in lines[1:])]
    return [Text.assemble((head, style), line) for head, line in zip(heads, lines, strict=True)]


def _sparklines(record: Record, width: int, ink: Ink) -> list[Text]:
    from rich.text import Text

    shown: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("heap", heap(record).name, format_bytes),
        ("RSS", RSS_BYTES, format_bytes),
        ("rate", RATE_PER_S, format_rate),
        ("in flight", POOL_IN_FLIGHT, format_count),
    )
    lines = []
    for name, column, show in shown:
        values = record.samples[column]
        values = values[np.isfinite(values)]
        if values.size < 2:
            continue
        spread = f"{show(float(values.min()))} to {show(float(values.max()))}"
        wide = min(_WIDEST_SPARK, width - _LABEL - len(spread) - 2)
        if wide < 4:
            continue
        spark = sparkline([float(v) for v in extremes(values, wide)], ink)
        lines.append(Text.assemble((f"{name:<{_LABEL}}", "dim"), (spark, "blue"), f"  {spread}"))
    return lines


def extremes(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """At most ``count`` of ``values``, shape (count,): of each stretch the one farthest from the median of
    all, so that no spike and no dip is lost."""
    if values.size <= count:
        return values
    middle = np.median(values)
    stretches = np.array_split(values, count)
    return np.array([part[np.abs(part - middle).argmax()] for part in stretches])


def _figures(record: Record, result: Result) -> list[tuple[str, str]]:
    return [
        *(_packet_figures(record, result) if record.can("packets") else []),
        *(_pool_figures(result) if record.can("pool") else []),
        *_memory_figures(record),
        *([] if record.can("worker") else _process_figures(record, result)),
    ]


def _packet_figures(record: Record, result: Result) -> list[tuple[str, str]]:
    found, seen = result.totals, delivery(record, result.totals)
    per_s = "" if seen.rate_per_s is None else f", {format_rate(seen.rate_per_s)}"
    duration = _known(seen.streamed_s, format_duration)
    data = _known(found[ENGINE_DELIVERED_BYTES], format_bytes)
    if not record.can("worker"):
        known = [
            f"{format_count(number)} {name.partition('.')[2]}"
            for name in (ENGINE_CAPTURED, ENGINE_DELIVERED, ENGINE_DROPS, CONSUMER_RECEIVED)
            if (number := found[name]) is not None
        ]
        due = [] if seen.due is None else [f"{format_count(seen.due)} {seen.owed}"]
        return [("packets", ", ".join(dict.fromkeys([*known, *due])) + per_s)]
    return [
        ("packets", f"{_count(seen.delivered)} delivered of {_count(seen.due)} due{per_s}"),
        ("stream", f"{duration}, {data}"),
    ]


def _pool_figures(result: Result) -> list[tuple[str, str]]:
    found = result.totals
    rate = f", {said}" if (said := hit_rate_said(found)) else ""
    return [
        (
            "pool",
            f"{_count(found['pool.slots'])} slots, high water {_count(found['pool.high_water'])}, "
            f"{_count(found['pool.in_flight'])} in flight{rate}",
        )
    ]


def _memory_figures(record: Record) -> list[tuple[str, str]]:
    counted = heap(record)
    bytes_in_use, rss = gauge(record, counted.name), gauge(record, RSS_BYTES)
    both = ((counted.label or counted.name, bytes_in_use), ("RSS", rss))
    shown = next(((name, g) for name, g in both if g is not None), None)
    if record.can("worker") and bytes_in_use is None:
        return [("memory", "heap not measured")]
    if shown is None:
        return []
    name, found = shown
    since = f"{BYTES.signed(found.delta)} since warm-up"
    return [("memory", f"{name} {format_bytes(found.final)}, {since}")]


def _process_figures(record: Record, result: Result) -> list[tuple[str, str]]:
    """What the system says of a program that need not count anything itself."""
    cores = mean_cores(record)
    most = {name: highest(record, name) for name in ("fds", "threads", "children")}
    used = [] if cores is None else [f"{cores:.1%} of a core"]
    lasted = [] if result.end.elapsed_s is None else [format_duration(result.end.elapsed_s)]
    return [
        *([("ran", ", ".join([*lasted, *used]))] if lasted or used else []),
        *([("at most", held)] if (held := opened(most)) else []),
    ]


def _known(value: float | None, show: Callable[[float], str]) -> str:
    return "not measured" if value is None else show(value)


def _count(value: float | None) -> str:
    return _known(value, format_count)
