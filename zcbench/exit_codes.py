"""What the exit codes mean: the one place that `zcbench help exit-codes` and docs/exit-codes.md follow."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class ExitCode(enum.IntEnum):
    """How a command ended; ``meaning`` says it to a user."""

    meaning: str

    def __new__(cls, number: int, meaning: str = "") -> ExitCode:  # noqa: D102
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code

    PASS = 0, "every check passed"
    FAIL = 1, "a check failed"
    USAGE = (
        2,
        "usage or scenario error: nothing was written; or an engine of your own that breaks its contract",
    )
    HARNESS = 3, "the harness itself failed (for example: the disk is full)"
    INCONCLUSIVE = (
        4,
        "inconclusive: a required check could not be answered, or `zcbench compare` had nothing to compare",
    )
    DIED = 5, "the subject crashed, hung, exited or ran out of memory"
    REGRESSION = 6, "a regression against `--baseline`, or in `zcbench compare`"
    INTERRUPTED = 130, "interrupted by Ctrl-C; the report is written"
    TERMINATED = 143, "interrupted by SIGTERM or SIGHUP; the report is written"


# Of several runs: what says least about the others goes first.
_WORST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
    ExitCode.HARNESS,
    ExitCode.USAGE,
    ExitCode.DIED,
    ExitCode.FAIL,
    ExitCode.REGRESSION,
    ExitCode.INCONCLUSIVE,
    ExitCode.PASS,
)


def worst(codes: Iterable[int]) -> ExitCode:
    """The exit code of several runs together; PASS for none. Raises ValueError for a number that is none."""
    among = {ExitCode(code) for code in codes}
    return next((code for code in _WORST_FIRST if code in among), ExitCode.PASS)
