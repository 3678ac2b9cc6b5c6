"""The GitHub action and the nightly workflow: their steps, run as GitHub would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import clean_environment
from zcbench.render.formats import FORMATS, parse_formats

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
NIGHTLY = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8"))
NIGHT = NIGHTLY["jobs"]["soak"]["steps"]
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}
DEFAULTS = {name: told["default"] for name, told in ACTION["inputs"].items()}


def environment(step: dict[str, Any], **inputs: str) -> dict[str, str]:
    """The variables of a step, with its expressions filled in from the action's inputs."""

    def filled(text: str) -> str:
        return re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: (DEFAULTS | inputs)[found[1]], text)

    return {name: filled(text) for name, text in step["env"].items()}


def run_step(name: str, cwd: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run a Python step of the action in ``cwd``; also the file of its outputs."""
    step, outputs = STEPS[name], cwd / "outputs"
    script = cwd / "script.py"
    script.write_text(step["run"], encoding="utf-8")
    assert step["shell"] == "python"
    told = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(cwd / "summary")}
    done = subprocess.run(
        [sys.executable, script],
        cwd=cwd,
        env=clean_environment() | told | environment(step, **inputs),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done, outputs


def called_by(name: str, monkeypatch: pytest.MonkeyPatch, **inputs: str) -> list[str]:
    """The command that a step of the action calls."""
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda words: calls.append(words) or 0)
    for variable, value in environment(STEPS[name], **inputs).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("ZCBENCH_SCENARIO", "")  # the step's own to set
    with pytest.raises(SystemExit) as left:
        exec(compile(STEPS[name]["run"], name, "exec"), {})
    assert left.value.code == 0
    ((python, *words),) = calls
    assert python == sys.executable
    return words


# -- the action


def test_the_action_has_what_github_asks_of_a_composite_action() -> None:
    assert {"name", "description", "runs"} <= set(ACTION)
    assert ACTION["runs"]["using"] == "composite"
    for told in ACTION["inputs"].values():
        assert set(told) == {"description", "required", "default"}
        assert isinstance(told["default"], str)
    for told in ACTION["outputs"].values():
        assert set(told) == {"description", "value"}
    for step in ACTION["runs"]["steps"]:
        assert ("uses" in step) != ("run" in step and "shell" in step)


@pytest.mark.parametrize("steps", [ACTION["runs"]["steps"], NIGHT], ids=["action", "nightly"])
def test_no_expression_is_pasted_into_a_script(steps: list[dict[str, Any]]) -> None:
    for step in steps:
        assert "${{" not in step.get("run", ""), step


def test_the_formats_that_are_written_by_default_are_there() -> None:
    assert parse_formats(DEFAULTS["report"])
    for name in FORMATS:
        assert name in ACTION["inputs"]["report"]["description"]


def test_every_input_is_used() -> None:
    steps = ACTION["runs"]["steps"]
    used = set(re.findall(r"inputs\.([a-z-]+)", yaml.safe_dump(steps)))
    assert used == set(ACTION["inputs"])


def test_a_soak_in_a_job_leaves_reports_summary_and_the_action_s_outputs(tmp_path: Path) -> None:
    done, outputs = run_step(
        "soak",
        tmp_path,
        args="--duration 300ms --quiet --tag 'made by=a job' --expect 'drops == 1'",
        report="md,junit",
        baseline="of-last-night",
    )
    # then the step fails as zcbench does, and says that there was nothing to compare with
    assert done.returncode == 1, done.stderr
    assert "::notice title=zcbench::no earlier run to compare with" in done.stdout.splitlines()
    assert "::error title=crash-debug%3A expect%3A drops == 1::" in done.stderr
    assert (tmp_path / "soak" / "junit.xml").is_file()
    assert "made by" in (tmp_path / "summary").read_text(encoding="utf-8")
    # and every output of the action has been set
    written = outputs.read_text(encoding="utf-8")
    assert written.endswith("exit-code=1\n")
    for told in ACTION["outputs"].values():
        (name,) = re.findall(r"\$\{\{ steps\.soak\.outputs\.([a-z-]+) \}\}", told["value"])
        assert re.search(rf"^{name}(<<|=)", written, re.M)


def test_an_input_that_is_wrong_fails_the_step_and_its_exit_code_is_known(tmp_path: Path) -> None:
    done, outputs = run_step("soak", tmp_path, scenario="--no-such; touch hacked")
    assert done.returncode == 2
    assert "--no-such; touch hacked" in done.stderr
    assert outputs.read_text(encoding="utf-8") == "exit-code=2\n"
    assert not (tmp_path / "hacked").exists()


def test_a_baseline_that_is_a_file_is_no_job_without_one(tmp_path: Path) -> None:
    (tmp_path / "result.json").touch()
    done, _ = run_step("soak", tmp_path, args="--duration 300ms --quiet", baseline="result.json")
    assert done.returncode == 2
    assert "result.json: is a file" in done.stderr
    assert "no earlier run" not in done.stdout


def test_an_earlier_run_that_is_there_is_compared_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.json").touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    words = called_by("soak", monkeypatch, baseline=str(tmp_path / "old"), scenario="nightly")
    assert words[words.index("--baseline") + 1] == str(tmp_path / "old")
    assert os.environ["ZCBENCH_SCENARIO"] == "nightly"
    assert "nightly" not in words


def test_a_command_of_the_user_s_is_run_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    words = called_by("soak", monkeypatch, command="./my-engine --name 'a b'", args="--duration 10m")
    assert words[words.index("--") :] == ["--", "./my-engine", "--name", "a b"]
    assert words[words.index("--duration") + 1] == "10m"
    assert os.environ["ZCBENCH_SCENARIO"] == ""
    called_by("soak", monkeypatch)
    assert os.environ["ZCBENCH_SCENARIO"] == "crash-debug"


def test_zcbench_comes_from_the_action_s_own_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTION_PATH", "the action")
    words = called_by("install zcbench", monkeypatch, install="'my engine' --no-deps")
    assert words == ["-m", "pip", "install", "--quiet", "the action", "my engine", "--no-deps"]


# -- the nightly workflow


def test_the_night_uses_the_action_of_its_own_checkout_with_inputs_that_it_has() -> None:
    (soak,) = [step for step in NIGHT if step.get("uses") == "./"]
    assert set(soak["with"]) <= set(ACTION["inputs"])
    (keep,) = [step for step in NIGHT if "upload-artifact" in step.get("uses", "")]
    assert keep["if"] == "always()"
    assert keep["with"]["path"] == DEFAULTS["out"]
    assert f"--name {keep['with']['name']} --dir {soak['with']['baseline']}" in _fetch()["run"]


def _fetch() -> dict[str, Any]:
    (step,) = [step for step in NIGHT if step.get("name") == "fetch the last good night"]
    return dict(step)


@pytest.mark.skipif(os.name != "posix", reason="the workflow runs on Linux")
@pytest.mark.parametrize(
    ("listed", "download", "says", "fetched"),
    [
        ("echo 4711", "mkdir baseline; touch baseline/run.json", "", True),
        ("echo 4711", "exit 1", "::notice title=nightly::the last good night, 4711,", False),
        ("true", "exit 9", "::notice title=nightly::no good night yet", False),
        ("exit 1", "exit 9", "::notice title=nightly::no good night yet", False),
    ],
    ids=["fetched", "expired", "first night", "no answer"],
)
def test_a_night_without_one_before_it_is_no_error(
    tmp_path: Path, listed: str, download: str, says: str, fetched: bool
) -> None:
    # given a `gh` that answers so
    gh = tmp_path / "gh"
    gh.write_text(f'#!/bin/sh\ncase "$2" in list) {listed};; download) {download};; esac\n')
    gh.chmod(0o755)
    step = _fetch()
    assert "shell" not in step
    variables = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "BRANCH": "a b; exit 3"}
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]],  # what GitHub does where no shell is named
        cwd=tmp_path,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(says)
    assert bool(done.stdout) == bool(says)
    assert (tmp_path / "baseline" / "run.json").exists() == fetched
