"""Where a command's output goes: stdout, or a file named by ``--out``."""

from __future__ import annotations

from pathlib import Path

import click

from zcbench.record.writer import RecordError


def writable(out: Path | None, force: bool, flag: str = "--out") -> None:
    """Refuse a file that is there already, before any work is done. Raises RecordError."""
    if out is not None and out.exists() and not force:
        raise RecordError(f"{flag} {out}: exists; name another file, or add --force")


def write(out: Path, content: bytes, flag: str = "--out") -> None:
    """Write ``content`` to the file that ``flag`` named. Raises RecordError."""
    try:
        out.write_bytes(content)
    except OSError as error:
        raise RecordError(f"{flag} {out}: cannot be written ({error.strerror})") from error


def emit(text: str, out: Path | None) -> None:
    """Print ``text``, or write it to ``out`` and print that name. Raises RecordError."""
    if out is None:
        click.echo(text, nl=False)
        return
    write(out, text.encode())
    click.echo(str(out))
