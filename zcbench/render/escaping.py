"""Text from a record, made safe to print: no Markdown of its own, no path of the machine it ran on."""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST_CELL = 400  # characters; a whole traceback belongs in a code block, not in a table

# What could end a table cell, start code, HTML, a link or emphasis. Underscores stay: inside a word, as in
# metric names, GitHub's Markdown does not read them as emphasis.
_SPECIAL = re.compile(r"([\\`|*\[\]])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# Absolute paths: in quotes (they may hold spaces), then bare ones. A URL or "100/s" has a word before its
# slash; a bare path has at least one folder.
_QUOTED = re.compile(r"""(["'])(?:/|[A-Za-z]:[\\/]|\\\\)(?:[^"'\n]*[\\/])?([^"'\\/\n]+)\1""")
_POSIX = re.compile(r"(?<![\w.:/\\])/(?:[^\s/\"'`|<>:,;()]+/)+([^\s/\"'`|<>:,;()]*)")
_WINDOWS = re.compile(
    r"(?<!\w)(?:[A-Za-z]:[\\/]|\\\\)(?:[^\s\\/\"'`|<>:,;()]+[\\/])*([^\s\\/\"'`|<>:,;()]*)"
)


def cell(value: object) -> str:
    """``value`` as the text of one table cell or one line of prose: escaped, on one line, of finite length."""
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", without_paths(_one_line(str(value))))
    if len(text) > LONGEST_CELL:
        text = text[: LONGEST_CELL - 1] + "…"
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text)


def fenced(text: str, language: str = "text") -> str:
    """``text`` as a code block whose fence is longer than any run of backticks inside it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n")).strip("\n")
    return f"{fence}{language}\n{clean}\n{fence}"


def without_paths(text: str) -> str:
    """``text`` with every absolute path cut down to its last part: a report names no machine's folders."""
    text = _QUOTED.sub(r"\1\2\1", text)
    return _WINDOWS.sub(r"\1", _POSIX.sub(r"\1", text))


def command_line(arguments: Sequence[str]) -> str:
    """A command for a person to type: quoted as a shell wants it, paths cut down to names."""
    import shlex

    return shlex.join(_argument(argument) for argument in arguments)


def _argument(argument: str) -> str:
    flag, equals, value = argument.partition("=")
    if equals and flag.startswith("-"):
        return f"{flag}={_argument(value)}"
    # A whole argument, so its spaces belong to the path.
    if re.match(r"/.|[A-Za-z]:[\\/]|\\\\", argument):
        return re.split(r"[\\/]", argument.rstrip("\\/"))[-1]
    return argument


def _one_line(text: str) -> str:
    return " ".join(text.split())
