"""What the tests of one file may leave changed in their process: nothing that a later file could see."""

from __future__ import annotations

import gc
import locale
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

_OF_PYTEST = ("PYTEST_CURRENT_TEST",)


def state() -> Mapping[str, Any]:
    """What a module, a program or a library reads from its process, by name. (pytest sets warning filters anew
    for each test.)"""
    umask = os.umask(0)
    os.umask(umask)
    found: dict[str, Any] = {
        "working directory": os.getcwd(),  # noqa: PTH109  (as it is told to programs)
        "umask": umask,
        "path": tuple(sys.path),
        "arguments": tuple(sys.argv),
        "hooks": (sys.excepthook, sys.gettrace(), sys.getprofile()),
        "switch interval": sys.getswitchinterval(),
        "recursion limit": sys.getrecursionlimit(),
        "garbage collection": (gc.isenabled(), gc.get_threshold()),
        "floating point errors": (tuple(np.geterr().items()), np.geterrcall()),
        "logging": (logging.root.level, logging.root.manager.disable),
        "locale": locale.setlocale(locale.LC_ALL),
        "temporary folder": tempfile.tempdir,
    }
    found |= {f"${name}": text for name, text in os.environ.items() if name not in _OF_PYTEST}
    # pytest-timeout has the alarm.
    numbers = signal.valid_signals() - {getattr(signal, "SIGALRM", None)}
    found |= {f"handler of signal {number:d}": signal.getsignal(number) for number in numbers}
    if hasattr(signal, "pthread_sigmask"):
        found["blocked signals"] = frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    return found


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What is not as it was: each as it was, and as it is (None: not there)."""
    names = sorted({*before, *after})
    return {n: (before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)}
