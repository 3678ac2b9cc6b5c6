"""Where the run was made, and how to make it again: the last sections of a report."""

from __future__ import annotations

import shlex

import msgspec

from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import count, size, text
from zcbench.render.content.document import Block, Quoted, Section, Table, columns, paragraph
from zcbench.render.content.verdict import commit
from zcbench.render.paths import arguments_without_folders, name_of
from zcbench.scenario import Scenario, to_toml


def section(record: Record, _result: Result) -> Section:
    """The machine and the software."""
    run = record.run
    where = run.environment
    # Of the folder that the run was started in: that of what was tested, where it was.
    tested = commit(where) if run.subject.kind != "imported" else None
    rows = [
        ("Run", f"{record.path.name}, started {run.started_at}"),
        ("System", f"{where.system}, {where.machine}"),
        (
            "Processor",
            f"{where.processor}, {count(where.cores).text} cores, {size(where.memory_bytes).text}",
        ),
        ("Python", where.python),
        ("zcbench", where.zcbench),
        (
            "Packages",
            ", ".join(f"{name} {number}" for name, number in sorted(where.packages.items())),
        ),
        ("tracemalloc", "on, 1 frame" if run.tracemalloc else "off"),
        *sorted(run.tags.items()),
    ]
    if tested:
        rows.insert(1, ("Commit", tested))
    if not record.can("worker"):
        # What zcbench itself ran with is nothing of the subject's.
        rows = [(name, value) for name, value in rows if name not in ("Python", "Packages", "tracemalloc")]
        rows.insert(1, ("Subject", run.subject.called))
    table = Table(
        "Environment",
        columns("<", "<"),
        tuple((text(name), text(value)) for name, value in rows),
    )
    return Section("Environment", (table,))


def reproduction(record: Record, _result: Result) -> Section:
    """The command as typed, and the scenario as it was resolved."""
    blocks: list[Block] = [Quoted(_command(record), "sh")]
    if record.run.subject.kind != "imported":
        blocks += [
            paragraph("The scenario as it was resolved:"),
            Quoted(_toml(record.run.scenario).strip(), "toml"),
        ]
    return Section("How to reproduce", tuple(blocks))


def _command(record: Record) -> str:
    """Without the folders of the machine it was typed on."""
    return shlex.join(arguments_without_folders(record.run.command or ["zcbench"]))


def _toml(scenario: Scenario) -> str:
    """The scenario's file is named, not located."""
    source = scenario.source
    if source.path is not None:
        source = msgspec.structs.replace(source, path=name_of(source.path))
    return to_toml(msgspec.structs.replace(scenario, source=source))
