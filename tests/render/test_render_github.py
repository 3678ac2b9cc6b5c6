"""What a GitHub job shows of a run: within its limits, and safe from what the record holds."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.records import make_record
from zcbench.foreign import one_line, plain
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending, Finding, Result
from zcbench.render import github
from zcbench.render.github import outputs, step_summary, workflow_commands
from zcbench.verdict import judge

COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return make_record(tmp_path_factory.mktemp("record"))


def result_of(record: Record, *findings: Finding, exit_code: int = 1) -> Result:
    return Result(
        id="r1", verdict="fail", exit_code=exit_code, end=record.end, totals={}, findings=list(findings)
    )  # fmt: skip


def finding(check: str, outcome: str = "fail", **more: object) -> Finding:
    told = {"check": check, "outcome": outcome, "sentence": f"{check} is wrong"} | more
    return msgspec.convert(told, Finding)


def read(lines: list[str]) -> list[tuple[str, str, str]]:
    """Level, title and message of each command, as the runner unescapes them."""

    def plain(text: str, codes: str) -> str:
        for code in codes.split():
            text = text.replace(code, chr(int(code[1:], 16)))
        return text.replace("%25", "%")

    found = []
    for line in lines:
        command = COMMAND.fullmatch(line)
        assert command is not None, line
        title, message = plain(command[2], "%0D %0A %3A %2C"), plain(command[3], "%0D %0A")
        found.append((command[1], title, message))
    return found


# -- annotations


def test_a_failed_check_is_an_error_a_warning_a_warning_and_a_pass_a_notice(record: Record) -> None:
    findings = [
        finding("gaps", remedy="look at the queue"),
        finding("expect: x", level="warn"),
        finding("memory", "inconclusive"),
        finding("rate", "inconclusive", required=False),
        finding("cost", "skipped"),
        finding("life", "pass"),
    ]
    assert read(workflow_commands(record, result_of(record, *findings))) == [
        ("error", "synthetic: gaps", "gaps is wrong\nlook at the queue"),
        ("warning", "synthetic: expect: x", "expect: x is wrong"),
        ("warning", "synthetic: memory", "memory is wrong"),
    ]
    ((level, title, _),) = read(workflow_commands(record, judge(record)))
    assert (level, title) == ("notice", "synthetic: pass")


def test_a_harness_that_failed_is_an_error_though_the_check_is_undecided(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", ending=End(ending=Ending.HARNESS, elapsed_s=1.0))
    (level, title, _), *_ = read(workflow_commands(record, judge(record)))
    assert (level, title) == ("error", "synthetic: life")


@pytest.mark.parametrize("number", [10, 11, 500])
def test_there_are_ten_annotations_of_a_level_at_most_and_the_rest_is_counted(
    record: Record, number: int
) -> None:
    findings = [finding(f"expect: {n}") for n in range(number)]
    lines = read(workflow_commands(record, result_of(record, *findings)))
    assert len(lines) == 10
    assert ("and" in lines[-1][2]) == (number > 10)
    if number > 10:
        assert lines[-1] == ("error", "synthetic", f"and {number - 9} more, in the report")


@settings(max_examples=50, deadline=None)
@given(text=st.text())
@example("%0A::error::planted")
@example("a\r\n::set-output name=verdict::pass")
@example("50%, that: is all")
@example("long" * 100)
def test_text_of_a_record_cannot_end_a_command_or_begin_another(record: Record, text: str) -> None:
    run = msgspec.structs.replace(
        record.run, scenario=msgspec.structs.replace(record.run.scenario, name=text or "x")
    )
    bent = dataclasses.replace(record, run=run)
    check = finding(f"expect: {text}", sentence=f"{text}!", remedy=text or None)
    ((level, title, message),) = read(workflow_commands(bent, result_of(record, check)))
    assert level == "error"
    assert len(title) <= 255
    shown = plain(text)
    if "/" not in text and "\\" not in text:  # paths are cut down to their last part
        assert message.startswith(f"{shown}!")


# -- step summary


def test_a_report_that_fits_is_the_summary_unchanged() -> None:
    report = "# run\n\nfine\n"
    assert step_summary(report, len(report)) == report


def test_a_long_report_is_cut_between_lines_below_the_limit_with_a_note() -> None:
    # given lines of three-byte characters, so that bytes and characters differ
    report = "".join(f"{n} {'€' * 500}\n" for n in range(2000))
    cut = step_summary(report)
    assert len(cut.encode()) <= github.SUMMARY_BYTES
    assert len(cut.encode()) > github.SUMMARY_BYTES - 3000
    kept, note = cut.split("\n\n", 1)
    assert report.startswith(f"{kept}\n")
    assert "Cut here" in note


@pytest.mark.parametrize(("fence", "line"), [("```", "``"), ("```", "```not"), ("`````", "```")])
def test_a_code_block_that_the_cut_opened_is_closed(fence: str, line: str) -> None:
    # given lines that look like its end, and are not: too short, or followed by something
    report = f"# run\n{fence}text\n" + f"{line}\n" * 600
    cut = step_summary(report, 1000)
    assert len(cut.encode()) <= 1000
    before, _, note = cut.partition(f"\n{fence}\n\n>")
    assert before.startswith(f"# run\n{fence}text\n{line}\n")
    assert "Cut here" in note


def test_a_code_block_that_ended_before_the_cut_is_not_closed_again() -> None:
    report = "```text\ncode\n```\n" + "words\n" * 600
    assert step_summary(report, 1000).count("```") == 2


@given(room=st.integers(0, 3000))
def test_a_summary_never_takes_more_than_its_room(room: int) -> None:
    report = "# run ✅\n" + ("````text\n" + "€\n" * 40 + "````\n") * 20
    cut = step_summary(report, room)
    assert len(cut.encode()) <= room
    fences = [line for line in cut.splitlines() if line.startswith("```")]
    assert len(fences) % 2 == 0


# -- outputs


def _as_the_runner_reads(text: str) -> dict[str, str]:
    """The runner's own way with NAME<<DELIMITER lines; it splits at line feeds alone."""
    lines, found = iter(text.split("\n")), {}
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value = []
            while (part := next(lines)) != delimiter:
                value.append(part)
            found[name] = "\n".join(value)
    return found


@given(st.dictionaries(st.sampled_from(["verdict", "report"]), st.text()))
@example({"verdict": "pass\nEOF\nverdict=fail", "report": "a<<b\nc"})
def test_outputs_come_back_on_one_line_whatever_they_hold(values: dict[str, str]) -> None:
    read_back = _as_the_runner_reads(outputs(values))
    assert read_back.keys() == values.keys()
    for name, text in values.items():
        assert read_back[name].replace(": :", "::").replace("## [", "##[") == one_line(text).replace(
            ": :", "::"
        ).replace("## [", "##[")
        assert not read_back[name].startswith("::")
        assert "##[" not in read_back[name]


def test_a_delimiter_that_the_value_holds_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["guessed", "guessed", "other"])
    monkeypatch.setattr(github.secrets, "token_hex", lambda _: next(tokens))
    assert _as_the_runner_reads(outputs({"report": "guessed"})) == {"report": "guessed"}
