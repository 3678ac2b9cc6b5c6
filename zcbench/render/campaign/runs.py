"""The figures of each run side by side: the section "Results"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from zcbench.analysis import memory
from zcbench.analysis.delivery import delivery
from zcbench.quantities.names import (
    CONSUMER_CHECKED,
    CONSUMER_GAPS,
    CONSUMER_RECHECKED,
    ENGINE_DELIVERED,
    ENGINE_DELIVERED_BYTES,
    ENGINE_DROPS,
    POOL_HIGH_WATER,
    POOL_HITS,
    POOL_MISSES,
    POOL_RETURNS,
    POOL_SLOTS,
    RSS_BYTES,
)
from zcbench.quantities.units import MISSING
from zcbench.render.content.cells import (
    count,
    nanoseconds,
    rate,
    seconds,
    share,
    signed_size,
    size,
    text,
    together,
)
from zcbench.render.content.document import (
    Beside,
    Block,
    Cell,
    Column,
    Section,
    Table,
    columns,
    paragraph,
)
from zcbench.render.content.verdict import commit, headline, outcome_cell
from zcbench.verdict.readiness import Campaign, Judged

Value = Callable[[Judged], Cell]


def section(campaign: Campaign, *, has_reports: bool) -> Section:
    """Every run of the campaign; with links to their own reports, where those lie beside this one."""
    blocks: list[Block] = [comparison(campaign.runs)]
    if has_reports:
        links = [Beside(run.name, report_of(run)) for run in (*campaign.before, *campaign.runs)]
        spans = [part for link in links for part in (link, ", ")][:-1]
        blocks.append(paragraph("The report of each run: ", *spans, "."))
    return Section("Results", tuple(blocks))


def report_of(run: Judged) -> str:
    """Where a run's own report lies beside the campaign's, without its suffix."""
    return f"runs/{run.name}/report"


def comparison(runs: Sequence[Judged]) -> Table:
    """The original's table of results, a column for each run."""
    return Table(
        f"{', '.join(run.name for run in runs)} side by side",
        (Column("", "left"), *(Column(run.name) for run in runs)),
        tuple((text(title), *(value(run) for run in runs)) for title, value in _rows(runs)),
    )


def totals(runs: Sequence[Judged]) -> tuple[int, int | None, float, float]:
    """Packets delivered, packets due (None if one of ``runs`` cannot say), bytes delivered, seconds of run."""
    delivered = sum(int(run.result.totals[ENGINE_DELIVERED] or 0) for run in runs)
    dues = [_due_packets(run) for run in runs]
    due = None if any(d is None for d in dues) else sum(int(d or 0) for d in dues)
    octets = sum(run.result.totals[ENGINE_DELIVERED_BYTES] or 0 for run in runs)
    return delivered, due, octets, sum(run.length_s for run in runs)


def _due_packets(run: Judged) -> float | None:
    """What was due by the end; of a run that died, only what was due at its last sample is known."""
    seen = delivery(run.record, run.result.totals)
    return seen.due if seen.delivered == run.result.totals[ENGINE_DELIVERED] else None


def _total(name: str, show: Callable[[float | int | None], Cell]) -> Value:
    return lambda run: show(run.result.totals[name])


def _derived(name: str, show: Callable[[float | int | None], Cell]) -> Value:
    return lambda run: show(run.result.derived.get(name))


def _heap_delta(run: Judged) -> Cell:
    gauge = memory.gauge(run.record, memory.heap(run.record).name)
    return Cell(MISSING) if gauge is None else signed_size(gauge.delta)


def _scenario(attribute: str) -> Value:
    return lambda run: text(getattr(run.record.run.scenario, attribute) or MISSING)


def _engine(run: Judged) -> Cell:
    info = run.record.run
    return text(info.scenario.engine if info.subject.kind == "engine" else MISSING)


def _subject(run: Judged) -> Cell:
    info = run.record.run
    return text(MISSING if info.subject.kind == "engine" else info.about)


def _consumer(run: Judged) -> Cell:
    info = run.record.run
    if info.subject.kind != "engine":
        return Cell(MISSING)
    holding_s = info.application.holding_s
    kept = "" if holding_s is None else f" {seconds(holding_s).text}"
    return text(info.scenario.consumer.kind + kept)


def _compared_bytes(run: Judged) -> Cell:
    found = run.result.totals
    return together(count(found[CONSUMER_CHECKED]), count(found[CONSUMER_RECHECKED]))


_ROWS: tuple[tuple[str, Value], ...] = (
    ("Verdict", lambda run: outcome_cell(run.result.verdict)),
    ("Because", lambda run: text(headline(run.result))),
    ("Scenario", _scenario("name")),
    ("Fault planted", _scenario("fault")),
    ("Engine", _engine),
    ("Subject", _subject),
    ("Application", _consumer),
    ("Ended", lambda run: text(run.result.end.ending.value)),
    ("Duration", lambda run: seconds(run.result.end.elapsed_s)),
    ("Packets delivered", _total(ENGINE_DELIVERED, count)),
    ("Packets due", lambda run: count(_due_packets(run))),
    ("Average rate", lambda run: rate(delivery(run.record, run.result.totals).rate_per_s)),
    ("Drops", _total(ENGINE_DROPS, count)),
    ("Gaps", _total(CONSUMER_GAPS, count)),
    ("Compared on delivery, before return", _compared_bytes),
    ("Pool slots", _total(POOL_SLOTS, count)),
    ("Pool hits", _total(POOL_HITS, count)),
    ("Pool misses", _total(POOL_MISSES, count)),
    ("Hit rate", _derived("pool.hit_rate", share)),
    ("Returns", _total(POOL_RETURNS, count)),
    ("High water", _total(POOL_HIGH_WATER, count)),
    ("Delivery p50", _derived("delivery.p50", nanoseconds)),
    ("Delivery p99", _derived("delivery.p99", nanoseconds)),
    ("Delivery max", _derived("delivery.max", nanoseconds)),
    ("CPU, of one core", _derived("cpu", share)),
    ("Harness's CPU, of one core", _derived("harness_cpu", share)),
    ("Heap delta (no verdict: see memory)", _heap_delta),
    ("RSS at the end", _total(RSS_BYTES, size)),
)


def _rows(runs: Sequence[Judged]) -> Iterator[tuple[str, Value]]:
    """Those of engines alone have no word for another subject."""
    for title, value in _ROWS:
        if value is not _subject or any(run.record.run.subject.kind != "engine" for run in runs):
            yield title, value


def environments(campaign: Campaign) -> Section:
    """Where and with what each run was made."""
    rows = []
    for run in (*campaign.before, *campaign.runs):
        info = run.record.run
        where = info.environment
        # A log was read in some folder, on some machine: neither is that of what wrote it.
        theirs = info.subject.kind == "imported"
        machine = f"{where.system}, {where.processor}, {count(where.cores).text} cores"
        rows.append(
            (
                text(run.name),
                text(info.started_at),
                text(f"{where.zcbench}, {(None if theirs else commit(where)) or MISSING}"),
                text(MISSING if theirs else where.python),
                text(MISSING if theirs else machine),
            )
        )
    table = Table(
        "Environments",
        columns("<Run", "<Started", "<zcbench, commit", "<Python", "<Machine"),
        tuple(rows),
    )
    return Section("Environment", (table,))
