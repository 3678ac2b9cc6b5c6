"""Subjects that are no engine, run by a supervisor in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zcbench.record.reader import Record, read_record
from zcbench.scenario import Scenario, Setting, load
from zcbench.soak.supervisor import run


def planned(keys: Mapping[str, str]) -> Scenario:
    """The scenario of ``keys``: {"subject.pid": "17", "duration": "1s"}."""
    return load(flags=[Setting(key, text, "test") for key, text in keys.items()])


def recorded(plan: Scenario, directory: Path) -> Record:
    """The record of a run of ``plan`` in ``directory``."""
    run(plan, directory, command=["test"])
    return read_record(directory)
