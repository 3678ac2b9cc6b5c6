"""Where a command's output goes: stdout, or a file named by ``--out``."""

from __future__ import annotations

from pathlib import Path

import click

from zcbench.record.writer import RecordError


def writable(out: Path | None, force: bool) -> None:
    """Refuse an ``--out`` that is there already, before any work is done. Raises RecordError."""
    if out is not None and out.exists() and not force:
        raise RecordError(f"--out {out}: exists; name another file, or add --force")


def emit(text: str, out: Path | None) -> None:
    """Print ``text``, or write it to ``out`` and print that name. Raises RecordError."""
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RecordError(f"--out {out}: cannot be written ({error.strerror})") from error
    click.echo(str(out))
