"""``--github``: what a run leaves for the GitHub job that it is a step of.

Only when asked, and not whenever GITHUB_ACTIONS is set: a step may run zcbench a hundred times.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render import github, markdown
from zcbench.render.content.verdict import headline


def tell_github(record: Record, result: Result, report: Path) -> None:
    """Append to the job's step summary and outputs, and annotate it.

    Annotations go to stderr: stdout is for what a program reads (the report's path, ``--json``), and the runner
    looks for commands in both. What cannot be written is said, and changes no exit code.
    """
    for line in github.workflow_commands(record, result):
        print(line, file=sys.stderr)
    sys.stderr.flush()
    text = markdown.render(record, result)  # without figures: their links lead nowhere there
    _append("GITHUB_STEP_SUMMARY", lambda used: _summary(text, used))
    values = {
        "verdict": result.verdict,
        "exit-code": str(result.exit_code),
        "headline": headline(result),
        "report": str(report),
        "run": str(record.path),
    }
    _append("GITHUB_OUTPUT", lambda _used: github.outputs(values))


def _summary(text: str, used: int) -> str:
    cut = github.step_summary(text, github.SUMMARY_BYTES - used)
    if not cut:
        click.echo("zcbench: the step summary is full; the report is not in it", err=True)
    return cut


def _append(variable: str, text_after: Callable[[int], str]) -> None:
    """Append to the file that ``variable`` names what ``text_after`` makes of its present size in bytes."""
    name = os.environ.get(variable)
    if not name:
        click.echo(f"zcbench: --github: {variable} is not set here, so it gets nothing", err=True)
        return
    try:
        with Path(name).open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            # What an earlier command left without a line's end must not swallow our first line.
            file.seek(max(0, size - 1))
            start = b"" if file.read(1) in (b"", b"\n") else b"\n"
            file.write(start + text_after(size + len(start)).encode())
    except OSError as error:
        click.echo(f"zcbench: {variable}: {name}: {error.strerror}", err=True)
