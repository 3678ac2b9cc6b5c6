"""What a run shows on stderr: the live view or heartbeat lines while it goes on, a summary at its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result
    from zcbench.render.heartbeat import Heartbeat
    from zcbench.render.live import LiveView


def view() -> LiveView | Heartbeat:
    """The live view on a terminal, else heartbeat lines; a context, and an observer of the run."""
    from zcbench.render.heartbeat import Heartbeat
    from zcbench.render.live import LiveView

    if sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
        return LiveView()
    return Heartbeat()


def print_summary(record: Record, result: Result, reports: Sequence[Path]) -> None:
    """The closing summary of a run whose ``reports`` were written."""
    from rich.console import Console

    from zcbench.render.progress import ink_for
    from zcbench.render.summary import summary

    terminal = Console(stderr=True)
    for line in summary(record, result, reports, terminal.width, ink_for(terminal.encoding)):
        terminal.print(line, soft_wrap=True, highlight=False)
