"""Reports as files: what a format is, where its file lies, and that nothing is lost by writing it.

One run and a campaign each have a table of formats (:mod:`zcbench.render.formats`,
:mod:`zcbench.render.campaign.written`); what is done with a table stands here.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVarTuple

from zcbench.files import write_whole
from zcbench.record.schema import FIGURES_FOLDER

if TYPE_CHECKING:
    from zcbench.render.figures import Figure

Reported = TypeVarTuple("Reported")  # what a report is made of: a record and its result, or a campaign's end


class FormatError(ValueError):
    """A report that cannot be made as asked; the message names what was given and what would do."""


@dataclass(frozen=True)
class Format(Generic[*Reported]):
    """One format: the ``file`` it is written to, what it is, its text, and how a report directory gets it."""

    file: str
    meaning: str
    text: Callable[[*Reported], str]
    write: Callable[[*Reported, Path], None]


Table = Mapping[str, Format[*Reported]]


def paths(table: Table[*Reported], formats: Sequence[str], directory: Path) -> list[Path]:
    """Where :func:`write_all` writes: the file of each format, in the order given."""
    return [directory / table[name].file for name in formats]


def check_free(
    table: Table[*Reported], formats: Sequence[str], directory: Path, folders: Sequence[str] = ()
) -> None:
    """Nothing would be lost by writing ``formats``, and what they put into ``folders``, to ``directory``.

    Raises FormatError.
    """
    for path in [*paths(table, formats, directory), *(directory / name for name in folders)]:
        if os.path.lexists(path):
            raise FormatError(f"--report-dir {directory}: holds a {path.name} already; name another directory")


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


def write_all(
    table: Table[*Reported], formats: Sequence[str], directory: Path, *reported: *Reported
) -> list[Path]:
    """Write each of ``formats`` into ``directory``, made if need be. Returns :func:`paths`. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    # JUnit last: it names the files beside it.
    for name in sorted(formats, key=lambda name: name == "junit"):
        table[name].write(*reported, directory)
    return paths(table, formats, directory)


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
        write_text(folder / f"{name}.svg", svg)
    tell_lost(lost)
    return list(shown), lost


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` whole, or not at all. Raises OSError."""
    write_whole(path, text.encode(errors="replace"))
