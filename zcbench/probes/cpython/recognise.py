"""Whether a process is CPython's, and why one that is has no readings, by what can be seen from outside."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from zcbench.probes import procfs

OLDEST = (3, 11)
TRACING_VARIABLE = "PYTHONTRACEMALLOC"  # with it Python traces allocations from its start

_NAME = re.compile(r"(?:python|Python)(\d)?(?:\.(\d+))?[td]{0,2}(?:\.exe)?")
_LIBRARY = re.compile(rb"/libpython(\d)\.(\d+)[a-z]*\.so|/Python\.framework/Versions/(\d)\.(\d+)/")
_VALUED = "mcWX"  # options with a value: what follows it is no option, or of the program
# Options by which Python takes no part in what is set from outside.
_CLOSED = {
    "I": "takes no variables and no folder from outside",
    "E": "takes no variables",
    "S": "runs no sitecustomize",
}


class Python(NamedTuple):
    """A process that runs CPython; its version where that shows, (3, 0) where it does not."""

    executable: str
    version: tuple[int, int]


def recognise(pid: int) -> Python | None:
    """What Python the process runs; None if none. Raises OSError when it is gone, or not ours to look into."""
    executable = procfs.executable(pid)
    known = of_name(PurePath(executable).name)
    if known is None or known[1] == 0:
        found = _LIBRARY.search(procfs.read(f"/proc/{pid}/maps"))
        if found is not None:
            major, minor = (int(group) for group in found.groups() if group)
            known = (major, minor)
    return None if known is None else Python(executable, known)


def of_name(name: str) -> tuple[int, int] | None:
    """The version that an executable's name says: "python3.11" is (3, 11), "python" (3, 0); None of others."""
    found = _NAME.fullmatch(name)
    return None if found is None else (int(found[1] or 3), int(found[2] or 0))


def reason(pid: int, python: Python, folder: str) -> str:
    """Why the process has no page, one clause: "it was started with -I, ...". ``folder`` is what should have
    been on its path. Raises OSError."""
    major, minor = python.version
    if major < 3 or 0 < minor < OLDEST[1]:
        return f"it is Python {major}.{minor}; {OLDEST[0]}.{OLDEST[1]} and later can be read"
    words = [os.fsdecode(word) for word in procfs.read(f"/proc/{pid}/cmdline").split(b"\0")]
    for letter, what in _CLOSED.items():
        if letter in options(words[1:]):
            return f"it was started with -{letter}, by which Python {what}"
    paths = variables(pid).get("PYTHONPATH", "").split(os.pathsep)
    if folder not in paths:
        return "it was started without the PYTHONPATH that it was given: whoever started it replaced that"
    return (
        "it could not write its page (another user's process may not), or is a Python without ctypes, or an "
        "embedded one that runs no sitecustomize"
    )


def options(words: Sequence[str]) -> str:
    """The letters of Python's own options at the begin of ``words``: ["-IS", "-m", "x", "-E"] has "ISm"."""
    letters = ""
    skips = False
    for word in words:
        if skips:
            skips = False
            continue
        if not word.startswith("-") or word in ("-", "--") or word.startswith("--"):
            break
        for at, letter in enumerate(word[1:], start=1):
            letters += letter
            if letter in "mc":
                return letters
            if letter in _VALUED:
                skips = at == len(word) - 1
                break
    return letters


def variables(pid: int) -> Mapping[str, str]:
    """The environment that the process was started with. Raises OSError."""
    content = procfs.read(f"/proc/{pid}/environ").split(b"\0")
    pairs = (os.fsdecode(word).partition("=") for word in content if word)
    return {name: value for name, _, value in pairs}
