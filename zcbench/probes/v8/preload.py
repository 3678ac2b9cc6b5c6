"""The variable by which the agent is in every Node process that comes from a command."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

OPTIONS_VARIABLE: Final = "NODE_OPTIONS"
AGENT: Final = Path(__file__).with_name("agent.js")
_ANYBODY = stat.S_IROTH | stat.S_IXOTH
_PERMISSION = re.compile(r"(?:^|\s)--(?:experimental-)?permission(?:\s|$)")


def forbids(given: Mapping[str, str]) -> bool:
    """Whether NODE_OPTIONS turn on Node's permission model: a file that it does not list stops the program."""
    return _PERMISSION.search(given.get(OPTIONS_VARIABLE, "")) is not None


def quoted(path: str) -> str:
    """``path`` as one word of NODE_OPTIONS, where a backslash escapes within double quotes."""
    if not re.search(r'[\s"\\]', path):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


class ReadableAgent:
    """The agent's file where every user can read it: a Node that cannot read what it is to require does not
    start, and a program that root has started may start Node as somebody else."""

    def __init__(self) -> None:
        self._copy: Path | None = None

    def path(self) -> Path:
        """The installed file, or a copy that :meth:`remove` deletes."""
        if not hasattr(os, "geteuid") or os.geteuid() != 0 or _is_readable_by_anybody(AGENT):
            return AGENT
        if self._copy is None:
            folder = Path(tempfile.mkdtemp(prefix="zcbench-"))
            folder.chmod(0o755)
            self._copy = folder / AGENT.name
            shutil.copyfile(AGENT, self._copy)
            self._copy.chmod(0o644)
        return self._copy

    def remove(self) -> None:
        """Delete the copy, if one was made."""
        if self._copy is not None:
            shutil.rmtree(self._copy.parent, ignore_errors=True)


def _is_readable_by_anybody(path: Path) -> bool:
    try:
        folders = all(parent.stat().st_mode & _ANYBODY == _ANYBODY for parent in path.parents)
        return folders and bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
