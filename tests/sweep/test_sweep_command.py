"""A sweep over the arguments and variables of a command."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.cli.conftest import program
from zcbench.record.schema import STDERR_FILE


def test_placeholders_and_variables_of_a_command_are_varied(tmp_path: Path) -> None:
    code = "import os, sys, time; print(sys.argv[1], os.environ['MODE'], flush=True); time.sleep(60)"
    done = program(
        *("sweep", "--vary", "subject.args.size=1,64", "--vary", "subject.env.MODE=a", "--duration", "500ms"),
        *("--out", "sweep", "--quiet", "--", sys.executable, "-c", code, "{size}"),
        cwd=tmp_path,
    )
    assert done.returncode == 4, done.stderr  # too short for memory, and nothing else was judged
    runs = sorted((tmp_path / "sweep" / "runs").iterdir())
    assert [(run / STDERR_FILE).read_text() for run in runs] == ["1 a\n", "64 a\n"]
    report = (tmp_path / "sweep" / "sweep.md").read_text(encoding="utf-8")
    assert "| Run | subject.args.size | subject.env.MODE | RSS at most | In malloc at last |" in report
    assert "Hit rate" not in report


def test_an_axis_that_the_command_does_not_have_is_refused(tmp_path: Path) -> None:
    done = program("sweep", "--vary", "subject.args.port=1,2", "--", "sleep", "1", cwd=tmp_path)
    assert (done.returncode, "the command has no {port} in it" in done.stderr) == (2, True)
    assert not list(tmp_path.iterdir())
