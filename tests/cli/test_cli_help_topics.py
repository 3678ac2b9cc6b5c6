"""`zcbench help`: topics, each said from one place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from zcbench.exit_codes import ExitCode, worst
from zcbench.scenario import FLAGS, variable_of

Invoke = Callable[..., Result]
DOCS = Path(__file__).parents[2] / "docs" / "exit-codes.md"


def test_the_topics_are_listed_and_each_is_there(invoke: Invoke) -> None:
    listed = invoke("help").stdout
    for topic in ("exit-codes", "environment"):
        assert topic in listed
        assert invoke("help", topic).exit_code == 0


def test_exit_codes_are_the_same_in_the_help_and_in_the_documents(invoke: Invoke) -> None:
    # given each row of the table in the documents, without its links
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {int(code): re.sub(r" \(\[.*?\]\(.*?\)\)", "", meaning) for code, meaning in rows}
    # then it is the enum's, and so is the help's
    assert documented == {int(code): code.meaning for code in ExitCode}
    text = " ".join(invoke("help", "exit-codes").stdout.split())
    for code in ExitCode:
        assert f"{int(code)} {code.meaning}" in text


def test_the_environment_names_every_variable_of_a_flag(invoke: Invoke) -> None:
    text = invoke("help", "environment").stdout
    for flag in (*FLAGS, "--set", "--expect", "--tag", "--report", "--json", "--baseline"):
        assert re.search(rf"{variable_of(flag)}\s+{flag}\b", text), flag


def test_the_help_of_a_command_is_that_command_s_own(invoke: Invoke) -> None:
    assert invoke("help", "scenarios").stdout == invoke("scenarios", "--help").stdout


def test_an_unknown_topic_is_named_with_the_nearest(invoke: Invoke) -> None:
    wrong = invoke("help", "exit-code")
    assert wrong.exit_code == 2
    assert "no topic and no command 'exit-code'; did you mean 'exit-codes'?" in wrong.stderr


@pytest.mark.parametrize(
    ("codes", "together"),
    [
        ((), 0), ((0, 0), 0), ((0, 4), 4), ((4, 1), 1), ((1, 6), 1), ((1, 5), 5), ((5, 2), 2),
        ((5, 3), 3), ((3, 143, 130), 130),
    ],
)  # fmt: skip
def test_several_runs_end_with_the_worst_of_their_codes(codes: tuple[int, ...], together: int) -> None:
    assert worst(codes) == together


def test_a_code_that_is_none_is_never_taken_for_a_pass() -> None:
    with pytest.raises(ValueError, match="7"):
        worst([0, 7])
