"""Parts of a user's own: by the name of an entry point, or as package.module:Name.

An import runs whatever its author, or a library of theirs, has written. It may call sys.exit(0), end the
process by os._exit, crash in an extension, or never come back. :func:`ask` therefore imports in a process of
its own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from zcbench.foreign import brief, of_error, of_exit, one_line

PATIENCE_S = 60.0  # for an import; those of large frameworks take ten seconds on a busy machine
_OURS = "zcbench."


def names(group: str) -> list[str]:
    """The names in an entry-point group, sorted."""
    from importlib.metadata import entry_points

    return sorted({point.name for point in entry_points(group=group)})


def is_foreign(group: str, name: str) -> bool:
    """Whether loading ``name`` would run code that does not come with zcbench."""
    from importlib.metadata import entry_points

    if ":" in name:
        return not name.startswith(_OURS)
    points = [point for point in entry_points(group=group) if point.name == name]
    return bool(points) and not points[0].value.startswith(_OURS)


def load(noun: str, group: str, name: str) -> Any:
    """Import the ``noun`` ("engine") called ``name`` in this process. Raises LookupError with the reason."""
    from importlib.metadata import entry_points

    if ":" in name:
        module, _, attribute = name.partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), attribute)):
            raise LookupError(cannot(noun, name, f"write {_form(noun)}"))
        return _loaded(noun, name, lambda: getattr(import_module(module), attribute))
    for point in entry_points(group=group):
        if point.name == name:
            return _loaded(noun, name, point.load)
    installed = ", ".join(names(group)) or "none"
    raise LookupError(f"no {noun} {brief(name)!r}; installed: {installed}")


def cannot(noun: str, name: str, why: str) -> str:
    """The message that says why a part cannot be had."""
    return f"{noun} {brief(name)!r}: {why}"


def _form(noun: str) -> str:
    example = "FAULT" if noun == "fault" else "Class"
    return f"package.module:{example}, importable from PYTHONPATH"


def _loaded(noun: str, name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except (ImportError, AttributeError) as error:
        why = f"{brief(one_line(str(error)))}; write {_form(noun)}"
        raise LookupError(cannot(noun, name, why)) from error
    except BaseException as error:  # an import may raise anything, SystemExit and a Rust panic too
        raise LookupError(cannot(noun, name, f"cannot be imported: {of_error(error)}")) from error


def ask(noun: str, module: str, name: str, cwd: str | None = None) -> dict[str, Any]:
    """What ``python -m module name``, which ends in :func:`answer`, says of a part.

    Raises LookupError with the reason why the part cannot be had.
    """
    import subprocess

    try:
        done = subprocess.run(
            # As the worker of a run is started: what it will not find is not found here either.
            [sys.executable, "-P", "-m", module, name],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        why = f"its import takes longer than {PATIENCE_S:g} s"
        raise LookupError(cannot(noun, name, why)) from None
    except (OSError, ValueError) as error:
        raise LookupError(cannot(noun, name, of_error(error))) from None
    try:
        told = json.loads(done.stdout)
        problem = told.get("error")
    except (ValueError, AttributeError):
        said = brief(one_line(done.stderr.decode(errors="replace")[-200:]))
        ended = f"the process that imported it {of_exit(done.returncode)}"
        raise LookupError(cannot(noun, name, f"{ended} ({said})" if said else ended)) from None
    if problem is not None:
        raise LookupError(problem)
    return dict(told)


def answer(noun: str, name: str, describe: Callable[[str], dict[str, Any]]) -> None:
    """In the child: print ``describe(name)`` for :func:`ask`, and end this process."""
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What an import prints is no answer.
    os.dup2(2, 1)
    told: dict[str, Any]
    try:
        told = describe(name)
    except LookupError as error:
        told = {"error": str(error.args[0])}
    except BaseException as error:
        told = {"error": cannot(noun, name, of_error(error))}
    json.dump(told, reply)
    reply.flush()
    # Its threads and exit functions are not waited for.
    os._exit(0)
