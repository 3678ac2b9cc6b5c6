"""`zcbench selftest`: what it lists, runs, prints, and how it leaves."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.conftest import program
from zcbench import faults
from zcbench.faults import programs
from zcbench.faults.controls import CONTROLS
from zcbench.record.schema import RESULT_FILE, RUN_FILE

Invoke = Callable[..., Result]

# Of several kinds, those that are over in two seconds, with the packets the application gets; and a sound one.
GROUPS = {
    "mixed-ownership": 111,
    "dropped-silently": 990,
    "duplicated": 1_010,
    "reordered": 1_000,
    "control-native-copy-10-grow": 1_000,
}


@pytest.fixture(scope="module")
def selftest(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Path]:
    """The table of GROUPS as JSON, and the directory with the records and the Markdown."""
    cwd = tmp_path_factory.mktemp("selftest")
    arguments = ("--json", "--keep", "records", "--out", "table.md")
    done = program("selftest", *GROUPS, *arguments, cwd=cwd)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == (0 if all(row["right"] for row in rows) else 1), done.stderr
    return rows, cwd


def test_the_list_names_every_fault_and_control_in_one_line_each(invoke: Invoke) -> None:
    # when they are listed
    done = invoke("selftest", "--list")
    # then nothing is run, and each has its line with a meaning
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        *(fault.name for fault in faults.FAULTS),
        *(control.name for control in CONTROLS),
        *(trial.name for trial in programs.TRIALS),
    ]
    assert all(len(line.split()) > 2 for line in lines if "SIG" not in line)


def test_an_unknown_name_is_a_usage_error_with_the_nearest(invoke: Invoke) -> None:
    done = invoke("selftest", "tron")
    assert done.exit_code == 2
    assert "did you mean 'torn'" in done.stderr


def test_a_place_that_cannot_take_results_is_refused_before_anything_runs(invoke: Invoke, here: Path) -> None:
    assert invoke("selftest", "torn", "--out", "nowhere/table.md").exit_code == 2
    (here / "full").mkdir()
    (here / "full" / "record").touch()
    assert invoke("selftest", "torn", "--keep", "full").exit_code == 2


@pytest.mark.parametrize("name", GROUPS)
def test_each_is_called_what_it_is(selftest: tuple[list[dict[str, Any]], Path], name: str) -> None:
    (row,) = [row for row in selftest[0] if row["trial"] == name]
    assert row["right"], row
    assert row["runs"][0]["packets"] == GROUPS[name]


def test_the_records_are_whole_and_the_table_is_markdown(
    selftest: tuple[list[dict[str, Any]], Path],
) -> None:
    _, cwd = selftest
    for name in GROUPS:
        assert (cwd / "records" / f"{name}-1" / RUN_FILE).is_file()
        assert (cwd / "records" / f"{name}-1" / RESULT_FILE).is_file()
    header, rule, *rows = (cwd / "table.md").read_text(encoding="utf-8").splitlines()
    assert header.startswith("| trial | expected |")
    assert set(rule) == set("| -")
    assert len(rows) == len(GROUPS)


@pytest.mark.usefixtures("installed_first")
def test_a_fault_called_by_another_name_leaves_with_1(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a fault that is declared to be what it is not
    fault = dataclasses.replace(faults.find_fault("duplicated"), cause="reordered")
    monkeypatch.setattr(faults, "FAULTS", (fault,))
    # when it runs, twice
    done = invoke("selftest", "duplicated", "--repeat", "2", "--jobs", "2")
    # then that is told, in the table and by the exit code
    assert done.exit_code == 1
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("duplicated")]
    assert "0 of 2" in row
    assert "gaps: duplicates" in row
