"""What may happen to a file: cut, flipped, torn, doubled; or still whole, and wrong."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

# Numbers that fit no counter, text that ends a cell, a line, a table, a script, a command or a terminal's mode.
NUMBERS = (
    0, -1, 1, -0.0, 0.5, 1e-320, 1e308, -1e308, 1.7e9, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1,
    2**64, -(2**63) - 1, 10**30, math.nan, math.inf, -math.inf,
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "\n", "a\r\nb", "|", "`", "```", "*_[x](y)", "<script>alert(1)</script>", "</script>", "]]>",
    "<!--", "&amp;", "\x1b[31m", "\x7f", "\u202e", "\ufeff", "\ufffe", "\ud800", "é", "😀", "::error::x", "%0A",
    "$(x)", "{{ 7 * 7 }}", "{% raw %}", "[bold]x[/]", "..", "../../x", "/", "=1+1", '"', "'", "nan",
    "x" * 20_000, "-1", "1e999", "9" * 5000, "2026-13-45T99:99:99", "0001-01-01T00:00:00+23:59",
)  # fmt: skip
OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    {"": {}},
    [None],
    {"a": 1},
    list(range(300)),
)


def hostile(random: Random) -> Any:
    """A JSON value that nobody expects."""
    return random.choice(random.choice((NUMBERS, TEXTS, OTHERS)))


def bytes_of(random: Random, content: bytes) -> bytes:
    """``content`` after a cut, a flip, a stroke of zeros or junk, or with a part of it twice."""
    if not content:
        return random.choice((b"\0", b"\xff\xfe", b"[" * 100_000, b"{"))
    at = random.randrange(len(content))
    to = min(len(content), at + random.randrange(1, 600))
    match random.randrange(8):
        case 0:
            return content[:at]
        case 1:
            return content[at:]
        case 2:
            return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]
        case 3:
            return content[:at] + bytes(to - at) + content[to:]
        case 4:
            return content[:at] + content[to:]
        case 5:
            return content[:to] + content[at:]
        case 6:
            junk = (
                b"\xff",
                b"\xed\xa0\x80",
                b"\x1b[2J",
                b"[" * 100_000,
                b'{"a":' * 100_000,
                b'"',
                b",",
                b"\n",
            )
            return content[:at] + random.choice(junk) + content[at:]
        case _:
            return random.randbytes(random.randrange(200))


def json_of(random: Random, content: bytes) -> bytes:
    """A JSON document with one of its values replaced, left out, or added to."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return bytes_of(random, content)
    # Any value at any depth is as likely, or what lies deep would hardly ever be met.
    path = random.choice(list(_paths(whole)))
    if not path:
        return json.dumps(hostile(random)).encode()
    *way, key = path
    around = whole
    for step in way:
        around = around[step]
    match random.randrange(12):
        case 0:
            del around[key]
        case 1 if isinstance(around, dict):
            around[random.choice(TEXTS)] = around[key]
        case _:
            number = isinstance(around[key], int | float) and random.randrange(4)
            around[key] = random.choice(NUMBERS) if number else hostile(random)
    return json.dumps(whole).encode()


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in ``value``, itself included."""
    yield before
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[key], (*before, key))


def lines_of(random: Random, content: bytes, change: Callable[[Random, bytes], bytes]) -> bytes:
    """Lines, one of which is changed, left out, twice there, or elsewhere."""
    lines = content.splitlines()
    if not lines:
        return change(random, content)
    at = random.randrange(len(lines))
    match random.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines.insert(random.randrange(len(lines) + 1), lines[at])
        case 2:
            random.shuffle(lines)
        case _:
            lines[at] = change(random, lines[at])
    return b"\n".join(lines) + b"\n"


def cells_of(random: Random, line: bytes) -> bytes:
    """A line of CSV with up to four cells replaced; or one more, or one fewer."""
    cells = line.split(b",")
    for _ in range(random.randrange(1, 5)):
        cell = str(hostile(random)).encode("utf-8", "surrogatepass")
        cells[random.randrange(len(cells))] = cell
    match random.randrange(8):
        case 0:
            cells.append(b"1")
        case 1:
            cells.pop()
    return b",".join(cells)


def column_of(random: Random, content: bytes) -> bytes:
    """A CSV with one column replaced in every row: by the same everywhere, or by what grows or falls fast."""
    rows = [line.split(b",") for line in content.splitlines()]
    if len(rows) < 2:
        return bytes_of(random, content)
    at = random.randrange(len(rows[0]))
    base, steps = hostile(random), random.choice((0.0, 1.0, -1.0, 1e300, 0.1))
    for number, row in enumerate(rows[1:]):
        value = base
        if isinstance(base, int | float) and steps and not isinstance(base, bool):
            value = float(base if abs(base) < 1e300 else 0) + steps * number
        row[min(at, len(row) - 1)] = str(value).encode("utf-8", "surrogatepass")
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


def words_of(random: Random, content: bytes) -> bytes:
    """A page of 64-bit words, a few of which are replaced; often those of its header and tables."""
    page = bytearray(content)
    if len(page) < 16:
        return bytes_of(random, content)
    for _ in range(random.randrange(1, 5)):
        within = random.choice((64, min(len(page), 8000), len(page)))
        at = random.randrange(max(1, within // 4 - 2)) * 4
        value = random.choice(
            (0, 1, 2**16, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 2, 2**64 - 1, 976, len(page))
        )
        page[at : at + 8] = value.to_bytes(8, "little")
    return bytes(page)


def entry_of(random: Random, content: bytes) -> bytes:
    """A page of version 2 in whose table a name, a kind or an offset is replaced, or a law."""
    page = bytearray(content)
    at = 256 + 128 * random.randrange(8) + random.choice((0, 0, 8, 64, 80, 96, 100, 100))
    offset = random.choice((0, 4, 8, 2**20, 2**32 - 8, 4_352, 4_360, random.randrange(2**16)))
    value = random.choice((b"pool.hits\0", b"\xff\xfe", b"\0", b"a b\0", b"\n\n", offset.to_bytes(4, "little")))
    page[at : at + len(value)] = value
    return bytes(page[: len(content)])


def header_of(random: Random, content: bytes) -> bytes:
    """A file whose first 80 bytes have other numbers in them, of either byte order."""
    head = bytearray(content)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(max(1, min(len(head) - 4, 80)))
        value = random.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, random.getrandbits(32)))
        head[at : at + 4] = value.to_bytes(4, random.choice(("little", "big")))
    return bytes(head)


def file(random: Random, path: Path, ways: Sequence[Callable[[Random, bytes], bytes]]) -> None:
    """Damage the file at ``path`` in one of ``ways`` or as :func:`bytes_of`; now and then it goes."""
    what = random.randrange(20)
    if what == 0:
        path.unlink()
    elif what == 1:
        path.unlink()
        path.mkdir()
    elif what == 2:
        path.write_bytes(b"")
    else:
        content = path.read_bytes()
        # What is still well-formed gets further.
        way = random.choice((*ways, *ways, bytes_of))
        path.write_bytes(way(random, content))


def copy(source: Path, to: Path) -> Path:
    """A fresh copy of the directory ``source`` at ``to``, whatever was there."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(source, to)
    return to


def emptied(folder: Path) -> Path:
    """The directory ``folder``, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
