"""Soak a function in this process, and judge it: what the pytest fixture does, and ``zcbench.soak`` with
``in_process=True``.

Any function will do, also one that no other process could import: a closure, a method of an object with state,
what a fixture returned. It is called in batches, and memory is read exactly between two of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zcbench.record.reader import read_record
from zcbench.record.writer import RUNS_ROOT, create_run_directory, write_result
from zcbench.render.formats import write_reports
from zcbench.scenario import Scenario, ScenarioError, Setting, load
from zcbench.soak.batches import FEWEST_PARTS
from zcbench.soak.in_process import InProcess
from zcbench.soaked import Soaked
from zcbench.subjects.inside.target import never_run
from zcbench.verdict import judge

ORIGIN = "soak"  # what an error calls the place that a value came from


class Here:
    """A function to be soaked in this process: :meth:`run` it, or await :meth:`run_in_loop` in an event loop.

    ``calls`` is how often to call it, else it is called for the ``duration`` of ``keys``, which are those of a
    scenario. Raises ScenarioError for what cannot be.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        calls: int | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
        out: Path | None = None,
        root: Path = RUNS_ROOT,
        command: Sequence[str] = (),
        keys: Mapping[str, str] | None = None,
        expect: Sequence[str] = (),
    ) -> None:
        if not callable(function):
            raise ScenarioError(f"{ORIGIN}: {function!r} is {type(function).__name__}, which cannot be called")
        if (made := never_run(function)) is not None and "generator" in made:
            raise ScenarioError(f"{ORIGIN}: a call makes {made} and runs nothing of it; exhaust it: list(f())")
        if isinstance(args, str | bytes) or not isinstance(args, Sequence):
            raise ScenarioError(f"{ORIGIN}: args = {args!r}: not a tuple or a list of arguments")
        if calls is not None and (isinstance(calls, bool) or not isinstance(calls, int)):
            raise ScenarioError(f"{ORIGIN}: calls = {calls!r}: not a whole number")
        if calls is not None and calls < FEWEST_CALLS:
            raise ScenarioError(f"{ORIGIN}: calls = {calls}: {FEWEST_CALLS} are needed to tell anything")
        self._function, self._calls = function, calls
        self._args, self._kwargs = tuple(args), dict(kwargs or {})
        self._setup, self._teardown = setup, teardown
        self._out, self._root, self._command = out, root, tuple(command)
        self._scenario = _scenario(function, dict(keys or {}), expect, calls)

    @property
    def is_async(self) -> bool:
        """Whether the function is known to be one that must be awaited."""
        call = self._function
        return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)

    def run(self) -> Soaked:
        """Soak it and judge. What it raises is raised, once the record is whole."""
        __tracebackhide__ = True
        if self.is_async:
            return asyncio.run(self.run_in_loop())
        run = self._begin()
        try:
            with run, self._prepared() as call:
                batches = run.batches()
                next(batches)  # of one call
                first = call()
                if inspect.isawaitable(first):  # of a lambda around an async function
                    _refuse_in_loop(first)
                    asyncio.run(_await_batches(call, batches, first))
                else:
                    first = None  # not held while the others are called: it may be large
                    _call_batches(call, batches)
        except BaseException as error:
            _keep(run.directory, error)
            raise
        return judged(run.directory)

    async def run_in_loop(self) -> Soaked:
        """The same for an async function, in the loop that runs: what is bound to it can be used."""
        __tracebackhide__ = True
        run = self._begin()
        try:
            with run, self._prepared() as call:
                await _await_batches(call, run.batches())
        except BaseException as error:
            _keep(run.directory, error)
            raise
        return judged(run.directory)

    def _begin(self) -> InProcess:
        directory = create_run_directory(self._out, self._root, self._scenario.name)
        return InProcess(self._scenario, directory, command=self._command, calls=self._calls)

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[Callable[[], Any]]:
        """What to call: the function with what its setup returned first; its teardown is called at the end."""
        given = () if self._setup is None else (self._setup(),)
        function, args, kwargs = self._function, (*given, *self._args), self._kwargs
        try:
            yield (lambda: function(*args, **kwargs)) if args or kwargs else function
        finally:
            if self._teardown is not None:
                self._teardown(*given)


FEWEST_CALLS = 2 * FEWEST_PARTS


def _call_batches(call: Callable[[], Any], batches: Iterator[int]) -> None:
    __tracebackhide__ = True
    for number in batches:
        for _ in range(number):
            call()


async def _await_batches(call: Callable[[], Any], batches: Iterator[int], first: Any = None) -> None:
    """All of them in one task: a task for each batch would leave something of its own each time."""
    __tracebackhide__ = True
    if first is not None:
        await first
        del first
    for number in batches:
        for _ in range(number):
            await call()


def _refuse_in_loop(first: Any) -> None:
    if asyncio._get_running_loop() is None:
        return
    if inspect.iscoroutine(first):
        first.close()
    raise ScenarioError(f"{ORIGIN}: what it returns must be awaited: give an async def, and await soak")


def _keep(directory: Path, error: BaseException) -> None:
    """Judge and report a run that was ended by ``error``, whatever becomes of that; and say where it is."""
    with contextlib.suppress(Exception):
        error.add_note(f"soak: {judged(directory).report}")


def judged(directory: Path) -> Soaked:
    """Judge the run in ``directory``, and write its result and its report."""
    record = read_record(directory)
    result = judge(record)
    write_result(directory, result)
    write_reports(("md",), record, result, directory)
    return Soaked(directory, result)


def _scenario(
    function: Callable[..., Any], keys: dict[str, str], expect: Sequence[str], calls: int | None
) -> Scenario:
    values = {"subject.call": _spec(function), **keys}
    flags = [Setting(key, str(text), ORIGIN) for key, text in values.items()]
    return load(flags=[*flags, *(Setting("expect", text, ORIGIN) for text in expect)])


def _spec(function: Callable[..., Any]) -> str:
    """What the record calls ``function``: its module and its name, without "<locals>"."""
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    kind = type(function)
    name = getattr(function, "__qualname__", kind.__qualname__)
    module = getattr(function, "__module__", None) or kind.__module__
    name = ".".join(part for part in name.split(".") if part != "<locals>").replace("<lambda>", "lambda")
    return f"{module}:{re.sub(r'[^A-Za-z0-9_.]', '_', name)}"
