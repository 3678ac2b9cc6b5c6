"""Readings from inside a CPython process, by the standard library alone. Started by ``sitecustomize``.

Only what no program can miss is imported: ``threading``, ``signal``, ``re`` and ``json`` are not, nor is any
object of ours seen by ``threading.enumerate()``.
"""

from __future__ import annotations

import ctypes


def begin(settings: str) -> None:
    """Start reading as ``settings`` say, in the main interpreter of this process; in another, nothing."""
    if not _in_main_interpreter():
        return
    from .agent import Agent
    from .settings import Settings

    Agent(Settings.parse(settings)).begin()


def _in_main_interpreter() -> bool:
    """Python runs ``site`` in every subinterpreter: the page is the process's, and it has one by then."""
    state, number = ctypes.pythonapi.PyInterpreterState_Get, ctypes.pythonapi.PyInterpreterState_GetID
    state.argtypes, state.restype = [], ctypes.c_void_p
    number.argtypes, number.restype = [ctypes.c_void_p], ctypes.c_int64
    return bool(number(state()) == 0)
