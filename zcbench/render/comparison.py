"""Two or more runs compared: Markdown for a person, CSV for a sheet, a few lines for a terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import msgspec

from zcbench.comparing.comparison import Compared, Comparison, Comparisons, Side, Verdict
from zcbench.quantities.units import MISSING, PPM, SHARE, unit_of
from zcbench.render.markdown import cell
from zcbench.render.spreadsheet import harmless

MARKS: dict[Verdict | None, str] = {
    "better": "✅ better",
    "worse": "❌ worse",
    "no evidence": "no evidence",
    "not comparable": "not comparable",
    None: MISSING,
}
_PER = 1000  # packets: what a rate of events is told in
MOST_NAMED = 5  # in a sentence


def markdown(compared: Comparisons) -> str:
    """The report of ``zcbench compare``; everything from a record is escaped."""
    parts = []
    if len(compared.comparisons) > 1:
        parts.append(_overview(compared))
    parts += [_one(comparison) for comparison in compared.comparisons]
    return "\n".join(parts)


def json(compared: Comparisons) -> str:
    """Everything, as :class:`zcbench.comparing.comparison.Comparisons` has it."""
    return msgspec.json.format(msgspec.json.encode(compared), indent=2).decode() + "\n"


def table(compared: Comparisons) -> str:
    """CSV, a row for each figure of each comparison; numbers are in the unit of their row."""
    fields = [f.name for f in msgspec.structs.fields(Compared)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["base_run", "new_run", *fields])
    for comparison in compared.comparisons:
        for one in comparison.compared:
            values = [getattr(one, field) for field in fields]
            writer.writerow(map(harmless, [comparison.base.name, comparison.new.name, *values]))
    return out.getvalue()


def sentence(comparison: Comparison) -> str:
    """ "worse in 2 figures (Hit rate, Drops), better in 1 (Misses); 20 without evidence"."""
    if comparison.verdict == "not comparable":
        return "nothing of the two can be compared"
    said = []
    for verdict in ("worse", "better"):
        titles = [one.title for one in comparison.compared if one.verdict == verdict]
        if titles:
            more = f" and {len(titles) - MOST_NAMED} more" if len(titles) > MOST_NAMED else ""
            said.append(f"{verdict} in {', '.join(titles[:MOST_NAMED])}{more}")
    verdicts = [one.verdict for one in comparison.compared]
    rest = f"no evidence of a difference in {verdicts.count('no evidence')} figures"
    if apart := verdicts.count("not comparable"):
        rest += f", {apart} not comparable"
    return "; ".join([*said, rest])


def change(one: Compared) -> str:
    """ "100 % → 61.2 % (−38.8 points; −40.1 to −37.5)"."""
    inside = difference(one)
    return f"{value(one, 0)} → {value(one, 1)}" + ("" if inside == MISSING else f" ({inside})")


def value(one: Compared, side: int) -> str:
    """What BASE (0) or NEW (1) has."""
    seen, among = ((one.base, one.base_of), (one.new, one.new_of))[side]
    if seen is None or isinstance(seen, str):
        return seen or MISSING
    if among is not None:
        return f"{seen:,.0f} of {among:,.0f}"
    return unit_of(one.unit or "").show(seen)


def difference(one: Compared) -> str:
    """The difference and its interval; of events, in 1,000 packets."""
    if one.difference is None or one.low is None or one.high is None:
        return MISSING
    if one.base_of is not None:
        if not one.base and not one.new:
            return "none"
        numbers = (_of_events(n * _PER) for n in (one.difference, one.low, one.high))
        return "{} in 1,000; {} to {}".format(*numbers)
    unit = unit_of(one.unit or "")
    told = unit.signed(one.difference)
    if isinstance(one.base, float) and one.base > 0 and unit not in (SHARE, PPM):
        told += f", {one.difference / one.base:+.0%}".replace("-", "−")
    return f"{told}; {unit.signed(one.low)} to {unit.signed(one.high)}"


def _of_events(rate: float) -> str:
    text = f"{rate:+,.0f}" if abs(rate) >= 100 else f"{rate:+.3g}"
    return text.replace("-", "−")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _overview(compared: Comparisons) -> str:
    rows = [
        f"| {cell(one.new.name)} | {MARKS[one.verdict]} | {cell(sentence(one))} |"
        for one in compared.comparisons
    ]
    base = cell(compared.comparisons[0].base.name)
    head = [f"# {len(rows)} runs against {base}", "", "| Run | | |", "|:--|:--|:--|"]
    return "\n".join([*head, *rows, "", ""])


def _one(comparison: Comparison) -> str:
    base, new = comparison.base, comparison.new
    out = [
        f"# {cell(new.name)} against {cell(base.name)}: {MARKS[comparison.verdict]}",
        "",
        f"**{cell(_upper(sentence(comparison)))}.**",
        "",
        f"| | BASE: {cell(base.name)} | NEW: {cell(new.name)} |",
        "|:--|--:|--:|",
        *(f"| {label} | {first} | {second} |" for label, first, second in _sides(base, new)),
        "",
    ]
    if comparison.differences:
        out += ["| What differs | BASE | NEW | What it may explain |", "|:--|:--|:--|:--|"]
        out += [
            f"| {cell(d.key)} | {cell(d.base)} | {cell(d.new)} | {', '.join(d.explains) or MISSING} |"
            for d in comparison.differences
        ]
        out.append("")
    sections = dict.fromkeys(one.section for one in comparison.compared)
    for section in sections:
        rows = [one for one in comparison.compared if one.section == section]
        out += _checks(rows) if section == "Checks" else _section(section, rows)
    out += [
        f"All intervals together hold with {comparison.confidence:.0%}. *no evidence*: chance explains it, or "
        "it is too small to matter; the interval says what may still be there. *not comparable*: what "
        "differs may explain it.",
        "",
    ]
    return "\n".join(out)


def _sides(base: Side, new: Side) -> Iterator[tuple[str, str, str]]:
    yield "Verdict of the run", base.verdict, new.verdict
    yield "Scenario", cell(base.scenario), cell(new.scenario)
    yield "Commit", cell(base.commit or MISSING), cell(new.commit or MISSING)
    yield "Started", cell(base.started_at), cell(new.started_at)


def _section(name: str, rows: Sequence[Compared]) -> list[str]:
    head = f"| {name} | BASE | NEW | Difference; interval | Verdict |"
    body = [
        f"| {cell(one.title)} | {cell(value(one, 0))} | {cell(value(one, 1))} | {difference(one)} "
        f"| {_verdict(one)} |"
        for one in rows
    ]
    return [head, "|:--|--:|--:|--:|:--|", *body, ""]


def _verdict(one: Compared) -> str:
    return MARKS[one.verdict] + (f": {cell(one.why)}" if one.why else "")


def _checks(rows: Sequence[Compared]) -> list[str]:
    """Those that answer differently, and how many do not."""
    changed = [one for one in rows if one.base != one.new]
    if not changed:
        return [f"All {len(rows)} checks answer as they did.", ""]
    head = ["| Check | BASE | NEW | Verdict |", "|:--|:--|:--|:--|"]
    body = [
        f"| {cell(one.title.removeprefix('check '))} | {value(one, 0)} | {value(one, 1)} | {_verdict(one)} |"
        for one in changed
    ]
    return [*head, *body, "", f"{len(rows) - len(changed)} other checks answer as they did.", ""]
