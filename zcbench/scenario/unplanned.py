"""The scenario of a subject that zcbench only watches: nothing is known of its stream and its pool."""

from __future__ import annotations

import msgspec

from zcbench.scenario.tables import ConsumerTable, GcTable, PoolTable, Scenario, SourceTable

EXTERNAL = "external"  # scenario.engine of such a subject


def unplanned(scenario: Scenario) -> Scenario:
    """``scenario`` without what only an engine of ours reads, whose defaults would be taken for a plan."""
    return msgspec.structs.replace(
        scenario,
        engine=EXTERNAL,
        fault=None,
        source=SourceTable(unpaced=True),  # no pace to judge by
        pool=PoolTable(),
        # "hold": how long its application keeps a packet, and whether that grows, is its own affair.
        consumer=ConsumerTable(kind="hold", verify=False),
        gc=GcTable(),
    )
