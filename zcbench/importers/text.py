"""The text of a log, line by line: compressed or not, in any Unicode, from a file or standard input."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import re
import sys
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from zcbench.files import open_regular
from zcbench.record.writer import RecordError

STDIN = Path("-")
HEAD_LINES, HEAD_CHARACTERS = 400, 128 * 1024  # what a format is recognised by
LONGEST_LINE = 16 * 2**20  # characters; a log's lines are a few hundred
SEARCHED = 4096  # characters of a line in which a pattern is searched
LARGEST_DOCUMENT = 512 * 2**20  # characters of a format that is one document (JSON): it is held whole
# What a decompressor raises for a file whose end is missing or damaged.
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)

WANTED = "wanted"  # what a text has learned: the columns that somebody will read, the others may be left out
LOOKED_AT = 64 * 1024  # bytes by which an encoding is told

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

Lines = Iterator[tuple[int, str]]


@dataclass
class Remarks:
    """What was noticed while a log was read: each kind once, with its number and its first place."""

    found: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, kind: str, where: str) -> None:
        """Count one more of ``kind``, a noun phrase such as "line that is no row"."""
        entry = self.found.setdefault(kind, [0, where])
        entry[0] += 1

    def clear(self) -> None:
        """Forget all: the log is read once more."""
        self.found.clear()

    def sentences(self) -> list[str]:
        """ "3 lines that are no row, the first at log.csv:17"."""
        return [
            f"{where}: {kind}" if number == 1 else f"{where}: {kind} (the first of {number:,})"
            for kind, (number, where) in self.found.items()
        ]


@dataclass(frozen=True)
class Text:
    """One file of a log; every :meth:`lines` reads it anew."""

    path: Path
    remarks: Remarks = field(default_factory=Remarks, compare=False)
    spooled: IO[bytes] | None = field(default=None, compare=False)
    learned: dict[str, Any] = field(
        default_factory=dict, compare=False
    )  # what one pass has shown, for the next

    @property
    def name(self) -> str:
        """What a message calls it."""
        return "standard input" if self.path == STDIN else str(self.path)

    def where(self, line: int) -> str:
        """ "log.csv:17"."""
        return f"{self.name}:{line}"

    def lines(self) -> Lines:
        """Each line with its number, from 1, without its end. Raises RecordError for what is no text."""
        number = 0
        with self._open() as file:
            try:
                while line := file.readline(LONGEST_LINE):
                    number += 1
                    if len(line) >= LONGEST_LINE:
                        raise RecordError(f"{self.where(number)}: a line of more than 16 MiB is no log's")
                    yield number, _plain(line)
            except _DAMAGED:
                if not number:
                    raise RecordError(f"{self.name}: compressed, and cannot be unpacked") from None
                self.remarks.add("the compressed file ends too early", self.where(number))
            except OSError as error:
                raise RecordError(f"{self.name}: cannot be read ({error.strerror or error})") from error

    def short_lines(self) -> Lines:
        """Lines cut to what a pattern may be searched in: no tool writes longer ones."""
        return ((number, line[:SEARCHED]) for number, line in self.lines())

    def whole(self) -> str:
        """All of it, for a format that is one document. Raises RecordError if that is too large to hold."""
        with self._open() as file:
            try:
                text = file.read(LARGEST_DOCUMENT + 1)
            except (*_DAMAGED, OSError) as error:
                raise RecordError(f"{self.name}: cannot be unpacked ({error})") from error
        if len(text) > LARGEST_DOCUMENT:
            raise RecordError(f"{self.name}: one document of more than 512 MiB; write JSON Lines instead")
        return text

    def blocks(self, size: int) -> Iterator[str]:
        """All of it in pieces of ``size`` characters at most; what is damaged ends it, and is said."""
        with self._open() as file:
            try:
                while block := file.read(size):
                    yield block
            except _DAMAGED:
                self.remarks.add("the compressed file ends too early", self.name)
            except OSError as error:
                raise RecordError(f"{self.name}: cannot be read ({error.strerror or error})") from error

    def ends_with_newline(self) -> bool:
        """Whether the last line is whole, as far as its end tells; True for what is compressed."""
        with self._binary() as file:
            magic = file.read(6)
            if _codec(magic) is not None or not magic:
                return True
            file.seek(-1, io.SEEK_END)
            return file.read(1) in (b"\n", b"\0")

    def head(self) -> list[str]:
        """The first lines, enough to tell a format by."""
        lines: list[str] = []
        size = 0
        with self._open() as file, contextlib.suppress(*_DAMAGED):
            while len(lines) < HEAD_LINES and size < HEAD_CHARACTERS:
                line = file.readline(HEAD_CHARACTERS)
                if not line:
                    break
                size += len(line)
                lines.append(_plain(line))
        return lines

    @contextlib.contextmanager
    def _binary(self) -> Iterator[IO[bytes]]:
        if self.spooled is not None:
            self.spooled.seek(0)
            yield self.spooled
            return
        try:
            file = open_regular(self.path)
        except OSError as error:
            raise RecordError(f"{self.name}: cannot be read ({error.strerror})") from error
        with file:
            yield file

    @contextlib.contextmanager
    def _open(self) -> Iterator[IO[str]]:
        with self._binary() as raw:
            start = raw.read(LOOKED_AT)
            raw.seek(0)
            buffered: IO[bytes] | io.BufferedReader = raw
            if (unpack := _codec(start)) is not None:
                buffered = packed = io.BufferedReader(_AsItComes(unpack(self.name, raw)), LOOKED_AT)
                start = b""
                with contextlib.suppress(*_DAMAGED):
                    start = packed.peek(LOOKED_AT)
            text = io.TextIOWrapper(buffered, encoding=_encoding(start), errors="replace", newline=None)
            try:
                yield text
            finally:
                with contextlib.suppress(ValueError):
                    text.detach()


class _AsItComes(io.RawIOBase):
    """What is unpacked, as far as it can be: a file that ends too early gives what stands before its end."""

    def __init__(self, packed: Any) -> None:
        super().__init__()
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        block = self._packed.read1(len(into))
        into[: len(block)] = block
        return len(block)


def open_text(path: Path, remarks: Remarks) -> Text:
    """The log in ``path``; "-" is standard input, kept on disk so that it can be read more than once."""
    if path != STDIN:
        return Text(path, remarks)
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed when nobody has the text any more
    source = sys.stdin.buffer if sys.stdin is not None else io.BytesIO()
    while block := source.read(2**20):
        spool.write(block)
    text = Text(path, remarks, spool)
    weakref.finalize(text, spool.close)
    return text


def _plain(line: str) -> str:
    """A line without its end, NULs (a power cut leaves them) and what moves a terminal's cursor."""
    line = line.rstrip("\r\n").replace("\0", "")
    return _ESCAPE.sub("", line) if "\x1b" in line else line


