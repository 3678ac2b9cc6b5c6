"""What was seen of a subject at its exit, and how that is called. The ways themselves: test_endings.py."""

from __future__ import annotations

from typing import Any

import pytest

from zcbench.record.schema import End, Ending, Event
from zcbench.soak import endings
from zcbench.soak.endings import Exit, end_of


def error(**data: Any) -> Event:
    return Event(elapsed_s=1.0, kind="error", message="the device went away", data=data)


TABLE = [
    ({}, Ending.FINISHED, None, "exited normally"),
    ({"is_done": False}, Ending.EXITED, None, "the worker exited before its time, with code 0"),
    ({"code": 3}, Ending.EXITED, None, "the worker exited with code 3"),
    ({"code": 3, "is_done": False}, Ending.EXITED, None, "the worker exited with code 3"),
    ({"code": 1, "error": error()}, Ending.FAILED, None, "the device went away"),
    ({"code": 1, "error": error(memory=True)}, Ending.MEMORY, None, "the device went away"),
    ({"code": -11}, Ending.CRASHED, "SIGSEGV", "the worker died of SIGSEGV"),
    (
        {"code": -9},
        Ending.CRASHED,
        "SIGKILL",
        "the worker died of SIGKILL (nobody here sent it; possibly the kernel, for memory)",
    ),
    (
        {"code": -9, "killed_for_memory": True},
        Ending.MEMORY,
        "SIGKILL",
        "killed by the kernel for memory",
    ),
    # the kernel's count is of a whole group: another signal than its own is a crash
    (
        {"code": -11, "killed_for_memory": True},
        Ending.CRASHED,
        "SIGSEGV",
        "the worker died of SIGSEGV",
    ),
    ({"aborted": "drops == 0 is broken: 4"}, Ending.ABORTED, None, "drops == 0 is broken: 4"),
    ({"interrupted_by": "SIGTERM"}, Ending.INTERRUPTED, "SIGTERM", "drained and ended on request"),
    # what was asked of it excuses no death
    ({"interrupted_by": "SIGINT", "code": -6}, Ending.CRASHED, "SIGABRT", None),
    ({"interrupted_by": "SIGINT", "is_done": False}, Ending.EXITED, None, None),
    ({"aborted": "drops == 0 is broken: 4", "code": 1}, Ending.EXITED, None, None),
    ({"aborted": "drops == 0 is broken: 4", "interrupted_by": "SIGINT"}, Ending.ABORTED, None, None),
    # an exception of Windows is a code there, and only there
    (
        {"code": 0xC0000005, "windows": True},
        Ending.CRASHED,
        "exception 0xC0000005",
        "the worker died of exception 0xC0000005",
    ),
    ({"code": 0xC0000005, "windows": False}, Ending.EXITED, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "ending", "signal", "message"), TABLE)
def test_what_was_seen_at_the_exit_decides_how_it_ended(
    facts: dict[str, Any], ending: Ending, signal: str | None, message: str | None
) -> None:
    seen = {"who": "the worker", "code": 0, "is_done": True, "windows": False, **facts}
    end = end_of(Exit(**seen))
    assert (end.ending, end.exit_code, end.signal) == (ending, seen["code"], signal)
    assert message is None or end.message == message


def test_a_crash_keeps_what_faulthandler_wrote_and_an_error_its_own_traceback() -> None:
    crashed = Exit(who="it", code=-11, is_done=False, faults="Fatal Python error", windows=False)
    assert end_of(crashed).traceback == "Fatal Python error"
    failed = Exit(who="it", code=1, is_done=False, faults="x", error=error(traceback="line 3"))
    assert end_of(failed).traceback == "line 3"


def test_what_the_supervisor_ends_itself_is_named_so() -> None:
    def named(end: End) -> tuple[Ending, str | None]:
        return end.ending, end.message

    assert named(endings.over_memory_limit(2048, 1024.0)) == (
        Ending.MEMORY, "killed: 2,048 bytes resident, limits.rss is 1,024",
    )  # fmt: skip
    assert endings.stopped_at_once("SIGINT").signal == "SIGINT"
    assert named(endings.hung("nothing moved", "stack")) == (Ending.HUNG, "nothing moved")
    assert endings.harness_failed("disk full").ending is Ending.HARNESS
