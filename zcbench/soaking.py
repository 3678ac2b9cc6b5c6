"""``zcbench.soak(function, ...)``: what ``zcbench run --call`` does, from Python."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcbench.record.reader import read_record
from zcbench.record.schema import REPORT_FILE, Result
from zcbench.record.writer import RUNS_ROOT, create_run_directory, write_result
from zcbench.render.formats import write_reports
from zcbench.scenario import ScenarioError, Setting, load
from zcbench.soak import supervisor
from zcbench.subjects.inside.target import AS_MODULE
from zcbench.subjects.made import check_callables
from zcbench.verdict import judge


@dataclass(frozen=True)
class Soaked:
    """A run that was made: its directory and what was found. It is true if the verdict is a pass."""

    directory: Path
    result: Result

    @property
    def report(self) -> Path:
        """The report, in Markdown."""
        return self.directory / REPORT_FILE

    def __bool__(self) -> bool:
        return self.result.verdict == "pass"


def soak(
    function: Callable[..., Any],
    *,
    duration: str = "30s",
    rate: str | float | None = None,
    setup: Callable[[], Any] | None = None,
    teardown: Callable[..., Any] | None = None,
    expect: Sequence[str] = (),
    out: str | os.PathLike[str] | None = None,
    **keys: str,
) -> Soaked:
    """Call ``function`` for ``duration``, at ``rate`` ("100/s") or as fast as it returns, and judge it.

    It is called in a process of its own, which imports it by its name: with what ``setup`` returned, if there
    is one. ``keys`` are any others of a scenario, with ``__`` for the dot: ``sampling__every="100ms"``. The
    record goes to ``out``, by default a new directory below reports/runs.

    Raises ScenarioError for a function that has no name of its own or a key that cannot be, and RuntimeError in
    a script that calls this when it is imported.
    """
    if AS_MODULE in sys.modules:
        raise RuntimeError('zcbench.soak: a script calls it below `if __name__ == "__main__":`')
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
    record = read_record(directory)
    result = judge(record)
    write_result(directory, result)
    write_reports(("md",), record, result, directory)
    return Soaked(directory, result)


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
