"""What differs between two runs, and what that can explain."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from tests.records import ENVIRONMENT, make_command_record, make_record, scenario
from zcbench.comparing.comparability import Difference, commit, differences, explained_by
from zcbench.record.reader import Record
from zcbench.scenario import ConsumerTable, Scenario, SourceTable, SubjectTable


def between(base: Record, new: Record) -> dict[str, Difference]:
    return {difference.key: difference for difference in differences(base.run, new.run)}


def on(record: Record, **changes: object) -> Record:
    """``record`` as if it had been made in another environment."""
    environment = msgspec.structs.replace(ENVIRONMENT, **changes)
    run = msgspec.structs.replace(record.run, environment=environment)
    return dataclasses.replace(record, run=run)


def test_two_runs_of_one_thing_do_not_differ(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    assert between(record, record) == {}


def test_a_larger_pool_explains_hits_and_memory_but_no_latency(tmp_path: Path) -> None:
    small, large = (make_record(tmp_path / str(n), scenario(slots=n)) for n in (10, 100))
    found = between(small, large)["pool.slots"]
    assert (found.base, found.new) == ("10", "100")
    assert set(found.explains) == {"pool", "memory"}


@pytest.mark.parametrize(
    "change",
    [{"cores": 8}, {"processor": "Another"}, {"machine": "arm64"}, {"system": "Linux 6.6.1"},
     {"python": "CPython 3.12.1"}, {"memory_bytes": 32 * 2**30}],
)  # fmt: skip
def test_another_machine_explains_time_and_memory_and_never_loss(
    tmp_path: Path, change: dict[str, object]
) -> None:
    record = make_record(tmp_path / "run")
    (found,) = between(record, on(record, **change)).values()
    assert {"timing", "cpu", "memory"} <= set(found.explains)
    assert not {"loss", "pool"} & set(found.explains)


@pytest.mark.parametrize(
    "change",
    [{"system": "Linux 6.1.9-13-amd64"}, {"python": "CPython 3.11.10"}, {"memory_bytes": 8 * 2**30 - 9}],
)  # fmt: skip
def test_a_patch_is_no_other_machine(tmp_path: Path, change: dict[str, object]) -> None:
    record = make_record(tmp_path / "run")
    assert between(record, on(record, **change)) == {}


def test_a_commit_and_a_package_are_told_and_explain_nothing(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    other = on(record, git_commit="f" * 40, packages={"numpy": "2.1.0"})
    found = between(record, other)
    assert found["commit"].new == "f" * 12
    assert found["package psutil"].new == "not known"
    assert not any(difference.explains for difference in found.values())


def test_what_a_consumer_does_not_read_is_no_difference(tmp_path: Path) -> None:
    short, long = (ConsumerTable(kind="immediate", hold=t) for t in (1.0, 9.0))
    sides = [make_record(tmp_path / str(c.hold), scenario(consumer=c)) for c in (short, long)]
    assert between(*sides) == {}


def test_the_pace_explains_nearly_all_and_a_seed_nothing(tmp_path: Path) -> None:
    tables = [SourceTable(kind="noise", seed=1), SourceTable(kind="noise", seed=2, speed=20.0)]
    plans = [msgspec.structs.replace(scenario(), source=table) for table in tables]
    found = between(*(make_record(tmp_path / str(i), plan) for i, plan in enumerate(plans)))
    assert {"timing", "pool", "memory", "rate"} <= set(found["source.speed"].explains)
    assert found["source.seed"].explains == ()


def test_a_key_that_is_newer_than_this_list_explains_what_its_table_could() -> None:
    assert explained_by("pool.colour") == explained_by("pool") != frozenset()
    assert "timing" in explained_by("weather.wind")


def test_a_commit_with_changes_says_so() -> None:
    assert commit(msgspec.structs.replace(ENVIRONMENT, git_dirty=True)) == "0123456789ab+"
    assert commit(msgspec.structs.replace(ENVIRONMENT, git_commit=None)) is None


def test_a_command_and_its_variables_are_said_as_they_are_typed(tmp_path: Path) -> None:
    tables = [SubjectTable(command=("./capture", "--name", name), env={"LABEL": name}) for name in ("a", "b c")]
    plans = [Scenario(name="soak", subject=table) for table in tables]
    found = between(*(make_command_record(tmp_path / str(i), plan=plan) for i, plan in enumerate(plans)))
    command, env = found["subject.command"], found["subject.env"]
    assert (command.base, command.new) == ("./capture --name a", "./capture --name 'b c'")
    assert (env.base, env.new) == ("LABEL=a", "LABEL='b c'")
