"""The summary after a run: what it came to, in a screen of text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Group

from tests.records import make_record, scenario
from tests.render.test_render_console import text_of
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending, Finding, Result
from zcbench.render.progress import (
    ASCII,
    UNICODE,
    Ink,
)
from zcbench.render.summary import SUMMARY_LINES, summary
from zcbench.verdict import judge

STORIES: dict[str, dict[str, object]] = {
    "clean": {},
    "crash": {
        "ending": End(ending=Ending.CRASHED, signal="SIGSEGV", last_sequence=110, received=111),
        "packets": 111,
        "rows": 2,
    },
    "long name": {"plan": msgspec.structs.replace(scenario(), name="a" * 90)},
    "broken": {"counters": {"engine.delivered": 2999, "consumer.gaps": 1}},
}


def shown(record: Record, result: Result, width: int = 80, ink: Ink = UNICODE) -> list[str]:
    lines = summary(record, result, [Path("runs/one/report.md")], width, ink)
    return text_of(Group(*lines), width).splitlines()


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("kind", STORIES)
def test_the_summary_fits_a_terminal_and_starts_with_the_verdict(tmp_path: Path, kind: str, width: int) -> None:
    # given a run that went well or did not
    record = make_record(tmp_path / "run", **STORIES[kind])
    result = judge(record)
    lines = shown(record, result, width)
    # then it is at most 24 lines, none too long, the verdict first
    assert len(lines) <= SUMMARY_LINES
    assert all(len(line) <= width for line in lines)
    assert lines[0].startswith(result.verdict.upper())
    assert lines[0].endswith(f"(exit code {result.exit_code})")
    # and the report and what to do next stand at its end
    assert any(line.split() == ["report", "runs/one/report.md"] for line in lines[-4:])
    assert any(line.startswith("next ") for line in lines[-3:])


def test_the_summary_lists_what_failed_and_counts_what_passed(tmp_path: Path) -> None:
    # given one failed check among many
    record = make_record(tmp_path / "run", counters={"consumer.gaps": 1})
    result = judge(record)
    text = "\n".join(shown(record, result, 100))
    assert "FAIL       gaps: " in text
    assert "life:" not in text
    passed = sum(finding.outcome == "pass" for finding in result.findings)
    assert f"{passed} of {len(result.asked)} passed" in text


def test_a_failed_sentence_wraps_and_is_not_cut(tmp_path: Path) -> None:
    # given a failure whose sentence is longer than a line
    record = make_record(tmp_path / "run", **STORIES["broken"])
    result = judge(record)
    worst = next(f for f in result.findings if f.outcome == "fail")
    text = " ".join(" ".join(shown(record, result, 60)).split())
    # then all of it can be read
    assert len(worst.sentence) > 60
    assert worst.sentence in text


def test_the_summary_of_many_failures_says_how_many_are_left_out(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    result = judge(record)
    sentence = "a failure with a rather long story to tell " * 3
    many = [Finding(check=f"check{i}", outcome="fail", sentence=sentence) for i in range(20)]
    lines = shown(record, msgspec.structs.replace(result, findings=many), 60)
    listed = sum(line.startswith("FAIL") for line in lines)
    assert len(lines) <= SUMMARY_LINES
    assert any(line == f"and {20 - listed} more in the report" for line in lines)


def test_report_paths_longer_than_the_terminal_count_as_the_lines_they_make(tmp_path: Path) -> None:
    # given three reports in a folder far down, and more failures than there is room for
    record = make_record(tmp_path / "run")
    result = judge(record)
    sentence = "a failure with a rather long story to tell " * 3
    many = [Finding(check=f"check{i}", outcome="fail", sentence=sentence) for i in range(20)]
    result = msgspec.structs.replace(result, findings=many)
    for length in (50, 120, 200):
        reports = [Path("f" * length) / name for name in ("report.md", "report.html", "junit.xml")]
        # when
        lines = [line.plain for line in summary(record, result, reports, 60, UNICODE)]
        # then every path is whole, a failure is shown, and all of it fits
        assert sum(max(1, -(-len(line) // 60)) for line in lines) <= SUMMARY_LINES
        assert all(any(line.endswith(str(path)) for line in lines) for path in reports)
        assert any(line.startswith("FAIL") for line in lines)


def test_the_summary_is_plain_where_blocks_cannot_be_shown(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    lines = shown(record, judge(record), ink=ASCII)
    sparks = [line for line in lines if line.startswith(("heap", "RSS", "rate", "in flight"))]
    assert sparks
    assert all(line.isascii() for line in sparks)


def test_a_quiet_run_does_not_pay_for_rich() -> None:
    # given a process that only imports the console's modules
    code = "import sys, zcbench.render.live, zcbench.render.summary; sys.exit('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False)
    # then rich was not imported
    assert done.returncode == 0
