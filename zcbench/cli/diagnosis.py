"""``--diagnose``: a leak that was found is run for again, with what allocates it traced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zcbench.quantities.names import MALLOC_ALLOCATED_BYTES, MALLOC_ALLOCATIONS, PYTHON_BLOCKS
from zcbench.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Finding, Result
    from zcbench.soak.tracing import Tool

NATIVE = "native"  # the cause of a leak in malloc
_OWN = "an allocator of its own"  # in what the malloc meter says of a process that has one
_WITHOUT = (
    "--diagnose names the places of a native program by heaptrack, by jemalloc's profiler or by LeakSanitizer, "
    "and none is installed here: apt install heaptrack libjemalloc2 (dnf, pacman: heaptrack jemalloc)"
)
_OUTSIDE = "--diagnose: what leaks is not in malloc, the only memory whose places these tools know"
_UNPROFILED = (
    "--diagnose: the jemalloc that the program brings has no profiler: it is to be built with --enable-prof"
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
    brings_own = any(_OWN in event.message for event in record.events)
    tool = _find_tool(record, scenario.duration, brings_own)
    if tool is None or (leak.cause != NATIVE and not brings_own):
        click.echo(f"zcbench: {_WITHOUT if tool is None else _OUTSIDE}", err=True)
        return False
    return _run_again(_unmetered(scenario), tool.name, tool, directory, out, root, quiet)


def _find_tool(record: Record, duration_s: float, brings_own: bool) -> Tool | None:
    """What there is that fits best: heaptrack follows one process, jemalloc's profiler all of them."""
    from zcbench.analysis.inventories import process_names
    from zcbench.soak import heap_dumps, heap_trace, lost_blocks

    def dumps() -> Tool | None:
        library = heap_dumps.find_library()
        return (
            None
            if library is None and not brings_own
            else heap_dumps.HeapDumps(
                library,
                duration_s,
                allocated_bytes=_taken(record, MALLOC_ALLOCATED_BYTES),
                allocations=_taken(record, MALLOC_ALLOCATIONS),
            )
        )

    def trace() -> Tool | None:
        found = heap_trace.find_tool()
        return None if found is None else heap_trace.HeapTrace(found, duration_s)

    several = len(process_names(record)) > 1
    ways = (dumps, trace) if several or brings_own else (trace, dumps)
    return next((tool for way in (*ways, lost_blocks.find_tool) if (tool := way()) is not None), None)


def _taken(record: Record, name: str) -> float:
    """How much of a total a run made; 0 where nothing counted it."""
    known = [float(value) for value in record.samples.get(name, ()) if value == value]
    return known[-1] - known[0] if known else 0.0


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
        _run_under(tool, scenario, second, quiet)
    kinds = (EventKind.ALLOCATIONS, EventKind.NATIVE_ALLOCATIONS)
    found = [event for event in close(second)[0].events if event.kind in kinds]
    for event in found:
        append_event(directory, event)
    return bool(found)


def _run_under(tool: Tool, scenario: Scenario, directory: Path, quiet: bool) -> None:
    import msgspec

    from zcbench.cli.running import run_into
    from zcbench.record.schema import Event, EventKind
    from zcbench.record.writer import append_event

    with tool:
        environment = {**scenario.subject.env, **tool.variables}
        subject = msgspec.structs.replace(scenario.subject, env=environment)
        run_into(msgspec.structs.replace(scenario, subject=subject), directory, quiet)
        tool.look(directory)
    if not tool.sites:
        error = _UNPROFILED if _is_unprofiled(directory) else f"--diagnose: {tool.error}"
        click.echo(f"zcbench: {error}", err=True)
        return
    message = f"{tool.name}: {len(tool.sites)} place{'s' if len(tool.sites) > 1 else ''} {tool.what}"
    data = {"sites": tool.sites}
    append_event(
        directory,
        Event(elapsed_s=scenario.duration, kind=EventKind.NATIVE_ALLOCATIONS, message=message, data=data),
    )


def _is_unprofiled(directory: Path) -> bool:
    from zcbench.record.schema import STDERR_FILE
    from zcbench.soak.heap_dumps import UNPROFILED

    log = directory / STDERR_FILE
    return log.is_file() and UNPROFILED in log.read_bytes()


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
