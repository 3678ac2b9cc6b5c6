"""Help costs next to nothing, and names everything there is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable

import click
import pytest
from click.testing import Result

from zcbench.cli import cli
from zcbench.cli.grouped import GENERAL, GroupedCommand
from zcbench.scenario import FLAGS, variable_of

Invoke = Callable[..., Result]

OTHERS = ("--set", "--tag", "--out", "--root", "--quiet", "--json", "--dry-run", "--report",
          "--report-dir", "--github")  # fmt: skip
HEAVY = ("numpy", "rich", "msgspec", "importlib.metadata", "psutil", "zcbench.scenario")


def test_help_takes_less_than_twice_an_import_of_click() -> None:
    # given both commands, taken turns so that a busy machine slows both
    commands = {"import": ["-c", "import click"], "help": ["-m", "zcbench", "--help"]}
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(7):
        for name, arguments in commands.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
            best[name] = min(best[name], time.perf_counter() - began)
    # then the best of help is less than twice the best of the import
    assert best["help"] < 2 * best["import"], best


def test_help_imports_nothing_that_only_a_run_needs() -> None:
    script = (
        "import sys\nfrom zcbench.cli import cli\ncli(['--help'], standalone_mode=False)\n"
        f"sys.exit(', '.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"imported: {done.stderr}"


@pytest.mark.parametrize("command", ["run", "report", "schema", "scenarios", "devices"])
def test_every_command_is_in_the_help_and_has_its_own(invoke: Invoke, command: str) -> None:
    assert command in invoke("--help").stdout
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_the_help_of_run_names_every_flag_and_its_variable(invoke: Invoke) -> None:
    # click wraps long lines; what is looked for has no spaces in it
    text = invoke("run", "--help").stdout
    for flag in FLAGS:
        assert flag in text
        assert variable_of(flag) in text
    for other in OTHERS:
        assert other in text
        assert variable_of(other) in text


@pytest.mark.parametrize("name", ["run", "sweep"])
def test_the_help_of_a_long_command_is_in_groups_with_examples_that_parse(invoke: Invoke, name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, GroupedCommand)
    # given the groups: no flag in two of them, none that there is not, and none left over but help
    grouped = [flag for flags in command.groups.values() for flag in flags]
    there = {flag for p in command.params if isinstance(p, click.Option) for flag in p.opts}
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == there
    # then each title heads a section, in order, and help is the only general one, whoever asked for the
    # command before, as a program that makes its context by itself
    command.make_context(name, [*shlex.split(command.examples[0][1])[2:]])
    text = invoke(name, "--help").stdout
    titles = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert titles == [*command.groups, GENERAL, "Examples"]
    assert text.partition(f"\n{GENERAL}:\n")[2].split()[0] == "-h,"
    # and each example stands on one line, at any width, and is right
    narrow = invoke(name, "--help", COLUMNS="40").stdout
    for _comment, line in command.examples:
        assert f"\n  {line}\n" in narrow
        program, called, *words = shlex.split(line)
        assert (program, called) == ("zcbench", name)
        command.make_context(name, words)


@pytest.mark.parametrize(("command", "option"), [("run", "--report "), ("report", "--format ")])
def test_the_help_names_every_format(invoke: Invoke, command: str, option: str) -> None:
    from zcbench.render.formats import FORMATS

    text = " ".join(invoke(command, "--help").stdout.partition(option)[2].split())
    for name in FORMATS:
        assert name in text.partition("--")[0]


def test_an_unknown_command_or_flag_is_a_usage_error(invoke: Invoke) -> None:
    for arguments in (["rnu"], ["run", "--pol", "3"], ["run", "a", "b"]):
        result = invoke(*arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "Error: " in result.stderr


def test_the_version_is_the_package_s(invoke: Invoke) -> None:
    import zcbench

    assert invoke("--version").stdout.strip() == f"zcbench {zcbench.__version__}"
