"""Does an engine keep its contract? Everything that is wrong with it at once, before the first packet is taken.

What is asked for is what the harness calls: see :class:`zcbench.capture.engine.CaptureEngine` and
docs/your-engine.md.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zcbench.capture.engine import StreamFormat

# Each with an example of how it is called: the arguments that it must take.
_METHODS: dict[str, tuple[object, ...]] = {
    "start": (),
    "read": (0.25,),
    "stop": (),
    "close": (),
    "check": (),
}
_RETURNS = {"check": "return 0 where there is nothing to examine"}
_OPTIONAL: dict[str, tuple[object, ...]] = {"stats": ()}
_FLAWLESS_CALL = "Engine(format, source, pool, scoreboard=page, checksum=False)"
# A stamp farther from now than this is of another clock, not of a late packet.
_FARTHEST_NS = 60 * 10**9


class ContractError(Exception):
    """An engine that does not keep its contract; ``violations`` are all that were found."""

    def __init__(self, violations: Sequence[str]) -> None:
        self.violations = tuple(violations)
        super().__init__(told(violations))


def told(violations: Sequence[str]) -> str:
    """All of them in one sentence."""
    listed = "; ".join(
        f"({number}) {text}" if len(violations) > 1 else text for number, text in enumerate(violations, 1)
    )
    return f"{listed}. What an engine must have: docs/your-engine.md"


def of_class(engine: Any) -> list[str]:
    """What can be known of an engine's class, or of a function that makes one, without making one."""
    if not callable(engine):
        return [f"it is {_a(engine)}, not a class; write package.module:Class"]
    found = _uncallable("it", engine, (object(),) * 3, {"scoreboard": None, "checksum": False})
    found = [f"{text}; it is made as {_FLAWLESS_CALL}" for text in found]
    if not inspect.isclass(engine):
        return found  # what it makes is looked at once it was made
    abstract = sorted(getattr(engine, "__abstractmethods__", ()))
    if abstract:
        found.append(f"it leaves abstract: {', '.join(abstract)}")
    by_itself = _names_set(engine)
    for name, arguments in {**_METHODS, **_OPTIONAL}.items():
        method = inspect.getattr_static(engine, name, None)
        if method is None:
            missing = name in _METHODS and name not in by_itself
            if missing and not hasattr(engine, "__getattr__"):
                found.append(_missing(name))
        elif name not in abstract:
            bound = method if isinstance(method, staticmethod) else None
            # A plain function still wants its self.
            found += _wrong_method(name, bound or method, arguments if bound else (None, *arguments))
    return found


def of_engine(engine: Any) -> list[str]:
    """What is wrong with an engine that was made and not yet started."""
    found = []
    for name, arguments in _METHODS.items():
        method = getattr(engine, name, None)
        if method is None:
            found.append(_missing(name))
        else:
            found += _wrong_method(name, method, arguments)
    return found


def of_first(packet: Any, format: StreamFormat, now_ns: int, *, checksum: bool) -> list[str]:
    """What is wrong with the first packet that read() gave, at ``now_ns`` on the clock of packets."""
    needed = ["sequence", "time_ns", "flags", "array", "release", *["checksum"] * checksum]
    lacking = [name for name in needed if not _has(packet, name)]
    if len(lacking) == len(needed):
        return [f"read() gave {_a(packet)}: give an object with {', '.join(needed)}"]
    found = [f"the packet has no {name}" for name in lacking]
    wrong: dict[str, Callable[[Any], str | None]] = {
        "sequence": _wrong_sequence,
        "time_ns": lambda value: _wrong_time(value, now_ns),
        "flags": lambda value: None if _whole(value) else f"is {_a(value)}; a whole number, 0 for none",
        "checksum": lambda value: None if _whole(value) else f"is {_a(value)}; zlib.crc32 of the payload",
        "array": lambda value: _wrong_array(value, format),
        "release": lambda value: None if callable(value) else f"is {_a(value)}; a method",
    }
    there = [name for name in needed if name not in lacking]
    told_wrong = {name: wrong[name](getattr(packet, name)) for name in there}
    return found + [f"packet.{name} {text}" for name, text in told_wrong.items() if text is not None]


def _has(packet: Any, name: str) -> bool:
    # inspect: a property that raises is there, and its exception is the engine's to explain.
    return inspect.getattr_static(packet, name, None) is not None or hasattr(packet, name)


def _wrong_sequence(value: Any) -> str | None:
    if _whole(value) and value >= 0:
        return None
    return f"is {_a(value)}; a whole number from 0, dropped packets counted"


def _wrong_time(value: Any, now_ns: int) -> str | None:
    if not _whole(value):
        return f"is {_a(value)}; whole nanoseconds of zcbench.clock.now_ns()"
    if abs(int(value) - now_ns) <= _FARTHEST_NS:
        return None
    return (
        f"is {int(value):,} where zcbench.clock.now_ns() is {now_ns:,}: another clock, or another unit, than "
        "that of packets (time.monotonic_ns())"
    )


def _wrong_array(value: Any, format: StreamFormat) -> str | None:
    shape = f"an ndarray of shape ({format.frames}, {format.channels}), {format.dtype}"
    if not isinstance(value, np.ndarray):
        return f"is {_a(value)}; {shape}"
    problems = []
    if value.dtype != np.dtype(format.dtype):
        problems.append(f"has dtype {value.dtype}")
    elif value.nbytes == format.packet_bytes and value.shape != (format.frames, format.channels):
        # A packet that is cut or padded is a fault of the payload, and integrity's to judge.
        problems.append(f"has shape {value.shape}")
    return f"{problems[0]}; {shape}" if problems else None


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _a(value: Any) -> str:
    """A value for people: its type, and itself where that is short."""
    kind = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, int | float | str | bool) and len(repr(value)) <= 40:
        return f"the {kind} {value!r}"
    return f"of type {kind}"


def _missing(name: str) -> str:
    hint = f" ({_RETURNS[name]})" if name in _RETURNS else ""
    return f"it has no {name}(){hint}"


def _wrong_method(name: str, method: Any, arguments: tuple[object, ...]) -> list[str]:
    function = inspect.unwrap(getattr(method, "__func__", method))
    if isinstance(method, property):
        return []  # what it gives shows once the engine was made
    if not callable(method):
        return [f"{name} is {_a(method)}, not a method"]
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return [f"{name}() is a coroutine: the harness calls it in a thread and takes what it returns"]
    if inspect.isgeneratorfunction(function):
        return [f"{name}() is a generator: it must return, not yield"]
    if isinstance(method, classmethod):
        return []
    return _uncallable(f"{name}()", method, arguments, {})


def _uncallable(
    what: str, called: Any, arguments: tuple[object, ...], keywords: dict[str, object]
) -> list[str]:
    """Why it cannot be called so; nothing where nobody can tell (a function in C)."""
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):
        return []
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        problem = str(error).replace("'None', ", "")
        return [f"{what} cannot be called as it will be: {problem}"]
    return []


def _names_set(engine: type) -> set[str]:
    """Attributes that the class's own code sets on its objects, and every method where it does so by names that
    cannot be read off it."""
    names: set[str] = set()
    for base in engine.__mro__[:-1]:
        for member in vars(base).values():
            code = getattr(getattr(member, "__func__", member), "__code__", None)
            if code is None:
                continue
            if {"setattr", "__dict__"} & set(code.co_names):
                names.update(_METHODS)
            names.update(i.argval for i in dis.get_instructions(code) if i.opname == "STORE_ATTR")
    return names
