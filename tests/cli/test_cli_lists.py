"""Lists: a table on a terminal, a line an entry in a pipe, JSON for a program."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable

import pytest
from click.testing import Result

from zcbench.cli.table import Column, show_list

Invoke = Callable[..., Result]
LISTS = (
    ["scenarios"],
    ["metrics"],
    ["selftest", "--list"],
    ["history", "--list"],
    ["bench", "--list"],
)
COLUMNS = (
    Column("name", "Name"),
    Column("size", "Size", right=True),
    Column("says", "What it says"),
)
ROWS = (
    {"name": "first-of-all", "size": 7, "says": "some words " * 12, "more": [1, 2]},
    {"name": "second", "size": 1200, "says": "[bold]no markup[/bold] \x1b[31m", "more": None},
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, width: int, **variables: str) -> str:
    """What a terminal of ``width`` columns gets."""
    screen = Terminal()
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": str(width), **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", screen)
    show_list(COLUMNS, ROWS)
    return re.sub(r"\x1b\[[01]m", "", screen.getvalue())  # bold titles, which NO_COLOR leaves


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_every_list_has_a_line_an_entry_and_the_same_entries_as_json(
    invoke: Invoke, arguments: list[str]
) -> None:
    plain, rows = invoke(*arguments), json.loads(invoke(*arguments, "--json").stdout)
    assert plain.exit_code == 0
    assert [line.split()[0] for line in plain.stdout.splitlines()] == [row["name"] for row in rows]


@pytest.mark.usefixtures("inputs")
def test_devices_as_json_have_numbers(invoke: Invoke) -> None:
    first, second = json.loads(invoke("devices", "--json").stdout)
    assert first == {
        "index": 1, "name": "Microphone", "host_api": "ALSA", "channels": 2, "default_rate": 48_000.0,
        "is_default": True,
    }  # fmt: skip
    assert second["channels"] == 8


@pytest.mark.parametrize("width", [100, 80, 40])
def test_a_table_fits_its_terminal_and_loses_nothing(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    text = shown(monkeypatch, width, NO_COLOR="1")
    assert max(map(len, text.splitlines())) <= width
    for title in ("Name", "Size", "What"):
        assert title in text
    assert "first-of-all" in text
    assert text.count("some") == text.count("words") == 12
    # and nothing of a value acts: neither as markup nor as an escape
    assert "[bold]" in text
    assert "\x1b" not in text


def test_a_dumb_terminal_and_a_pipe_get_plain_lines_that_are_never_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dumb = shown(monkeypatch, 40, TERM="dumb")
    first, second = dumb.splitlines()
    assert first == f"first-of-all     7  {('some words ' * 12).strip()}"
    assert second.startswith("second        1200  [bold]no markup")
    monkeypatch.undo()
    show_list(COLUMNS, ROWS)
    assert capsys.readouterr().out == dumb


def test_what_stands_in_brackets_is_there_only_where_there_is_some(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_list([Column("name", "Name", also="more")], ROWS)
    assert capsys.readouterr().out == "first-of-all (1, 2)\nsecond\n"


def test_json_has_all_of_a_row_and_an_empty_list_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_list(COLUMNS, ROWS, as_json=True)
    assert json.loads(capsys.readouterr().out) == [dict(row) for row in ROWS]
    show_list(COLUMNS, [], as_json=True)
    assert json.loads(capsys.readouterr().out) == []
    show_list(COLUMNS, [])
    assert capsys.readouterr().out == ""
