"""Paths of the machine a run was made on: a report that is published names none of its folders."""

from __future__ import annotations

import re
from collections.abc import Sequence

from zcbench.foreign import plain

# In quotes a path may hold spaces. A bare one has at least one folder, and no word before its slash: so
# neither "100/s" nor a URL is one.
_QUOTED = re.compile(r"""(["'])(?:/|[A-Za-z]:[\\/]|\\\\)(?:[^"'\n]*[\\/])?([^"'\\/\n]+)[\\/]*\1""")
_POSIX = re.compile(r"(?<![\w.:/\\])/(?:[^\s/\"'`|<>:,;()]+/)+([^\s/\"'`|<>:,;()]*)")
_WINDOWS = re.compile(
    r"(?<!\w)(?:[A-Za-z]:[\\/]|\\\\(?=\w))(?:[^\s\\/\"'`|<>:,;()]+[\\/])*([^\s\\/\"'`|<>:,;()]*)"
)
_ABSOLUTE = re.compile(r"/.|[A-Za-z]:[\\/]|\\\\")


def public(text: str) -> str:
    """``text`` of a record as it may leave us: nothing of it acts where it is shown (:func:`plain`), and every
    absolute path in it is cut down to its last part."""
    text = _QUOTED.sub(r"\1\2\1", plain(text))
    return _WINDOWS.sub(r"\1", _POSIX.sub(r"\1", text))


def arguments_without_folders(arguments: Sequence[str]) -> list[str]:
    """A command's ``arguments`` as they may leave us: absolute paths, also in ``--flag=path``, are cut."""
    return [_argument(plain(argument)) for argument in arguments]


def name_of(path: str) -> str:
    """The last part of a path of any system."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def _argument(argument: str) -> str:
    flag, equals, value = argument.partition("=")
    if equals and re.fullmatch(r"[\w.-]+", flag):
        return f"{flag}={_argument(value)}"
    # The whole argument is one path, so its spaces belong to it.
    return name_of(argument) if _ABSOLUTE.match(argument) else argument
