"""CPython: its objects, collections and event loops, read by a module of ours in each process.

Recognised by the executable's name, or libpython in its map. A command is started with a folder of ours first
on PYTHONPATH, whose ``sitecustomize`` begins the readings; a process that runs already is asked to by Python
itself (``sys.remote_exec``, 3.14). docs/probes.md says what it reads and costs, and where it cannot.
"""

from __future__ import annotations

from zcbench.probes.probe import Probe
from zcbench.probes.runtimes import Setting


def make(setting: Setting) -> Probe:
    """The probe of CPython processes."""
    from zcbench.probes.cpython.probe import CPythonProbe

    return CPythonProbe(setting)
