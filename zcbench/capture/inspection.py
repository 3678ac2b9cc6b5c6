"""Looking at an engine's class: one that is not ours is imported in a process of its own.

An import runs whatever its author, or a library of theirs, has written. It may call sys.exit(0), end the
process by os._exit, crash in an extension, or never come back; exit codes are the harness's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import entry_points

from zcbench.capture.contract import of_class
from zcbench.capture.engine import ENTRY_POINT_GROUP, find_engine
from zcbench.foreign import brief, of_error, of_exit, one_line

PATIENCE_S = 60.0  # for an import; those of large frameworks take ten seconds on a busy machine
_OURS = "zcbench."


@dataclass(frozen=True)
class Facts:
    """What a scenario asks of an engine's class; ``violations`` of its contract are all that can be known of it
    before it is made."""

    realtime: bool
    violations: Sequence[str] = ()


def is_foreign(name: str) -> bool:
    """Whether :func:`inspect` would run code that does not come with zcbench."""
    if ":" in name:
        return not name.startswith(_OURS)
    points = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == name]
    return bool(points) and not points[0].value.startswith(_OURS)


@cache
def inspect(name: str) -> Facts:
    """Import the engine called ``name`` as a run would. Raises LookupError with the reason it cannot be had."""
    if not is_foreign(name):
        return _facts(name)
    try:
        done = subprocess.run(
            # As the worker of a run is started: what it will not find is not found here either.
            [sys.executable, "-P", "-m", __name__, name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LookupError(_cannot(name, f"its import takes longer than {PATIENCE_S:g} s")) from None
    except (OSError, ValueError) as error:
        raise LookupError(_cannot(name, of_error(error))) from None
    try:
        told = json.loads(done.stdout)
        if "error" not in told:
            return Facts(**told)
    except (ValueError, TypeError):
        said = brief(one_line(done.stderr.decode(errors="replace")[-200:]))
        ended = f"the process that imported it {of_exit(done.returncode)}"
        raise LookupError(_cannot(name, f"{ended} ({said})" if said else ended)) from None
    raise LookupError(told["error"])


def _cannot(name: str, why: str) -> str:
    return f"engine {brief(name)!r}: {why}"


def _facts(name: str) -> Facts:
    engine = find_engine(name)
    return Facts(bool(getattr(engine, "realtime", False)), of_class(engine))


# -- in the child


def _tell(name: str) -> None:
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What an import prints is no answer.
    os.dup2(2, 1)
    told: dict[str, object]
    try:
        told = asdict(_facts(name))
    except LookupError as error:
        told = {"error": str(error.args[0])}
    except BaseException as error:
        told = {"error": _cannot(name, of_error(error))}
    json.dump(told, answer)
    answer.flush()
    # Its threads and exit functions are not waited for.
    os._exit(0)


if __name__ == "__main__":
    _tell(sys.argv[1])
