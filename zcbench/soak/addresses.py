"""Names for the addresses of a process that is gone, from its files and what its maps said."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

NAME_S = 60.0  # for binutils to read the debug information of one file
_MAP = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ \d+\s+(/.*)")
_PT_LOAD = 1
_LARGEST_TABLE = 1 << 16  # bytes of program headers read


@dataclass(frozen=True)
class Stretch:
    """A stretch of a process's memory that a file lies in."""

    start: int
    stop: int
    offset: int  # in the file, of ``start``
    file: str


@dataclass(frozen=True)
class Named:
    """What lies at an address: its file's name; function and "FILE:LINE" where debug information has them."""

    module: str
    function: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        """ "program.c:31 in block", "libfoo.so in make"."""
        if self.function is None:
            return f"{self.module} (no symbols)"
        return f"{self.place or self.module} in {self.function}"


def read_maps(lines: Iterable[str]) -> list[Stretch]:
    """The code in a process, of the lines of /proc/PID/maps, by address."""
    found = (_MAP.match(line) for line in lines)
    return [
        Stretch(int(one[1], 16), int(one[2], 16), int(one[4], 16), one[5])
        for one in found
        if one is not None and "x" in one[3]
    ]


def name_all(addresses: Iterable[int], maps: list[Stretch]) -> Mapping[int, Named]:
    """What lies at each of these; of return addresses give the byte before."""
    starts = [one.start for one in maps]
    of_files: dict[str, dict[int, int]] = {}
    for address in set(addresses):
        at = bisect_right(starts, address) - 1
        if at >= 0 and address < maps[at].stop:
            offset = address - maps[at].start + maps[at].offset
            of_files.setdefault(maps[at].file, {})[address] = offset
    named: dict[int, Named] = {}
    for file, offsets in of_files.items():
        named |= _name(file, offsets)
    return named


def _name(file: str, offsets: Mapping[int, int]) -> dict[int, Named]:
    module = Path(file).name
    plain = dict.fromkeys(offsets, Named(module))
    tool = shutil.which("addr2line")
    if tool is None:
        return plain
    try:
        segments = _segments(Path(file))
        asked = [f"{_virtual(offset, segments):#x}" for offset in offsets.values()]
        done = subprocess.run(
            [tool, "-f", "-C", "-e", file, *asked], capture_output=True, text=True, timeout=NAME_S, check=False
        )
    except (OSError, ValueError, struct.error, subprocess.TimeoutExpired):
        return plain
    lines = done.stdout.splitlines()
    if len(lines) != 2 * len(offsets):
        return plain
    pairs = zip(offsets, lines[::2], lines[1::2], strict=True)
    return {address: _named(module, function, place) for address, function, place in pairs}


def _named(module: str, function: str, place: str) -> Named:
    place = place.partition(" (discriminator")[0]
    known = not place.startswith("??") and not place.endswith((":?", ":0"))
    return Named(module, None if function == "??" else function, place if known else None)


def _segments(path: Path) -> list[tuple[int, int, int]]:
    """Offset, size and address of what is loaded of an ELF file; ValueError for another."""
    with path.open("rb") as file:
        header = file.read(64)
        if header[:5] != b"\x7fELF\x02":
            raise ValueError(f"{path} is no 64-bit ELF file")
        at, size, count = struct.unpack_from("<Q", header, 32)[0], *struct.unpack_from("<HH", header, 54)
        file.seek(at)
        table = file.read(min(size * count, _LARGEST_TABLE))
    heads = [struct.unpack_from("<IIQQQQ", table, i * size) for i in range(len(table) // size)]
    return [(offset, length, address) for kind, _, offset, address, _, length in heads if kind == _PT_LOAD]


def _virtual(offset: int, segments: list[tuple[int, int, int]]) -> int:
    """The address that the file itself has for what lies at ``offset`` of it."""
    for begin, length, address in segments:
        if begin <= offset < begin + length:
            return offset - begin + address
    return offset
