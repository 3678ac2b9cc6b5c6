"""Which subject a scenario names."""

from __future__ import annotations

from zcbench.scenario import Scenario
from zcbench.subjects.attached import AttachedSubject
from zcbench.subjects.command import CommandSubject
from zcbench.subjects.engine import EngineSubject
from zcbench.subjects.instrumented import Instrumented
from zcbench.subjects.subject import Subject


def subject_of(scenario: Scenario) -> Subject:
    """The subject of ``scenario``, not yet started. Raises SourceError, RecordError, LawError."""
    if scenario.subject.kind == "command":
        return CommandSubject(scenario.subject, scenario.duration, instrumented=Instrumented(scenario))
    if scenario.subject.pid is not None:
        return AttachedSubject(scenario.subject.pid, scenario.duration, Instrumented(scenario))
    return EngineSubject(scenario)
