"""The formats of a report: their names, their files, and where they may be written."""

from __future__ import annotations

import difflib
import errno
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zcbench.files import write_whole
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

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result
    from zcbench.render.figures import Figure


class FormatError(ValueError):
    """A report that cannot be made as asked; the message names what was given and what would do."""


@dataclass(frozen=True)
class Format:
    """One format: the ``file`` it is written to, what it is, its text, and how a report directory gets it."""

    file: str
    meaning: str
    text: Callable[[Record, Result], str]
    write: Callable[[Record, Result, Path], None]


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
    return [directory / FORMATS[name].file for name in formats]


def check_directory(formats: Sequence[str], directory: Path) -> None:
    """Nothing would be lost by writing ``formats`` to ``directory``, and they can be written.

    To be asked before a run: it leaves nothing behind. Raises FormatError.
    """
    figures = [directory / FIGURES_FOLDER] if "md" in formats else []
    for path in [*report_paths(formats, directory), *figures]:
        if os.path.lexists(path):
            raise FormatError(f"--report-dir {directory}: holds a {path.name} already; name another directory")
    check_writable(directory)


def check_writable(directory: Path) -> None:
    """``directory`` is one, or can be made, and takes files. Raises FormatError."""
    there = next(p for p in (directory, *directory.absolute().parents) if os.path.lexists(p))
    if not there.is_dir():
        is_what = "a link that leads nowhere" if there.is_symlink() else "a file"
        raise FormatError(f"--report-dir {directory}: {there} is {is_what}; name a directory")
    try:
        with tempfile.TemporaryDirectory(dir=there):
            pass
    except OSError as error:
        raise FormatError(
            f"--report-dir {directory}: cannot be written ({error.strerror}); name another directory"
        ) from error


def write_reports(formats: Sequence[str], record: Record, result: Result, directory: Path) -> list[Path]:
    """Write each of ``formats`` into ``directory``, made if need be. Returns :func:`report_paths`.

    Raises OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # JUnit last: it names the files beside it.
    for name in sorted(formats, key=lambda name: name == "junit"):
        FORMATS[name].write(record, result, directory)
    return report_paths(formats, directory)


# -- the formats


def _markdown(record: Record, result: Result) -> str:
    from zcbench.render import markdown

    return markdown.render(record, result)


def _write_markdown(record: Record, result: Result, directory: Path) -> None:
    from zcbench.render import figures, markdown

    shown, lost = write_figures(figures.draw(record, result), directory)
    _write(directory / REPORT_FILE, markdown.render(record, result, shown, lost))


def write_figures(drawn: Sequence[Figure], directory: Path) -> tuple[list[str], dict[str, str]]:
    """Write each figure as SVG below ``directory``: the names of those, and why there is none of others.

    Raises OSError.
    """
    from zcbench.render.pictures import pictures, tell_lost

    shown, lost = pictures(drawn)
    folder = directory / FIGURES_FOLDER
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "is a link to elsewhere; move it away", str(folder))
    if shown:
        folder.mkdir(exist_ok=True)
    for name, svg in shown.items():
        _write(folder / f"{name}.svg", svg)
    tell_lost(lost)
    return list(shown), lost


def _html(record: Record, result: Result) -> str:
    from zcbench.render import html

    return html.render(record, result)


def _write_html(record: Record, result: Result, directory: Path) -> None:
    _write(directory / HTML_FILE, _html(record, result))


def _junit(record: Record, result: Result) -> str:
    from zcbench.render import junit

    return junit.render(record, result)


def _write_junit(record: Record, result: Result, directory: Path) -> None:
    from zcbench.render import junit

    beside = [path for path in report_paths(list(FORMATS), directory) if path.name != JUNIT_FILE]
    kept = [record.path / name for name in (RUN_FILE, RESULT_FILE, STDERR_FILE, FAULT_FILE)]
    there = [path for path in dict.fromkeys((*beside, *kept)) if _has_something(path)]
    text = junit.render(record, result, [_as_the_job_sees(path) for path in there])
    _write(directory / JUNIT_FILE, text)


def _json(_record: Record, result: Result) -> str:
    from zcbench.record.writer import result_json

    return result_json(result) + "\n"


def _write_json(_record: Record, result: Result, directory: Path) -> None:
    from zcbench.record.writer import write_result

    write_result(directory, result)


def _write(path: Path, text: str) -> None:
    write_whole(path, text.encode(errors="replace"))


def _has_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _as_the_job_sees(path: Path) -> str:
    """Relative to the working directory, which for a CI job is its checkout, where it can be."""
    whole = path.resolve()
    here = Path.cwd()
    return (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()


FORMATS: Mapping[str, Format] = {
    "md": Format(REPORT_FILE, "Markdown", _markdown, _write_markdown),
    "html": Format(HTML_FILE, "one page: figures that zoom, tables that sort", _html, _write_html),
    "junit": Format(JUNIT_FILE, "JUnit XML, one test case a check", _junit, _write_junit),
    "json": Format(RESULT_FILE, "the result, for programs", _json, _write_json),
}
