"""The probes of runtimes: each is a folder here, with a function ``make`` in its package.

``make(setting)`` returns the :class:`~zcbench.probes.probe.Probe`. What it finds out, whether a process of the
subject is of its runtime at all, it finds out while it runs: one that finds none reads nothing, and no column
of the record, no line of a report comes from it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from zcbench.probes.probe import Probe


@dataclass(frozen=True)
class Setting:
    """What a runtime's probe is made for.

    ``folder`` is its own within the run directory, and is made when the probe needs it. ``gc_every_s`` is how
    often it collects, so that heaps can be compared; None: it never does. A process that was not ``launched``
    with the probe's variables runs already. ``program`` is the file that is started, None where that is not
    known; ``is_named`` is whether somebody asked for this probe by its name; ``is_scraped``, whether what the
    subject publishes over HTTP is read too.
    """

    folder: Path
    gc_every_s: float | None
    sample_every_s: float
    launched: bool
    program: str | None = None
    is_named: bool = False
    is_scraped: bool = False


def make(name: str, setting: Setting) -> Probe:
    """The probe of the runtime ``name``, one of :func:`zcbench.scenario.probes.runtimes`."""
    probe: Probe = importlib.import_module(f"zcbench.probes.{name}").make(setting)
    return probe
