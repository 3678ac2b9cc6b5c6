"""The formats of one run's report: their names, their files, and how each is made."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zcbench.record.schema import (
    FAULT_FILE,
    FIGURES_FOLDER,
    HTML_FILE,
    JUNIT_FILE,
    REPORT_FILE,
    RESULT_FILE,
    RUN_FILE,
    STDERR_FILE,
)
from zcbench.render.writing import (
    Format,
    FormatError,
    Table,
    check_free,
    check_writable,
    paths,
    write_all,
    write_figures,
    write_text,
)

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result


def parse_formats(text: str) -> tuple[str, ...]:
    """The formats in "md,junit", each once, in that order. Raises FormatError for one that is not known."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = ", ".join(FORMATS)
    for name in names:
        if name not in FORMATS:
            near = difflib.get_close_matches(name, FORMATS, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise FormatError(f"no report format {name!r}; {hint}there are {known}")
    if not names:
        raise FormatError(f"{text!r} names no report format; there are {known}")
    return tuple(dict.fromkeys(names))


def report_paths(formats: Sequence[str], directory: Path) -> list[Path]:
    """Where :func:`write_reports` writes: the file of each format, in the order given."""
    return paths(FORMATS, formats, directory)


def check_directory(formats: Sequence[str], directory: Path) -> None:
    """Nothing would be lost by writing ``formats`` to ``directory``, and they can be written.

    To be asked before a run: it leaves nothing behind. Raises FormatError.
    """
    check_free(FORMATS, formats, directory, [FIGURES_FOLDER] if "md" in formats else [])
    check_writable(directory)


def write_reports(formats: Sequence[str], record: Record, result: Result, directory: Path) -> list[Path]:
    """Write each of ``formats`` into ``directory``, made if need be. Returns :func:`report_paths`.

    Raises OSError.
    """
    return write_all(FORMATS, formats, directory, record, result)


# -- the formats


def _markdown(record: Record, result: Result) -> str:
    from zcbench.render import markdown

    return markdown.render(record, result)


def _write_markdown(record: Record, result: Result, directory: Path) -> None:
    from zcbench.render import figures, markdown

    shown, lost = write_figures(figures.draw(record, result), directory)
    write_text(directory / REPORT_FILE, markdown.render(record, result, shown, lost))


def _html(record: Record, result: Result) -> str:
    from zcbench.render import html

    return html.render(record, result)


def _write_html(record: Record, result: Result, directory: Path) -> None:
    write_text(directory / HTML_FILE, _html(record, result))


def _junit(record: Record, result: Result) -> str:
    from zcbench.render import junit

    return junit.render(record, result)


def _write_junit(record: Record, result: Result, directory: Path) -> None:
    from zcbench.render import junit

    beside = [path for path in report_paths(list(FORMATS), directory) if path.name != JUNIT_FILE]
    kept = [record.path / name for name in (RUN_FILE, RESULT_FILE, STDERR_FILE, FAULT_FILE)]
    there = [path for path in dict.fromkeys((*beside, *kept)) if _has_something(path)]
    text = junit.render(record, result, [_as_the_job_sees(path) for path in there])
    write_text(directory / JUNIT_FILE, text)


def _json(_record: Record, result: Result) -> str:
    from zcbench.record.writer import result_json

    return result_json(result) + "\n"


def _write_json(_record: Record, result: Result, directory: Path) -> None:
    from zcbench.record.writer import write_result

    write_result(directory, result)


def _has_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _as_the_job_sees(path: Path) -> str:
    """Relative to the working directory, which for a CI job is its checkout, where it can be."""
    whole = path.resolve()
    here = Path.cwd()
    return (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()


FORMATS: Table[Record, Result] = {
    "md": Format(REPORT_FILE, "Markdown", _markdown, _write_markdown),
    "html": Format(HTML_FILE, "one page: figures that zoom, tables that sort", _html, _write_html),
    "junit": Format(JUNIT_FILE, "JUnit XML, one test case a check", _junit, _write_junit),
    "json": Format(RESULT_FILE, "the result, for programs", _json, _write_json),
}
