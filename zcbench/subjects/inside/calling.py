"""A callable as the subject, in the worker: called at a rate, or as fast as it returns, until the stop."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zcbench.page
from zcbench.clock import now_ns
from zcbench.page.layout import State
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import CALLS_MADE
from zcbench.record.schema import SCOREBOARD_FILE, EventKind, Phase, RunInfo
from zcbench.scenario import SubjectTable
from zcbench.subjects.inside.leftovers import leave_what_is_there, tell_left, tell_open
from zcbench.subjects.inside.probes import GcWatch, probes_of
from zcbench.subjects.inside.stopping import Stop, obey
from zcbench.subjects.inside.target import find
from zcbench.subjects.inside.written_files import WrittenFiles

TOOK = "calls.took_ns"  # a histogram


def run(directory: Path, run: RunInfo, note: Any) -> None:
    """Call what ``run`` names until the supervisor says stop. Raises what the callable raises."""
    table = run.scenario.subject
    board = Scoreboard.open(directory / SCOREBOARD_FILE, writable=True)
    board["phase"] = Phase.STARTING
    stop = Stop()
    threading.Thread(target=obey, args=(stop,), name="zcbench-control", daemon=True).start()
    if run.tracemalloc:
        tracemalloc.start(1)
    written = WrittenFiles(Path(tempfile.gettempdir()))
    page = zcbench.page.open()
    with _prepared(table) as call:
        if run.gc_every_s is not None:
            leave_what_is_there()
        watch = GcWatch(board, note)
        probes = probes_of(run, directory, board, None, watch, note)
        stop.first = probes.tell_growth
        probes.start()
        tell_open("before the stream", note)
        board["phase"], page.state = Phase.RUNNING, State.READY
        note(EventKind.PHASE, "running", {})
        _call(call, table.rate, page, stop)
        probes.tell_growth()
        board["phase"], page.state = Phase.DRAINING, State.DRAINING
        note(EventKind.PHASE, "draining", {})
    tell_left(written, note)
    probes.stop()
    watch.stop()
    board["phase"], page.state = Phase.DONE, State.DONE


@contextlib.contextmanager
def _prepared(table: SubjectTable) -> Iterator[Callable[[], Any]]:
    """The callable, given what its setup returned if there is one; its teardown is called at the end."""
    function = find(table.call or "")
    setup = None if table.setup is None else find(table.setup)
    teardown = None if table.teardown is None else find(table.teardown)
    given = () if setup is None else (setup(),)
    try:
        yield lambda: function(*given)
    finally:
        if teardown is not None:
            teardown(*given)


def _call(call: Callable[[], Any], rate: float | None, page: Any, stop: threading.Event) -> None:
    """Call at each deadline; one that was missed is not made up for, so that the rate is never exceeded."""
    made, took = page.total(CALLS_MADE, "calls", "worker"), page.histogram(TOOK)
    period_ns = 0 if rate is None else round(1e9 / rate)
    due = now_ns()
    while not stop.is_set():
        began = now_ns()
        if began < due:
            if stop.wait((due - began) / 1e9):
                return
            began = now_ns()
        call()
        made.add()
        took.record(now_ns() - began)
        due = max(due + period_ns, began)
