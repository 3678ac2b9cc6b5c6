"""``zcbench watch``: a run seen from another terminal."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from zcbench.cli import complete
from zcbench.exit_codes import ExitCode

if TYPE_CHECKING:
    from types import FrameType

    from zcbench.record.follow import Follower
    from zcbench.record.schema import End, Event
    from zcbench.render.heartbeat import Heartbeat
    from zcbench.render.live import LiveView

LOOK_EVERY_S = 0.5
# Without a sample for three of its intervals and this long, a supervisor is dead, or was stopped.
SILENT_S = 15.0


@click.command("watch")
@click.argument("run", shell_complete=complete.run, required=False, type=click.Path(path_type=Path))
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where to look for the latest run (default: reports/runs)")  # fmt: skip
@click.option("--once", is_flag=True, help="print one picture on stdout, and leave")
def command(run: Path | None, root: Path | None, once: bool) -> None:
    """Watch RUN, the latest if none is named, until it ends; Ctrl-C leaves it alone.

    Only reads: a run does not notice how often it is watched. Of a run that is over the summary is
    printed. Ends with 0, or with 3 if nobody writes the record any more.
    """
    from zcbench.record.follow import Follower
    from zcbench.record.reader import latest_run
    from zcbench.record.writer import RUNS_ROOT

    directory = run or latest_run(root or RUNS_ROOT)
    follower = Follower(directory)
    if once:
        _print_once(follower)
        return
    from zcbench.cli.terminal import view

    try:
        with _CtrlC() as ctrl_c, view() as shown:
            end = _follow(follower, shown, ctrl_c)
    except KeyboardInterrupt:
        print(f"zcbench: left; the run goes on. To watch again: zcbench watch {directory}", file=sys.stderr)
        return
    if end is None:
        print(
            f"zcbench: {directory}: nobody has written a sample for {SILENT_S:.0f} s and more: the "
            f"supervisor was killed or stopped; `zcbench report {directory}` says what there is",
            file=sys.stderr,
        )
        sys.exit(ExitCode.HARNESS)
    _print_summary(directory)


class _CtrlC:
    """Ctrl-C, also where Python drops it: a KeyboardInterrupt raised in a finaliser or in a weak reference's
    callback, of which every import has some, is printed and forgotten."""

    def __init__(self) -> None:
        self._came = False

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is signal.default_int_handler:  # else it is ignored, or somebody else's
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._before is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise it again if it came."""
        if self._came:
            raise KeyboardInterrupt


def _follow(follower: Follower, shown: LiveView | Heartbeat, ctrl_c: _CtrlC) -> End | None:
    """Show the run until it ends; None if it falls silent."""
    from zcbench.record.follow import end_of

    shown.on_start(follower.run)
    silent_s = SILENT_S + 3 * follower.run.scenario.sampling.every
    # In looks, not by the clock: a machine that slept gives the supervisor its time again.
    unheard_s = 0.0
    row: dict[str, int | float | None] = {}
    while True:
        ctrl_c.check()
        rows, events = follower.rows(), follower.events()
        for event in events:
            end = end_of(event)
            if end is not None:
                shown.on_end(end)
                return end
            if _is_news(event):
                shown.on_event(event)
        unheard_s = 0.0 if rows or events else unheard_s + LOOK_EVERY_S
        if unheard_s > silent_s:
            return None
        for row in rows:
            shown.on_sample(row)
        if row and not rows:  # between two samples the page knows better
            shown.on_page(row | follower.now())
        time.sleep(LOOK_EVERY_S)


def _is_news(event: Event) -> bool:
    from zcbench.record.schema import FOR_A_CLOSER_LOOK

    return event.kind not in FOR_A_CLOSER_LOOK


def _print_once(follower: Follower) -> None:
    from rich.console import Console

    from zcbench.render.live import LiveView

    terminal = Console()
    # Not entered as a context: it draws nothing by itself, only the picture that is asked for.
    shown = LiveView(terminal)
    shown.on_start(follower.run)
    row: dict[str, int | float | None] = {}
    for row in follower.rows():
        shown.on_sample(row)
    for event in follower.events():
        if _is_news(event):
            shown.on_event(event)
    shown.on_page(row | follower.now())
    terminal.print(shown.picture(), highlight=False)


def _print_summary(directory: Path) -> None:
    from zcbench.cli.baseline import judged
    from zcbench.cli.terminal import print_summary
    from zcbench.record.reader import read_record
    from zcbench.render.formats import FORMATS, report_paths

    record = read_record(directory)
    readable = [name for name in FORMATS if name != "json"]
    written = [path for path in report_paths(readable, directory) if path.is_file()]
    print_summary(record, judged(record), written)
