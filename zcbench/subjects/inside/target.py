"""The callable that a run calls, found by its name. This module as a program tries it."""

from __future__ import annotations

import inspect
import os
import runpy
import sys
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from typing import Any

from zcbench import plugins
from zcbench.foreign import brief, of_error, one_line

NOUN = "callable"
AS_MODULE = "__zcbench_main__"  # what a script is called when it is run for its functions


def find(spec: str) -> Callable[..., Any]:
    """What "package.module:function" or "script.py:function" names. Raises LookupError with the reason.

    A module is looked for in the working directory too, after all others.
    """
    where, _, name = spec.rpartition(":")
    if os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.append(os.getcwd())  # noqa: PTH109
    try:
        found: Any
        if where.endswith(".py"):
            namespace = runpy.run_path(where, run_name=AS_MODULE)
            first, *rest = name.split(".")
            found = reduce(getattr, rest, namespace[first])
        else:
            found = reduce(getattr, name.split("."), import_module(where))
    except KeyError:
        raise LookupError(plugins.cannot(NOUN, spec, f"{where} has no {name}")) from None
    except (ImportError, AttributeError) as error:
        raise LookupError(plugins.cannot(NOUN, spec, brief(one_line(str(error))))) from error
    except BaseException as error:  # an import may raise anything, SystemExit and a Rust panic too
        raise LookupError(plugins.cannot(NOUN, spec, f"cannot be imported: {of_error(error)}")) from error
    if not callable(found):
        raise LookupError(plugins.cannot(NOUN, spec, f"is {type(found).__name__}, which cannot be called"))
    if (kind := never_run(found)) is not None:
        why = f"calling it makes {kind} and runs nothing of it; name a function that does"
        raise LookupError(plugins.cannot(NOUN, spec, why))
    return found  # type: ignore[no-any-return]


_LAZY = (
    (inspect.iscoroutinefunction, "a coroutine"),
    (inspect.isasyncgenfunction, "an async generator"),
    (inspect.isgeneratorfunction, "a generator"),
)


def never_run(function: Any) -> str | None:
    """What a call of ``function`` makes instead of running it: "a generator"; None if it runs."""
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    calls = (function, type(function).__call__)
    return next((made for is_so, made in _LAZY if any(map(is_so, calls))), None)


class CallableError(LookupError):
    """What cannot be called, and why."""


def check(spec: str, cwd: str | None) -> None:
    """Import ``spec`` in the folder ``cwd`` as a run would, in a process of its own. Raises CallableError."""
    try:
        plugins.ask(NOUN, __name__, spec, cwd)
    except LookupError as error:
        raise CallableError(str(error.args[0])) from None


if __name__ == "__main__":
    plugins.answer(NOUN, sys.argv[1], lambda name: {"callable": find(name).__class__.__name__})
