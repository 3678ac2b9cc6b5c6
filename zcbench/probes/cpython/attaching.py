"""Begin the readings in a Python that runs already: Python 3.14 and later run a script that another asks for
(``sys.remote_exec``, https://peps.python.org/pep-0768/)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from zcbench.probes.cpython.recognise import Python

OLDEST = (3, 14)
SCRIPT = "attach.py"
_LONGEST_S = 20.0
_NO_REMOTE = 3  # exit code
# Run by the process's own executable: who asks must be of the same version.
_ASK = f"""
import sys
if sys.implementation.name != "cpython" or not hasattr(sys, "remote_exec"):
    print(sys.implementation.name, sys.version.split()[0])
    sys.exit({_NO_REMOTE})
sys.remote_exec(int(sys.argv[1]), sys.argv[2])
"""
_BEGIN = """import sys
sys.path.insert(0, {folder!r})
try:
    from _zcbench_inside import begin
    begin({settings!r})
finally:
    sys.path.remove({folder!r})
"""


class AttachError(RuntimeError):
    """Why the readings cannot begin in a process, one clause."""


def script(folder: str, settings: str) -> str:
    """What the process runs; ``folder`` is where the agent is, ``settings`` what it is told."""
    return _BEGIN.format(folder=folder, settings=settings)


def attach(pid: int, python: Python, path: Path) -> None:
    """Have the process run the script ``path``, which it does as soon as its main thread runs Python. Raises
    AttachError."""
    if python.version[1] and python.version < OLDEST:
        raise AttachError(too_old(f"{python.version[0]}.{python.version[1]}"))
    if not os.access(python.executable, os.X_OK):
        raise AttachError(f"its executable {python.executable or '(not ours to know)'} cannot be run")
    # Nothing that the harness's own Python is told by its environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [python.executable, "-I", "-S", "-c", _ASK, str(pid), str(path)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_LONGEST_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AttachError(f"its executable cannot ask it: {error}") from error
    if done.returncode == _NO_REMOTE:
        raise AttachError(too_old(done.stdout.strip()))
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        hint = "; the system must allow it: the same user, kernel.yama.ptrace_scope 0, or CAP_SYS_PTRACE"
        raise AttachError(last + (hint if "Permission" in last else ""))


def too_old(version: str) -> str:
    """The clause for a Python that cannot be asked."""
    return (
        f"its Python is {version}, and {OLDEST[0]}.{OLDEST[1]} is the first that can be read while it runs; "
        "started by zcbench run -- COMMAND, 3.11 and later can be"
    )
