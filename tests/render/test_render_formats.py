"""Reports in the formats asked for, where asked for, and nothing lost on the way."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.records import make_record
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.record.writer import result_json
from zcbench.render.formats import (
    FORMATS,
    FormatError,
    check_directory,
    check_writable,
    parse_formats,
    report_paths,
    write_reports,
)
from zcbench.verdict import judge


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Result]:
    record = make_record(tmp_path_factory.mktemp("record"))
    return record, judge(record)


def test_formats_come_in_the_order_asked_for_each_once() -> None:
    assert parse_formats(" junit, md,junit,") == ("junit", "md")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("md,jnit", "'jnit'; did you mean 'junit'?"),
        ("pdf", "'pdf'; there are md"),
        (" ,", "names no"),
    ],
)
def test_an_unknown_format_is_refused_by_its_name_with_those_there_are(text: str, says: str) -> None:
    with pytest.raises(FormatError, match=re.escape(says)) as refused:
        parse_formats(text)
    for name in FORMATS:
        assert name in str(refused.value)


def test_every_format_is_written_where_report_paths_says(judged: tuple[Record, Result], tmp_path: Path) -> None:
    formats = tuple(FORMATS)
    directory = tmp_path / "not" / "there" / "yet"
    written = write_reports(formats, *judged, directory)
    assert written == report_paths(formats, directory)
    for name, path in zip(formats, written, strict=True):
        assert path.read_text(encoding="utf-8"), name
    result = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    assert result == json.loads(result_json(judged[1]))


def test_a_markdown_report_has_the_figures_it_links_beside_it_and_alone_none(
    judged: tuple[Record, Result], tmp_path: Path
) -> None:
    (report,) = write_reports(("md",), *judged, tmp_path)
    linked = set(re.findall(r"\]\((figures/[^)]+)\)", report.read_text(encoding="utf-8")))
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("figures/*")}
    assert "figures/memory.svg" in linked
    assert linked == there
    for name in linked:
        assert (tmp_path / name).read_text(encoding="utf-8").startswith("<svg")
    assert "](figures/" not in FORMATS["md"].text(*judged)


def test_the_junit_file_attaches_the_reports_and_files_that_are_there(
    judged: tuple[Record, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a job whose checkout is the working directory, and the formats in any order
    monkeypatch.chdir(tmp_path)
    (judged[0].path / "subject.log").touch()
    write_reports(("junit", "md"), *judged, tmp_path / "out")
    text = (tmp_path / "out" / "junit.xml").read_text(encoding="utf-8")
    # then paths below it are relative to it, and only files that are there and hold something are named
    assert "[[ATTACHMENT|out/report.md]]" in text
    assert f"[[ATTACHMENT|{(judged[0].path / 'run.json').resolve().as_posix()}]]" in text
    for absent in ("report.html", "subject.log", "out/junit.xml"):
        assert absent not in text


def test_a_directory_is_checked_without_a_trace(tmp_path: Path) -> None:
    check_directory(("md",), tmp_path / "a" / "b")
    check_directory(("md",), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_directory_that_holds_such_a_report_is_refused(name: str, tmp_path: Path) -> None:
    file = FORMATS[name].file
    (tmp_path / file).write_text("mine")
    with pytest.raises(FormatError, match=rf"holds a {re.escape(file)} already.*another"):
        check_directory(tuple(FORMATS), tmp_path)
    check_writable(tmp_path)
    assert (tmp_path / file).read_text() == "mine"


def test_a_directory_that_is_a_file_or_cannot_be_written_is_refused(tmp_path: Path, unwritable: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FormatError, match=r"is a file; name a directory"):
            check_directory(("md",), path)
    for path in (unwritable, unwritable / "out"):
        with pytest.raises(FormatError, match=r"cannot be written .*another"):
            check_directory(("md",), path)
