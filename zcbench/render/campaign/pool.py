"""What the size of the pool did, run by run: the section "Pool-size comparison"."""

from __future__ import annotations

from zcbench.analysis.pool import ENOUGH_HITS, PoolBehaviour, behaviour
from zcbench.quantities.names import RSS_BYTES
from zcbench.quantities.units import MISSING, format_count
from zcbench.render.campaign import figures
from zcbench.render.content.cells import count, nanoseconds, share, size, text
from zcbench.render.content.document import Block, Cell, Section, Table, columns, paragraph
from zcbench.verdict.readiness import Campaign, Judged
from zcbench.verdict.readiness.of_runs import application


def section(campaign: Campaign) -> Section | None:
    """The runs by the size of their pool, and what Little's law says of each; None without a pool."""
    if not any(run.record.can("pool") for run in campaign.runs):
        return None
    seen = [(run, behaviour_of(run)) for run in campaign.runs]
    seen.sort(key=lambda pair: (pair[1].slots or 0, pair[0].name))
    table = Table(
        "Pool-size comparison",
        columns(
            "Slots",
            "<Run",
            "<Application",
            "Hits",
            "Misses",
            "Hit rate",
            "Uses of a slot",
            "High water",
            "Mean in flight",
            "Delivery p99",
            "RSS at the end",
            "Slots to take",
        ),
        tuple(_row(run, pool) for run, pool in seen),
    )
    blocks: list[Block] = [table]
    blocks += [paragraph(sentence) for run, pool in seen if (sentence := _sentence(run, pool))]
    blocks.append(
        paragraph(
            "Mean in flight is Little's law, rate × hold time; slots to take are the measured high water "
            "with a quarter to spare. A pool that gets its slots back uses each many times: as many hits as "
            "slots are the sign of one that does not."
        )
    )
    return Section("Pool-size comparison", tuple(blocks), figures=(figures.POOL,))


def behaviour_of(run: Judged) -> PoolBehaviour:
    """The pool's behaviour in ``run``."""
    return behaviour(run.record, run.result.totals)


def _row(run: Judged, pool: PoolBehaviour) -> tuple[Cell, ...]:
    uses = None if not pool.slots or pool.hits is None else pool.hits / pool.slots
    mean = pool.mean_in_flight
    return (
        count(pool.slots),
        text(run.name),
        text(application(run)),
        count(pool.hits),
        count(pool.misses),
        share(pool.hit_rate),
        Cell(MISSING) if uses is None else Cell(f"{uses:,.1f}", uses),
        count(pool.high_water),
        Cell(MISSING) if mean is None else Cell(f"{mean:.2f}", mean),
        nanoseconds(run.result.derived.get("delivery.p99")),
        size(run.result.totals[RSS_BYTES]),
        count(pool.slots_needed),
    )


def _sentence(run: Judged, pool: PoolBehaviour) -> str | None:
    if pool.hit_rate is None or pool.hit_rate >= ENOUGH_HITS or run.is_planted:
        return None
    if not pool.slots or not pool.slots_needed or (pool.hits or 0) <= pool.slots:
        return None
    return (
        f"{run.name}: {format_count(pool.slots)} slots are too few for {application(run)}; "
        f"{format_count(pool.slots_needed)} would have served every packet of that run."
    )
