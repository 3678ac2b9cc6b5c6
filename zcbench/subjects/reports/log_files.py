"""Where the options of sanitizers and of Valgrind send their reports, if not to the program's output."""

from __future__ import annotations

import contextlib
import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

MOST_FILES = 64  # one a process
LARGEST = 2**20  # bytes of each
_VARIABLES = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "MSAN_OPTIONS", "UBSAN_OPTIONS", "GORACE")
_LOG_PATH = re.compile(r"(?:^|[:\s])log_path=(\"[^\"]*\"|'[^']*'|[^:\s]+)")
_VALGRIND = re.compile(r"--log-file=(.+)")
_PATTERN = re.compile(r"%(?:[pn]|q\{[^}]*\})")  # of a process, its number, a variable
_OUTPUTS = ("stdout", "stderr")  # no files


def read_logs(
    words: Iterable[str], variables: Mapping[str, str], folder: Path, since_s: float
) -> Iterator[bytes]:
    """The text of each log that the command ``words`` wrote after ``since_s`` (time.time); it was started in
    ``folder`` with ``variables``."""
    shapes = [f"{glob.escape(path)}.*" for path in _paths(variables) if path not in _OUTPUTS]
    named = (found.group(1) for word in words if (found := _VALGRIND.match(word)) is not None)
    shapes += [_PATTERN.sub("*", glob.escape(path)) for path in named]
    # An absolute one stays as it is. By this glob, as Path's takes no absolute pattern.
    found_names = {name for shape in shapes for name in glob.glob(str(folder / shape))}  # noqa: PTH207
    files = [Path(name) for name in sorted(found_names)]
    for file in files[:MOST_FILES]:
        with contextlib.suppress(OSError):
            # File systems keep time by the kernel's tick.
            if file.is_file() and file.stat().st_mtime >= since_s - 1:
                with file.open("rb") as opened:
                    yield opened.read(LARGEST)


def _paths(variables: Mapping[str, str]) -> Iterator[str]:
    for name in _VARIABLES:
        for path in _LOG_PATH.findall(variables.get(name, "")):
            yield path.strip("\"'")
