"""Which subject a scenario names."""

from __future__ import annotations

from zcbench.scenario import Scenario, SubjectTable
from zcbench.subjects.attached import AttachedSubject
from zcbench.subjects.call import CallSubject
from zcbench.subjects.command import CommandSubject
from zcbench.subjects.engine import EngineSubject
from zcbench.subjects.inside import target
from zcbench.subjects.instrumented import Instrumented
from zcbench.subjects.subject import Subject


def subject_of(scenario: Scenario) -> Subject:
    """The subject of ``scenario``, not yet started. Raises SourceError, RecordError, LawError."""
    if scenario.subject.kind == "command":
        return CommandSubject(scenario.subject, scenario.duration, instrumented=Instrumented(scenario))
    if scenario.subject.pid is not None:
        return AttachedSubject(scenario.subject.pid, scenario.duration, Instrumented(scenario))
    if scenario.subject.call is not None:
        return CallSubject(scenario)
    return EngineSubject(scenario)


def check_callables(table: SubjectTable) -> None:
    """Import what is to be called as a run would, in a process of its own. Raises CallableError."""
    for spec in (table.call, table.setup, table.teardown):
        if spec is not None:
            target.check(spec, table.cwd)
