"""Go: the heap that each of its collections leaves, as the runtime prints it (GODEBUG=gctrace=1).

A command is asked to print by its environment where its file is a program of Go's, or where the probe is asked
for by its name. What a program answers over HTTP is read by ``--scrape`` (:mod:`zcbench.probes.go.pprof`), to
the byte, and says more.
"""

from __future__ import annotations

from zcbench.probes.probe import Probe
from zcbench.probes.runtimes import Setting


def make(setting: Setting) -> Probe:
    """The probe of a run."""
    from zcbench.probes.go.gctrace import GoProbe

    return GoProbe(setting)