def _encoding(start: bytes) -> str:
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):  # PowerShell's >
        return "utf-16"
    if len(start) >= 4 and start[1] == start[3] == 0 and start[0] and start[2]:
        return "utf-16-le"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(start) - error.start > 3:  # else a character that the sample's end cuts
            return _code_page(start)
    return "utf-8-sig"


def _code_page(start: bytes) -> str:
    """Windows' own, or the one of its console: where that has letters and the space between digits, the other
    has none."""
    windows = sum(byte >= 0xC0 for byte in start.replace(b"\xff", b"")) + len(re.findall(rb"\d\xa0\d", start))
    console = sum(0x80 <= byte <= 0x9F or 0xA1 <= byte <= 0xA5 or byte == 0xFF for byte in start)
    return "cp850" if console > windows else "cp1252"


def _codec(magic: bytes) -> Any:
    """What unpacks a file that begins with ``magic``; None if it is not compressed."""
    if magic.startswith(b"\x1f\x8b"):
        return lambda _, raw: gzip.GzipFile(fileobj=raw)
    if magic.startswith(b"\xfd7zXZ\0"):
        return lambda _, raw: lzma.LZMAFile(raw)
    if magic.startswith(b"BZh"):
        return lambda _, raw: bz2.BZ2File(raw)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstandard
    return None


def _zstandard(name: str, raw: IO[bytes]) -> Any:
    for module in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ImportError):
            return import_module(module).ZstdFile(raw)
    with contextlib.suppress(ImportError):
        return import_module("zstandard").ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    raise RecordError(
        f"{name}: Zstandard needs Python 3.14, or pip install 'zcbench[zstd]'; or: "
        f"zstdcat {name} | zcbench ingest -"
    )
