"""What others hand us (text, exceptions, exit codes), made safe to show: nothing of it acts there."""

from __future__ import annotations

import signal
import unicodedata

LONGEST = 200  # characters of a value that an error echoes
# What a crash dies of. SIGTERM and SIGINT are somebody's wish, and SIGKILL may be.
CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS")

# Letters and marks that are drawn as nothing: they hide what stands beside them.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def plain(text: str) -> str:
    """``text`` with each character that acts, or is not seen, replaced by U+FFFD: its length stays.

    Those are controls but tab and line feed, escapes, the directions and the zero-width characters of Unicode,
    lone surrogates, and what has no meaning yet. A carriage return before a line feed is dropped.
    """
    text = text.replace("\r\n", "\n")
    if text.isprintable() and not _BLANKS.intersection(text):
        return text
    return "".join(c if _is_harmless(c) else REPLACEMENT for c in text)


def _is_harmless(c: str) -> bool:
    if c.isprintable():
        return c not in _BLANKS
    # isprintable() takes one kind of space for printable; the others are as harmless.
    return c in "\n\t" or unicodedata.category(c) == "Zs"


def one_line(text: str) -> str:
    """``text`` on one line, and as :func:`plain` makes it."""
    return plain(" ".join(text.split()))


def brief(text: str, longest: int = LONGEST) -> str:
    """``text`` cut to ``longest`` characters, the last of them "…" if it was longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def of_error(error: BaseException) -> str:
    """ "RuntimeError: no device" of any exception, on one brief line; of SystemExit what it would have done."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({brief(repr(error.code))})"
    try:
        said = str(error)
    except BaseException:
        said = "its message cannot be had"
    return brief(one_line(f"{type(error).__name__}: {said}" if said else type(error).__name__))


def signal_name(number: int) -> str:
    """ "SIGSEGV"; a real-time signal has a number only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def of_exit(code: int) -> str:
    """What became of a process, by its exit code as :mod:`subprocess` gives it."""
    return f"died of {signal_name(-code)}" if code < 0 else f"left with exit code {code}"
