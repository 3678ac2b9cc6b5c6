"""What is said of a process that the subject had started, and that died of a crash."""

from __future__ import annotations

from zcbench.foreign import signal_name
from zcbench.probes.probe import Notice
from zcbench.record.schema import EventKind


def crashed_child(name: str, parent: str, pid: int, number: int, count: int = 1) -> Notice:
    """``count`` children of ``parent`` died of a crash, the last one ``name`` (``pid``) of signal ``number``. A
    name is "" where it is not known."""
    child = f"{name or 'a process'} ({pid})"
    whose = f", a child of {parent}," if parent else ""
    of = signal_name(number)
    message = f"{child}{whose} died of {of}"
    if count > 1:
        message += f", and {count - 1:,} more crashed"
    data = {"count": count, "pid": pid, "name": name, "parent": parent, "signal": of}
    return Notice(EventKind.CHILD_CRASH, message, data)
