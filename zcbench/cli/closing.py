"""The end of every command that makes a record: judge it, write its result and its report."""

from __future__ import annotations

from pathlib import Path

from zcbench.record.reader import Record, read_record
from zcbench.record.schema import REPORT_FILE, Result
from zcbench.record.writer import write_result
from zcbench.render import markdown
from zcbench.verdict import judge


def close(directory: Path) -> tuple[Record, Result]:
    """Judge the run in ``directory``; write ``result.json`` and ``report.md`` there."""
    record = read_record(directory)
    result = judge(record)
    write_result(directory, result)
    (directory / REPORT_FILE).write_text(markdown.render(record, result), encoding="utf-8")
    return record, result
