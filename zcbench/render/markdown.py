"""The Markdown report: what a maintainer would attach to a release."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any

import jinja2
import msgspec

from zcbench.analysis import growth, laws, lifecycle, memory
from zcbench.analysis.delivery import delivery
from zcbench.analysis.pool import behaviour
from zcbench.metrics import BY_NAME
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Result
from zcbench.render.paths import arguments_without_folders, name_of, without_folders
from zcbench.scenario import Scenario, to_toml
from zcbench.units import format_bytes, format_count, format_duration, format_rate
from zcbench.verdict.wanting import unmeasured

Pair = tuple[Record, Result]

MAX_EVENTS = 40  # in the table; more are counted. A night of gc events is not read line by line
DATA_EVENTS = (
    "end",
    "resources",
    "allocations",
    "native_allocations",
)  # what they hold stands in tables of its own
MISSING = "–"
VERDICTS = {
    "pass": "✅ PASS",
    "fail": "❌ FAIL",
    "inconclusive": "❔ INCONCLUSIVE",
    "skipped": "– skipped",
}


def render(record: Record, result: Result) -> str:
    """The report of one run."""
    return _template("report.md.j2").render(_context(record, result))


def render_many(pairs: Sequence[Pair]) -> str:
    """One report over several runs: a comparison table, then each run's own report."""
    rows = [
        [label, *(value(record, result) for record, result in pairs)] for label, value in COMPARED
    ]
    return _template("comparison.md.j2").render(
        names=[record.path.name for record, _ in pairs],
        rows=rows,
        reports=[render(record, result) for record, result in pairs],
    )


def headline(result: Result) -> str:
    """The verdict's reason in one sentence: the worst finding's, or what was asked and found sound."""
    for outcome in ("fail", "inconclusive"):
        for finding in result.findings:
            decides = finding.level == "fail" if outcome == "fail" else finding.required
            if finding.outcome == outcome and decides:
                return finding.sentence
    passed = sum(finding.outcome == "pass" for finding in result.findings)
    unknown = sum(finding.outcome == "inconclusive" for finding in result.findings)
    rest = f", {unknown} could not be judged in this run" if unknown else ""
    return f"{passed} of {len(result.findings)} checks passed, none failed{rest}"


