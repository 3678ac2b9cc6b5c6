"""An application that reads now and then, and then everything."""

from __future__ import annotations

from zcbench.consumers.consumer import Option, Traits
from zcbench.consumers.kinds.immediate import Immediate
from zcbench.quantities.parsing import Duration


class Burst(Immediate):
    """Reads everything that is there, then nothing for ``every`` seconds."""

    traits = Traits(
        keeps_packets=False,
        in_bursts=True,
        rhythm="every",
        options=(Option("every", Duration(0.1), "read every T"),),
    )

    def __init__(self, every: float) -> None:
        self.pause_s = every
