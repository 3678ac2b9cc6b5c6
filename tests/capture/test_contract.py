"""What an engine must have is looked at before it is made, and everything that is wrong is told at once."""

from __future__ import annotations

import abc
from typing import Any

import pytest

from zcbench.capture.contract import of_class, of_engine
from zcbench.capture.engine import engine_names, find_engine
from zcbench.capture.reference import ReferenceEngine
from zcbench.faults import FAULTS


def test_every_shipped_engine_and_every_planted_one_keeps_the_contract() -> None:
    engines = [find_engine(name) for name in engine_names()]
    engines += [fault.engine for fault in FAULTS if fault.engine is not None]
    assert [(engine, of_class(engine)) for engine in engines if of_class(engine)] == []


class Wrong:
    def __init__(self, format: Any, source: Any) -> None:
        pass

    async def read(self, timeout: float) -> None:
        pass

    def start(self, now: int) -> None:
        pass

    close = 3


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = "; ".join(of_class(Wrong))
    for words in (
        "too many positional arguments; it is made as Engine(format, source, pool,",
        "start() cannot be called as it will be: missing a required argument: 'now'",
        "read() is a coroutine",
        "it has no stop()",
        "close is the int 3, not a method",
        "it has no check() (return 0",
    ):
        assert words in found


def test_what_is_no_class_and_what_is_abstract_are_called_that() -> None:
    class Unfinished(ReferenceEngine, abc.ABC):
        @abc.abstractmethod
        def read(self, timeout: float | None = None) -> Any: ...

    assert of_class(abc) == ["it is of type module, not a class; write package.module:Class"]
    assert of_class(Unfinished) == ["it leaves abstract: read"]


@pytest.mark.parametrize("by", ["attribute", "setattr", "__getattr__", "a function"])
def test_methods_that_an_engine_gets_when_it_is_made_are_looked_for_then(by: str) -> None:
    methods = ("start", "read", "stop", "close", "check")

    class Late:
        def __init__(self, format: Any, source: Any, pool: Any, **more: Any) -> None:
            for name in methods:
                setattr(self, name, lambda *_: None)

    class Assigned:
        def __init__(self, format: Any, source: Any, pool: Any, **more: Any) -> None:
            self.start = self.stop = self.close = self.check = lambda: None
            self.read = lambda timeout=None: None

    class Delegates:
        def __init__(self, format: Any, source: Any, pool: Any, **more: Any) -> None: ...
        def __getattr__(self, name: str) -> Any:
            if name in methods:
                return lambda *_: None
            raise AttributeError(name)

    makers: dict[str, Any] = {
        "attribute": Assigned,
        "setattr": Late,
        "__getattr__": Delegates,
        "a function": lambda format, source, pool, scoreboard, checksum: Late(format, source, pool),
    }
    make = makers[by]
    assert of_class(make) == []
    engine = make(None, None, None, scoreboard=None, checksum=False)
    assert of_engine(engine) == []
    if by == "attribute":
        del engine.read
        assert of_engine(engine) == ["it has no read()"]