def _context(record: Record, result: Result) -> dict[str, Any]:
    found, scenario = result.totals, record.run.scenario
    seen = delivery(record, found)
    pool = behaviour(record, found, seen.streamed_s)
    heap = memory.heap_column(record)
    balances = laws.balances(record, found)
    gauges = [
        g
        for name in ("python_heap_bytes", "native_heap_bytes", "rss_bytes", "uss_bytes")
        if (g := memory.gauge(record, name)) is not None
    ]
    events = [event for event in record.events if event.kind not in DATA_EVENTS]
    shown = (
        events
        if len(events) <= MAX_EVENTS
        else [*events[: MAX_EVENTS // 2], *events[-MAX_EVENTS // 2 :]]
    )
    return {
        "record": record,
        "run": record.run,
        "scenario": scenario,
        "result": result,
        "end": result.end,
        "partial": result.end.ending is Ending.PARTIAL,
        "headline": headline(result),
        "verdict": VERDICTS[result.verdict],
        "outcomes": VERDICTS,
        "mark": mark,
        "findings": sorted(result.findings, key=_severity),
        "total": found,
        "delivery": seen,
        "pool": pool,
        "adaptive": scenario.pool.policy == "adaptive" and pool.sizes is not None,
        "heap": next((g for g in gauges if g.name == heap), None),
        "heap_name": "Python heap" if record.run.tracemalloc else "native heap",
        "gauges": gauges,
        "gauge_names": {name: _title(name) for name in BY_NAME},
        "profile": memory.profile(record),
        "growths": growth.growths(record),
        "sites": growth.largest_sites(record),
        "native_sites": growth.largest_sites(record, "native_allocations"),
        "packets_per_s": growth.packets_per_s(record, found),
        "stages": lifecycle.lifecycle(record, found),
        "balances": balances,
        "reconciles": all(balance.holds is not False for balance in balances),
        "unmeasured": unmeasured(record, found) if record.run.ingested else {},
        "events": shown,
        "events_left_out": len(events) - len(shown),
        "harness": _harness(record, result),
        "command": _command(record),
        "toml": _toml(scenario),
    }


_SEVERITIES = ("fail", "inconclusive", "pass", "skipped")


def _severity(finding: Finding) -> tuple[int, bool]:
    return _SEVERITIES.index(finding.outcome), finding.level == "warn"


def mark(finding: Finding) -> str:
    """The outcome as a report shows it; a failure that only warns is no FAIL."""
    if finding.outcome == "fail" and finding.level == "warn":
        return "⚠️ WARN"
    return VERDICTS[finding.outcome]


def _title(name: str) -> str:
    special = {"rss_bytes": "RSS", "uss_bytes": "USS"}
    return special.get(name, name.removesuffix("_bytes").replace("_", " ").capitalize())


def _command(record: Record) -> str:
    """The command as typed, without the folders of the machine it was typed on."""
    return shlex.join(arguments_without_folders(record.run.command or ["zcbench"]))


def _toml(scenario: Scenario) -> str:
    """The scenario as resolved; its file is named, not located."""
    source = scenario.source
    if source.path is not None:
        source = msgspec.structs.replace(source, path=name_of(source.path))
    return to_toml(msgspec.structs.replace(scenario, source=source))


def _harness(record: Record, result: Result) -> dict[str, float | None]:
    """What watching cost: CPU shares are of one core, over the samples after the first."""
    samples = record.samples
    elapsed, cpu = samples["elapsed_s"], samples["supervisor_cpu_s"]
    late = samples["sample_late_s"][1:-1]
    seconds = float(elapsed[-1] - elapsed[0]) if elapsed.size > 1 else 0.0
    subject = samples["cpu_user_s"] + samples["cpu_system_s"]
    alive = subject[subject == subject]
    probe_ns = result.totals["probe.cost_ns"]
    return {
        "cpu": float(cpu[-1] - cpu[0]) / seconds if seconds else None,
        "probes": probe_ns / 1e9 / float(elapsed[-1])
        if probe_ns and elapsed.size and elapsed[-1]
        else None,
        "subject": float(alive[-1] - alive[0]) / seconds if seconds and alive.size > 1 else None,
        "rss": result.totals["supervisor_rss_bytes"],
        "late_max": float(late.max()) if late.size else None,
        "samples": float(elapsed.size),
    }


# -- the comparison's rows

Cell = Callable[[Record, Result], str]


def _total(name: str, show: Callable[[float], str]) -> Cell:
    return lambda _record, result: _show(result.totals[name], show)


def _heap_delta(record: Record, _result: Result) -> str:
    gauge = memory.gauge(record, memory.heap_column(record))
    return MISSING if gauge is None else signed_bytes(gauge.delta)


def _due(record: Record, result: Result) -> str:
    """What was due by the end; of a run that died, only what was due at its last sample is known."""
    seen = delivery(record, result.totals)
    whole = seen.delivered == result.totals["engine.delivered"]
    return _show(seen.due if whole else None, format_count)


def _hit_rate(_record: Record, result: Result) -> str:
    hits, misses = result.totals["pool.hits"] or 0, result.totals["pool.misses"] or 0
    return percent(hits / (hits + misses)) if hits + misses else MISSING


COMPARED: tuple[tuple[str, Cell], ...] = (
    ("Verdict", lambda _, result: VERDICTS[result.verdict]),
    ("Because", lambda _, result: cell(headline(result))),
    ("Scenario", lambda record, _: cell(record.run.scenario.name)),
    ("Fault planted", lambda record, _: cell(record.run.scenario.fault or MISSING)),
    ("Engine", lambda record, _: cell(record.run.scenario.engine)),
    ("Ended", lambda _, result: result.end.ending.value),
    ("Duration", lambda _, result: _show(result.end.elapsed_s, format_duration)),
    ("Packets delivered", _total("engine.delivered", format_count)),
    ("Packets due", lambda record, result: _due(record, result)),
    ("Drops", _total("engine.drops", format_count)),
    ("Gaps", _total("consumer.gaps", format_count)),
    ("Pool slots", _total("pool.slots", format_count)),
    ("Pool hits", _total("pool.hits", format_count)),
    ("Pool misses", _total("pool.misses", format_count)),
    ("Hit rate", _hit_rate),
    ("Returns", _total("pool.returns", format_count)),
    ("High water", _total("pool.high_water", format_count)),
    ("Heap delta", _heap_delta),
    ("RSS at the end", _total("rss_bytes", format_bytes)),
)


# -- filters


def _show(value: float | None, show: Callable[[float], str]) -> str:
    return MISSING if value is None else show(value)


def percent(fraction: float) -> str:
    """ "99.97 %": never rounded up to 100 nor down to 0."""
    value = fraction * 100
    if 0 < value < 0.01 or 99.995 <= value < 100:
        return f"{value:.4g} %" if value < 1 else f"{int(value * 1e4) / 1e4} %"
    return f"{value:.2f} %"


def signed_bytes(number: float) -> str:
    """ "+1.20 KiB": a difference always shows its sign."""
    return ("+" if number >= 0 else "-") + format_bytes(abs(number))


def cell(text: object) -> str:
    """Text from the record, safe inside a Markdown table: no cell ends early, no HTML, no line breaks."""
    flat = " ".join(without_folders(str(text)).split())
    return re.sub(r"([\\|`*_\[\]<>&#~])", r"\\\1", flat)


def fenced(text: str, language: str = "text") -> str:
    """Text from the record in a code fence that it cannot close."""
    text = without_folders(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("zcbench.render"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown: `cell` and `fenced` escape what comes from the record
    )
    environment.filters |= {
        "cell": cell,
        "fenced": fenced,
        "count": lambda v: _show(v, format_count),
        "bytes": lambda v: _show(v, format_bytes),
        "signed": lambda v: _show(v, signed_bytes),
        "duration": lambda v: _show(v, format_duration),
        "ns": lambda v: _show(v, lambda ns: format_duration(ns / 1e9)),
        "rate": lambda v: _show(v, format_rate),
        "growth": lambda v: _show(v, lambda per_s: f"{per_s:,.1f} B/s"),
        "percent": lambda v: _show(v, percent),
        "clock": lambda v: _show(v, clock),
    }
    return environment.get_template(name)


def clock(seconds: float) -> str:
    """ "1:02:30" or "2:30": a moment of the run."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
