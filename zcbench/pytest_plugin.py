"""The pytest fixture ``soak``: call a function for a while, and fail the test if it is not stable.

::

    def test_decoder_does_not_leak(soak):
        soak(lambda: decode(BYTES), calls=100_000)

Nothing else of zcbench is imported until the fixture is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MARKER = (
    "soak(budget='1 KiB/min', duration='20s', calls=100_000, ...): what the fixture soak takes where the test "
    "gives it nothing else"
)
_PROPERTY = "soak"  # of a test's report: it goes from a worker of xdist's to where the summary is written
_BUDGET, _DURATION, _CALLS = "budget", "duration", "calls"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --soak-dir."""
    parser.getgroup("zcbench").addoption(
        "--soak-dir",
        metavar="DIR",
        help="keep the record and the report of each soak below DIR (default: in pytest's temporary folder)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; refuse a folder that cannot be written before any test runs."""
    config.addinivalue_line("markers", MARKER)
    given = config.getoption("soak_dir")
    if given is None:
        return
    folder = Path(given).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise pytest.UsageError(_refused(given, error.strerror)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise pytest.UsageError(_refused(given, "no permission"))


def _refused(given: str, why: str | None) -> str:
    return f"--soak-dir {given}: cannot be written ({why}); name a folder that can"


@pytest.fixture
def soak(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Call a function for a while, and fail the test if it is not stable: see docs/pytest.md.

    ``soak(function, "20s")`` or ``soak(function, calls=100_000)``; ``args``, ``kwargs``, ``setup``,
    ``teardown``, ``budget``, and the keys of a scenario with ``__`` for the dot. An async function is called in
    an event loop of its own; in a test that is async itself, it is ``await soak(...)``.
    """
    given = request.config.getoption("soak_dir")
    root = tmp_path_factory.getbasetemp() / "soak" if given is None else Path(given).absolute()
    fixture = Soak(request.node, root)
    yield fixture
    fixture.finish()


class Soak:
    """What the fixture gives: to be called."""

    def __init__(self, item: pytest.Item, root: Path) -> None:
        self._item, self._root = item, root
        self._unawaited = 0

    def __call__(
        self,
        function: Callable[..., Any],
        duration: str | None = None,
        *,
        calls: int | None = None,
        budget: str | None = None,
        **keys: Any,
    ) -> Any:
        """Soak ``function`` and return what was found; an awaitable of it where an event loop runs.

        Raises AssertionError with the sentence of what was found, and what ``function`` raises.
        """
        __tracebackhide__ = True
        from zcbench.scenario import ScenarioError
        from zcbench.soaking_here import Here

        marked = self._marked()
        if duration is None and calls is None:
            duration, calls = marked.get(_DURATION), marked.get(_CALLS)
        if (duration is None) == (calls is None):
            pytest.fail('soak: say how long: soak(function, "20s") or soak(function, calls=100_000)', False)
        budget = budget if budget is not None else marked.pop(_BUDGET, None)
        for name in (_DURATION, _CALLS, _BUDGET):
            marked.pop(name, None)
        own, scenario = _divided({**marked, **keys})
        scenario |= {} if budget is None else {"memory.budget": budget}
        scenario |= {} if duration is None else {"duration": duration}
        scenario.setdefault("name", _name(self._item.name))
        command = ["pytest", self._item.nodeid]
        problem = ""
        try:
            here = Here(function, calls=calls, root=self._root, command=command, keys=scenario, **own)
            if _loop_runs() and here.is_async:
                self._unawaited += 1
                return self._awaited(here)
            return self._told(here.run())
        except ScenarioError as error:
            problem = str(error)
        return pytest.fail(problem, False)

    async def _awaited(self, here: Any) -> Any:
        __tracebackhide__ = True
        self._unawaited -= 1
        return self._told(await here.run_in_loop())

    def _told(self, soaked: Any) -> Any:
        __tracebackhide__ = True
        self._item.user_properties.append((_PROPERTY, soaked.sentence))
        return soaked.check()

    def _marked(self) -> dict[str, Any]:
        """What the markers say, the nearest one first."""
        found: dict[str, Any] = {}
        for mark in self._item.iter_markers("soak"):
            # How long is said once: 20 s of one marker are not also the 5,000 calls of another.
            long = (_DURATION, _CALLS) if found.keys() & {_DURATION, _CALLS} else ()
            found = {**{name: value for name, value in mark.kwargs.items() if name not in long}, **found}
        return found

    def finish(self) -> None:
        """A soak that nobody awaited tested nothing."""
        if self._unawaited:
            pytest.fail("soak(...) of an async function was not awaited: await soak(...)", False)


def _divided(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What is for the call, and what is a key of a scenario."""
    names = ("args", "kwargs", "setup", "teardown", "expect")
    own = {name: value for name, value in given.items() if name in names}
    scenario = {name.replace("__", "."): str(value) for name, value in given.items() if name not in names}
    return own, scenario


def _name(test: str) -> str:
    """The test's name as a scenario's, of 64 characters at most: "test_f-a-b" of "test_f[a/b]"."""
    import re
    import zlib

    name = re.sub(r"[^A-Za-z0-9._]+", "-", test).strip("-.") or "test"
    return name if len(name) <= 60 else f"{name[:50]}-{zlib.crc32(test.encode()):08x}"


def _loop_runs() -> bool:
    import sys

    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """With -v: what each soak that passed would have seen. What failed stands in its failure."""
    if terminalreporter.verbosity < 1:
        return
    reports = [one for one in terminalreporter.getreports("passed") if one.when == "call"]
    lines = [
        (report.nodeid, text.partition("\n")[0])
        for report in reports
        for name, text in report.user_properties
        if name == _PROPERTY
    ]
    if lines:
        terminalreporter.section("soaks")
    for nodeid, text in lines:
        terminalreporter.line(f"{nodeid}: {text}")
