"""What the documents say is true of the repository."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from zcbench.cli import cli
from zcbench.scenario import load, shipped
from zcbench.verdict.checks import CHECKS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SCREEN = 50  # lines
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document.read_text(encoding="utf-8"), re.S)


def _commands(document: Path) -> list[str]:
    """Each line of a shell block that calls zcbench, with the lines that continue it."""
    text = "\n".join(_blocks(document, "sh")).replace("\\\n", " ")
    return re.findall(r"^(?:ZCBENCH_\S+ )?zcbench .*$", text, re.M)


COMMANDS = sorted({line for document in DOCUMENTS for line in _commands(document)})


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_make_target_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / document).read_text(encoding="utf-8"), re.M))
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    assert named
    assert named <= targets


@pytest.mark.parametrize("line", [x for x in COMMANDS if "zcbench run" in x])
def test_every_run_of_a_document_is_a_valid_scenario(
    line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        monkeypatch.setenv(name, value)
    of_engine = "--engine" in words  # which would be imported
    arguments = [w for w in words[2:] if not of_engine or ("mypackage" not in w and w != "--engine")]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "soak.toml").write_text('[subject]\ncommand = ["./capture"]\n')
    done = CliRunner().invoke(cli, ["run", "--dry-run", *arguments[: _redirection(arguments)]])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("line", [x for x in COMMANDS if "zcbench run" not in x])
def test_every_other_command_of_a_document_has_options_that_exist(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given that the files it names are there
    monkeypatch.setattr(click.Path, "convert", lambda _self, value, _param, _ctx: Path(value))
    _, *words = shlex.split(line, comments=True)
    command: click.Command = cli
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    assert command.make_context("zcbench", words[: _redirection(words)])


def _redirection(words: list[str]) -> int:
    """Where a shell's redirection or pipe begins."""
    return next((at for at, word in enumerate(words) if word in (">", "|")), len(words))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_toml_block_that_is_a_scenario_is_valid(document: Path, tmp_path: Path) -> None:
    for number, text in enumerate(_blocks(document, "toml")):
        if "zcbench run" in text:
            path = tmp_path / f"{number}.toml"
            path.write_text(text.replace("mypackage.engine:MyEngine", "native"))
            assert load(path).name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_python_blocks_of_a_document_run_one_after_the_other(document: Path) -> None:
    names: dict[str, object] = {}
    for text in _blocks(document, "python"):
        exec(compile(text, document.name, "exec"), names)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_yaml_block_is_yaml(document: Path) -> None:
    for text in _blocks(document, "yaml"):
        assert yaml.safe_load(text)


def test_the_documents_list_every_shipped_scenario_and_check() -> None:
    running = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    for scenario in shipped():
        assert f"`{scenario.name}`" in running
    assert README.count("\n| `") >= len(CHECKS)


def test_every_file_that_a_document_links_to_is_there() -> None:
    for document in [*ROOT.glob("*.md"), *DOCUMENTS]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_no_path_of_a_machine_is_in_a_tracked_file() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = listed.stdout.splitlines() or ["README.md"]
    homes = re.compile(r"(?<![a-z}])/(?:home|Users|root)/[a-z]|/work/")
    allowed = {"tests/test_repository.py", "tests/render/test_render_markdown.py"}
    found = [
        name
        for name in files
        if name not in allowed and homes.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_the_readme_has_the_question_of_every_check() -> None:
    table = "".join(f"| `{check.name}` | {check.question} |\n" for check in CHECKS)
    assert f"| check | question |\n|:--|:--|\n{table}\n" in README


def test_only_a_check_and_a_planted_fault_say_the_name_of_a_check() -> None:
    """Whoever asks for one asks its object: a name that is changed is changed once."""
    at_home = (ROOT / "zcbench" / "verdict" / "checks", ROOT / "zcbench" / "faults")
    asked = re.compile(
        r"""\.check\s*(?:==|!=|in)\s*[({[]?\s*["']|by_name\(["']|find\(["'](?:life|memory|pool\.)"""
    )
    for file in (ROOT / "zcbench").rglob("*.py"):
        if not any(folder in file.parents for folder in at_home):
            assert asked.findall(file.read_text(encoding="utf-8")) == [], file.name


def test_a_function_fits_a_screen() -> None:
    longer = {}
    for file in (ROOT / "zcbench").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                longer |= {f"{file.name}: {node.name}": lines} if lines > SCREEN else {}
    assert longer == {}


def test_every_cause_that_a_check_names_is_explained_by_it() -> None:
    for file in (ROOT / "zcbench/verdict/checks").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "cause" and isinstance(node.value, ast.Constant):
                named = node.value.value
                assert named is None or any(named in check.causes for check in CHECKS) or named == "expectation"
