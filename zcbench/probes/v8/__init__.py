"""Node from inside: V8's heap after settled collections, its foreign buffers, collections, the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zcbench.probes.probe import Probe
    from zcbench.probes.runtimes import Setting


def make(setting: Setting) -> Probe:
    """The probe of one run."""
    from zcbench.probes.v8.attached import AttachedNode
    from zcbench.probes.v8.launched import LaunchedNode

    return LaunchedNode(setting) if setting.launched else AttachedNode(setting)
