"""Where a command's output goes: stdout, or a file named by ``--out``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from zcbench.files import write_out
from zcbench.record.writer import RecordError


def writable(out: Path | None, force: bool, flag: str = "--out") -> None:
    """Refuse a file that is there already, before any work is done. Raises RecordError."""
    if out is not None and os.path.lexists(out) and not force:
        raise RecordError(f"{flag} {out}: exists; name another file, or add --force")


def write(out: Path, content: bytes, flag: str = "--out") -> None:
    """Write ``content`` to the file that ``flag`` named. Raises RecordError."""
    try:
        write_out(out, content)
    except OSError as error:
        raise RecordError(f"{flag} {out}: cannot be written ({error.strerror})") from error


def shown_json(text: str) -> str:
    """JSON ``text`` in ASCII alone: the same to who parses it, and no character of it acts on a terminal."""
    return "".join(c if c.isascii() and c != "\x7f" else _escaped(c) for c in text)


def _escaped(c: str) -> str:
    units = c.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def emit(text: str, out: Path | None) -> None:
    """Print ``text``, or write it to ``out`` and print that name. Raises RecordError."""
    if out is None:
        click.echo(shown_json(text) if text.startswith(("{", "[")) else text, nl=False)
        return
    write(out, text.encode())
    click.echo(str(out))
