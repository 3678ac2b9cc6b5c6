"""Paths of the machine a run was made on: a report that is published names none of its folders."""

from __future__ import annotations

import re
from collections.abc import Sequence

# In quotes a path may hold spaces. A bare one has at least one folder, and no word before its slash: so
# neither "100/s" nor a URL is one.
_QUOTED = re.compile(r"""(["'])(?:/|[A-Za-z]:[\\/]|\\\\)(?:[^"'\n]*[\\/])?([^"'\\/\n]+)[\\/]*\1""")
_POSIX = re.compile(r"(?<![\w.:/\\])/(?:[^\s/\"'`|<>:,;()]+/)+([^\s/\"'`|<>:,;()]*)")
_WINDOWS = re.compile(
    r"(?<!\w)(?:[A-Za-z]:[\\/]|\\\\(?=\w))(?:[^\s\\/\"'`|<>:,;()]+[\\/])*([^\s\\/\"'`|<>:,;()]*)"
)
_ABSOLUTE = re.compile(r"/.|[A-Za-z]:[\\/]|\\\\")


def without_folders(text: str) -> str:
    """``text`` with every absolute path in it cut down to its last part."""
    text = _QUOTED.sub(r"\1\2\1", text)
    return _WINDOWS.sub(r"\1", _POSIX.sub(r"\1", text))


def arguments_without_folders(arguments: Sequence[str]) -> list[str]:
    """A command's ``arguments``, each that is an absolute path, or ``--flag=path``, cut to its last part."""
    return [_argument(argument) for argument in arguments]


def name_of(path: str) -> str:
    """The last part of a path of any system."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def _argument(argument: str) -> str:
    flag, equals, value = argument.partition("=")
    if equals and re.fullmatch(r"[\w.-]+", flag):
        return f"{flag}={_argument(value)}"
    # The whole argument is one path, so its spaces belong to it.
    return name_of(argument) if _ABSOLUTE.match(argument) else argument
