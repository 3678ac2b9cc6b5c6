"""The JVM's heap, direct buffers, metaspace, threads and collections: read from outside, without a JDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zcbench.probes.probe import Probe
    from zcbench.probes.runtimes import Setting


def make(setting: Setting) -> Probe:
    """The probe of a run."""
    from zcbench.probes.jvm.probe import JvmProbe

    return JvmProbe(setting.folder, gc_every_s=setting.gc_every_s, every_s=setting.sample_every_s)
