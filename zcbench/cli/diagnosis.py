"""``--diagnose``: a leak that was found is run for again, with what allocates it traced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zcbench.quantities.names import PYTHON_BLOCKS
from zcbench.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Finding, Result
    from zcbench.soak.heap_trace import Tool

NATIVE = "native"  # the cause of a leak in malloc: only there heaptrack can tell who allocates
_WITHOUT = (
    "--diagnose names the places of a native program by heaptrack, which is not on the search path here: "
    "apt install heaptrack (dnf, pacman: the same name)"
)
_OUTSIDE = "--diagnose: what leaks is not in malloc, the only memory whose places heaptrack knows"
_NO_SITE = (
    "--diagnose: heaptrack saw no place that holds more and more; it follows the process that the command is, "
    "not what that starts: give the program itself, not a shell or a script around it"
)


def check_diagnosis(scenario: Scenario) -> None:
    """Whether a second run could tell where memory is allocated. Raises ScenarioError."""
    if scenario.subject.kind == "attached":
        raise ScenarioError(
            "--diagnose: follows what Python allocates from its start; give the command that starts it: "
            "-- python service.py"
        )
    if scenario.source.unpaced:
        raise ScenarioError(
            "--diagnose: tracemalloc makes a packet five times as dear, which an unpaced run would only "
            "measure; use --speed"
        )


def diagnose_leak(
    scenario: Scenario,
    record: Record,
    result: Result,
    directory: Path,
    out: Path | None,
    root: Path | None,
    quiet: bool,
) -> bool:
    """Run ``scenario`` again if ``result`` says that memory leaks and something can trace it; what it found is
    added to ``directory``. Whether anything was."""
    leak = _leak(result)
    if leak is None or record.run.tracemalloc:
        return False
    if record.run.subject.kind != "command" or PYTHON_BLOCKS in record.samples:
        return _run_again(traced(scenario), "tracemalloc", None, directory, out, root, quiet)
    from zcbench.soak.heap_trace import find_tool

    tool = find_tool()
    if leak.cause != NATIVE or tool is None:
        click.echo(f"zcbench: {_OUTSIDE if leak.cause != NATIVE else _WITHOUT}", err=True)
        return False
    return _run_again(_unmetered(scenario), "heaptrack", tool, directory, out, root, quiet)


def _leak(result: Result) -> Finding | None:
    from zcbench.verdict.checks import MEMORY

    return next((f for f in result.findings if f.check == MEMORY.name and f.outcome == "fail"), None)


def _run_again(
    scenario: Scenario,
    by: str,
    tool: Tool | None,
    directory: Path,
    out: Path | None,
    root: Path | None,
    quiet: bool,
) -> bool:
    from zcbench.cli.closing import close
    from zcbench.cli.running import run_into
    from zcbench.record.schema import EventKind
    from zcbench.record.writer import RUNS_ROOT, append_event, create_run_directory

    if not quiet:
        click.echo(f"zcbench: memory leaks; once more with {by} to find where", err=True)
    second = create_run_directory(
        None if out is None else out.with_name(f"{out.name}-diagnosis"), root or RUNS_ROOT, scenario.name
    )
    if tool is None:
        run_into(scenario, second, quiet)
    else:
        _run_under_heaptrack(scenario, second, quiet, tool)
    kinds = (EventKind.ALLOCATIONS, EventKind.NATIVE_ALLOCATIONS)
    found = [event for event in close(second)[0].events if event.kind in kinds]
    for event in found:
        append_event(directory, event)
    return bool(found)


def _run_under_heaptrack(scenario: Scenario, directory: Path, quiet: bool, tool: Tool) -> None:
    import msgspec

    from zcbench.cli.running import run_into
    from zcbench.record.schema import Event, EventKind
    from zcbench.record.writer import append_event
    from zcbench.soak.heap_trace import HeapTrace

    with HeapTrace(tool, scenario.duration) as trace:
        environment = {**scenario.subject.env, **trace.variables}
        subject = msgspec.structs.replace(scenario.subject, env=environment)
        run_into(msgspec.structs.replace(scenario, subject=subject), directory, quiet)
    if not trace.sites:
        click.echo(f"zcbench: {trace.error or _NO_SITE}", err=True)
        return
    message = f"{len(trace.sites)} places hold more and more native memory (heaptrack)"
    data = {"sites": trace.sites}
    append_event(
        directory,
        Event(elapsed_s=scenario.duration, kind=EventKind.NATIVE_ALLOCATIONS, message=message, data=data),
    )


def _unmetered(scenario: Scenario) -> Scenario:
    """``scenario`` with nothing else preloaded."""
    import msgspec

    subject = msgspec.structs.replace(scenario.subject, probes=("none",))
    return msgspec.structs.replace(scenario, name=f"{scenario.name}-diagnosis", subject=subject)


def traced(scenario: Scenario) -> Scenario:
    """``scenario`` with Python's allocations traced, and native ones where memray is installed."""
    import msgspec

    from zcbench.probes.cpython.recognise import TRACING_VARIABLE
    from zcbench.subjects.inside.native_sites import available

    name = f"{scenario.name}-diagnosis"
    if scenario.subject.kind == "command":
        environment = {**scenario.subject.env, TRACING_VARIABLE: "1"}
        subject = msgspec.structs.replace(scenario.subject, env=environment)
        return msgspec.structs.replace(scenario, name=name, subject=subject)
    sampling = msgspec.structs.replace(scenario.sampling, tracemalloc=True, memray=available())
    return msgspec.structs.replace(scenario, name=name, sampling=sampling)
