"""The planted bugs as a program in C: declared, compiled without a warning, left out where nothing compiles."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.faults.test_faults_declared import VOCABULARY
from zcbench.cli import cli
from zcbench.faults import programs
from zcbench.faults.trial import Trial
from zcbench.page.header import folder
from zcbench.soak.selftest import scenario_of

# Of the memory and the processes that only a command has.
OF_COMMANDS = {"memory": {"mapped"}, "resources": {"zombies"}}
PROMISED = {"malloc-leak", "mmap-leak", "descriptor-leak", "thread-leak", "child-leak", "zombies", "lost-slot",
            "no-op-return", "crash", "hang", "exit"}  # fmt: skip


def test_every_promised_bug_is_a_trial() -> None:
    names = {trial.name for trial in programs.TRIALS}
    assert {f"c-{bug}" for bug in PROMISED} <= names
    assert len(names) == len(programs.TRIALS)


@pytest.mark.parametrize("trial", programs.TRIALS, ids=lambda trial: trial.name)
def test_a_trial_can_be_run_and_says_what_it_must_be_called(trial: Trial, tmp_path: Path) -> None:
    program = tmp_path / "faulty"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    scenario = scenario_of(programs.ready(trial, program))
    assert scenario.subject.command == (str(program), *trial.program)
    assert trial.slow or scenario.duration <= 30
    assert trial.is_planted == ("clean" not in trial.program)
    if trial.is_planted:
        assert trial.check is not None
        assert trial.cause in VOCABULARY[trial.check] | OF_COMMANDS.get(trial.check, set())
    else:
        assert trial.expected == "no failure"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_program_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    strict = ["-O1", "-pthread", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{folder()}"]
    subprocess.run([compiler, *strict, programs.SOURCE, "-o", tmp_path / "faulty"], check=True, timeout=100)


@pytest.mark.usefixtures("installed_first")
def test_the_selftest_runs_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["selftest", "c-exit", "--json", "--keep", str(tmp_path / "kept")])
    assert done.exit_code == 0, done.output
    assert '"got": "life: exited"' in done.stdout


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    # given that they are asked for by name
    done = CliRunner().invoke(cli, ["selftest", "c-crash"])
    assert done.exit_code == 2
    assert "no C compiler (cc, gcc, clang)" in done.stderr
    assert "Debian: apt-get install gcc" in done.stderr
    # given all trials / then the others are run, and that these are not is told
    from zcbench.cli import selftest
    from zcbench.faults.controls import CONTROLS

    left = selftest._compiled([CONTROLS[0], *programs.TRIALS], tmp_path, is_asked=False)
    assert left == [CONTROLS[0]]


def test_a_compiler_that_fails_is_told_by_its_first_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken-cc"
    broken.write_text("#!/bin/sh\necho 'no such option' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(programs.NoCompilerError, match=r"broken-cc cannot compile faulty\.c: no such option"):
        programs.build(tmp_path)
