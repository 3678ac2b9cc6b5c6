"""Which subject a scenario names."""

from __future__ import annotations

from zcbench.scenario import Scenario
from zcbench.subjects.attached import AttachedSubject
from zcbench.subjects.command import CommandSubject
from zcbench.subjects.engine import EngineSubject
from zcbench.subjects.subject import Subject


def subject_of(scenario: Scenario) -> Subject:
    """The subject of ``scenario``, not yet started. Raises SourceError."""
    if scenario.subject.kind == "command":
        return CommandSubject(scenario.subject, scenario.duration)
    if scenario.subject.pid is not None:
        return AttachedSubject(scenario.subject.pid, scenario.duration)
    return EngineSubject(scenario)
