"""``zcbench.soak(function, ...)``: what ``zcbench run --call`` does, from Python."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zcbench.record.writer import RUNS_ROOT, create_run_directory
from zcbench.scenario import ScenarioError, Setting, load
from zcbench.soaked import Soaked
from zcbench.soaking_here import Here, judged
from zcbench.subjects.inside.target import AS_MODULE


def soak(
    function: Callable[..., Any],
    *,
    duration: str = "30s",
    calls: int | None = None,
    in_process: bool = False,
    rate: str | float | None = None,
    setup: Callable[[], Any] | None = None,
    teardown: Callable[..., Any] | None = None,
    expect: Sequence[str] = (),
    out: str | os.PathLike[str] | None = None,
    **keys: str,
) -> Soaked:
    """Call ``function`` for ``duration``, at ``rate`` ("100/s") or as fast as it returns, and judge it.

    It is called in a process of its own, which imports it by its name: with what ``setup`` returned, if there
    is one. With ``in_process`` it is called in this one, any function will do, and ``calls`` may say how often;
    memory is then read between the calls (docs/pytest.md). ``keys`` are any others of a scenario, with ``__``
    for the dot: ``sampling__every="100ms"``. The record goes to ``out``, by default a new directory below
    reports/runs. In a test, ``soak(...).check()`` fails with what was found.

    Raises ScenarioError for a function that has no name of its own or a key that cannot be, and RuntimeError in
    a script that calls this when it is imported.
    """
    if AS_MODULE in sys.modules:
        raise RuntimeError('zcbench.soak: a script calls it below `if __name__ == "__main__":`')
    if in_process:
        return _here(function, duration, calls, rate, setup, teardown, expect, out, keys)
    if calls is not None:
        raise ScenarioError("zcbench.soak: calls goes with in_process=True; else say a duration, and a rate")
    # Not before: what runs here needs neither a supervisor nor the engine's core.
    from zcbench.soak import supervisor
    from zcbench.subjects.made import check_callables

    values = {"duration": duration, "subject.call": _spec(function)}
    values |= {} if rate is None else {"subject.rate": str(rate)}
    for name, other in (("setup", setup), ("teardown", teardown)):
        values |= {} if other is None else {f"subject.{name}": _spec(other)}
    values |= {key.replace("__", "."): text for key, text in keys.items()}
    flags = [Setting(key, str(text), "zcbench.soak") for key, text in values.items()]
    scenario = load(flags=[*flags, *(Setting("expect", text, "zcbench.soak") for text in expect)])
    with _importable():
        check_callables(scenario.subject)
        directory = create_run_directory(None if out is None else Path(out), RUNS_ROOT, scenario.name)
        supervisor.run(scenario, directory, command=["zcbench", "run", "--call", values["subject.call"]])
    return judged(directory)


def _here(
    function: Callable[..., Any],
    duration: str,
    calls: int | None,
    rate: str | float | None,
    setup: Callable[[], Any] | None,
    teardown: Callable[..., Any] | None,
    expect: Sequence[str],
    out: str | os.PathLike[str] | None,
    keys: dict[str, str],
) -> Soaked:
    if rate is not None:
        raise ScenarioError("zcbench.soak: in_process=True calls as fast as it returns: leave out rate")
    values = {key.replace("__", "."): text for key, text in keys.items()}
    values |= {"duration": duration} if calls is None else {}
    return Here(
        function,
        calls=calls,
        setup=setup,
        teardown=teardown,
        out=None if out is None else Path(out),
        command=["zcbench.soak"],
        keys=values,
        expect=expect,
    ).run()


def _spec(function: Callable[..., Any]) -> str:
    """How another process finds ``function``."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not module or not name or "<" in name:
        raise ScenarioError(
            f"zcbench.soak: {function!r} has no name that another process could import; define it with def, in "
            "a module or a script, outside any function"
        )
    if module != "__main__":
        return f"{module}:{name}"
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None or not script.endswith(".py"):
        raise ScenarioError(f"zcbench.soak: {name} was typed in; write it into a file")
    return f"{Path(script).absolute()}:{name}"


@contextlib.contextmanager
def _importable() -> Iterator[None]:
    """Have the processes that are started import what this one can."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
