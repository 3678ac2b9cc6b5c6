"""What the documents say is true of the repository."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from zcbench.cli import cli
from zcbench.scenario import shipped
from zcbench.verdict.checks import CHECKS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S))


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_make_target_that_a_document_names_exists(document: str) -> None:
    named = set(
        re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / document).read_text(encoding="utf-8"), re.M)
    )
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    assert named
    assert named <= targets


@pytest.mark.parametrize("line", re.findall(r"^(?:ZCBENCH_.*)?zcbench run.*$", SHELL, re.M))
def test_every_run_of_the_readme_is_a_valid_scenario(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        monkeypatch.setenv(name, value)
    arguments = [word for word in words[1:] if "mypackage" not in word and word != "--engine"]
    done = CliRunner().invoke(cli, [*arguments, "--dry-run"])
    assert done.exit_code == 0, done.output


def test_the_readme_lists_every_shipped_scenario_and_check() -> None:
    for scenario in shipped():
        assert f"`{scenario.name}`" in README
    assert README.count("\n| `") >= len(CHECKS)


def test_every_file_that_a_document_links_to_is_there() -> None:
    for document in ROOT.glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (ROOT / link).exists(), f"{document.name}: {link}"


def test_no_path_of_a_machine_is_in_a_tracked_file() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    files = listed.stdout.splitlines() or ["README.md"]
    homes = re.compile(r"(?<![a-z])/(?:home|Users|root)/[a-z]|/work/")
    allowed = {"tests/test_repository.py", "tests/render/test_render_markdown.py"}
    found = [
        name
        for name in files
        if name not in allowed
        and homes.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
