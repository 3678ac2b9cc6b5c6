"""The pytest fixture: sessions of pytest as a user would start them, in a folder of their own."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from zcbench.scenario import ScenarioError
from zcbench.soaking_here import Here

ROOT = Path(__file__).parent.parent
# A dozen seconds of work, which a busy machine makes many more.
pytestmark = pytest.mark.timeout(600)
# By the entry point and by name it would be there twice; a tree that was installed before has no entry point.
PLUGIN = ("-p", "no:zcbench", "-p", "zcbench.pytest_plugin")

TESTS = """
import asyncio, ctypes, functools, logging, sys, time, warnings
import pytest

pytestmark = pytest.mark.soak(calls=2_000)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p


def test_leak_of_a_closure(soak):
    kept = []
    def decode():
        kept.append(bytearray(43))  # 56 bytes and 44
    soak(decode, calls=5_000)

def test_leak_of_malloc(soak):
    soak(lambda: libc.malloc(100))

def test_list_that_grows(soak):
    kept = []
    soak(lambda: kept.append(None), calls=20_000)

@pytest.mark.parametrize("name", ["a/b", "c::d [ä]" + 100 * "x"])
def test_clean(soak, name):
    soak(lambda: [name + str(i) for i in range(10)])
    assert "zcbench.capture._core" not in sys.modules, "it needs no engine"

@pytest.mark.soak(duration="1s", budget="1 KiB/min")
def test_for_a_time(soak):
    assert soak(dict, kwargs={"a": 1}).result.verdict == "pass"

class TestInClass:
    def once(self, given):
        given["calls"] += 1

    def test_method_with_setup(self, soak):
        ended = []
        soak(self.once, setup=lambda: {"calls": 0}, teardown=ended.append)
        assert ended[0]["calls"] == 2_000

def test_cache_that_fills(soak):
    cached = functools.lru_cache(maxsize=500)(str)
    numbers = iter(range(10**5, 10**6))
    soak(lambda: cached(next(numbers)))

def test_what_pytest_keeps(soak, caplog):
    caplog.set_level(logging.INFO)
    logging.info("before")
    def noisy():
        logging.info("a record")
        print("a line")
        print("an error", file=sys.stderr)
        warnings.warn("a warning", DeprecationWarning)
    soak(noisy)
    logging.info("after")
    assert caplog.messages == ["before", "after"]

async def work():
    await asyncio.sleep(0)

def test_async(soak):
    soak(work)

def test_async_of_a_lambda(soak):
    soak(lambda: work())

def test_async_in_a_loop(soak):
    async def run():
        lock = asyncio.Lock()
        async def locked():
            async with lock:
                await work()
        await soak(locked)
    asyncio.run(run())

def test_nobody_awaits(soak):
    async def run():
        soak(work)
    asyncio.run(run())

def test_exception(soak):
    numbers = iter(range(1_000))
    soak(lambda: next(numbers))

def test_too_few_calls(soak):
    soak(len, calls=3)

def test_unraisable(soak):
    class Bad:
        def __del__(self):
            raise ValueError("in a finaliser")
    soak(Bad)
"""


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, "-p", "no:cacheprovider", "--strict-markers", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a session of two processes: junit.xml, soaks/, and output.txt."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "test_soaks.py").write_text(TESTS, encoding="utf-8")
    done = pytest_in(folder, "-n", "2", "-v", "--soak-dir", "soaks", "--junitxml", "junit.xml")
    (folder / "output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def failures(session: Path) -> dict[str, str]:
    """What each test that did not pass said, by its name."""
    found: dict[str, str] = {}
    cases = [case for suite in JUnitXml.fromfile(str(session / "junit.xml")) for case in suite]
    assert len(cases) == TESTS.count("def test_") + 1, (session / "output.txt").read_text(encoding="utf-8")
    for case in cases:
        for result in case.result:
            found[case.name] = f"{result.message}\n{result.text}"
    return found


def test_only_what_is_wrong_fails(failures: dict[str, str]) -> None:
    assert sorted(failures) == sorted(
        [
            "test_leak_of_a_closure",
            "test_leak_of_malloc",
            "test_list_that_grows",
            "test_nobody_awaits",
            "test_exception",
            "test_too_few_calls",
            "test_unraisable",
        ]
    ), failures


def test_a_leak_of_100_bytes_a_call_is_named_with_its_line(failures: dict[str, str]) -> None:
    said = failures["test_leak_of_a_closure"]
    line = 1 + TESTS[: TESTS.index("kept.append(bytearray")].count("\n")
    assert "memory leaks, a call: small objects by 1" in said
    assert f"test_soaks.py:{line} by " in said
    assert "AssertionError" in said or "UnstableError" in said
    assert "soaked.py" not in said, "the traceback ends in the test"


def test_memory_of_malloc_is_not_called_pythons(failures: dict[str, str]) -> None:
    said = failures["test_leak_of_malloc"]
    assert re.search(r"native heap by 11\d B", said), said  # 100 bytes are a chunk of 112
    assert "test_soaks.py:" not in said.split("report:")[0].split("native heap")[1]
    assert "tracemalloc named no line" in said


def test_a_list_that_grows_in_leaps_never_passes(failures: dict[str, str]) -> None:
    assert "native heap" in failures["test_list_that_grows"]


def test_what_is_no_answer_says_so(failures: dict[str, str]) -> None:
    assert "was not awaited" in failures["test_nobody_awaits"]
    assert "calls = 3: 48 are needed" in failures["test_too_few_calls"]
    assert "StopIteration" in failures["test_exception"]
    assert "in a finaliser" in failures["test_unraisable"]


def test_each_soak_leaves_its_record_and_report(session: Path) -> None:
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in (session / "soaks").glob("*/result.json")]
    # All but the one that was refused and the one that nobody awaited.
    assert len(runs) == TESTS.count("def test_") + 1 - 2
    assert all((file.parent / "report.md").is_file() for file in (session / "soaks").glob("*/run.json"))
    commands = [json.loads(file.read_text(encoding="utf-8"))["command"] for file in session.rglob("run.json")]
    assert ["pytest", "test_soaks.py::test_clean[a/b]"] in commands


def test_the_summary_says_what_would_have_been_seen(session: Path) -> None:
    output = (session / "output.txt").read_text(encoding="utf-8")
    assert "test_soaks.py::test_clean[a/b]: memory: small objects, native heap came to rest" in output
    assert "smallest detectable leak" in output


def lazily() -> Iterator[int]:
    yield 3


@pytest.mark.parametrize(
    ("function", "args", "says"),
    [
        (lazily, (), "makes a generator and runs nothing of it"),
        (functools.partial(lazily), (), "makes a generator"),
        (len, "abc", "args = 'abc': not a tuple or a list"),
        (len, 5, "args = 5: not a tuple or a list"),
        (3, (), "3 is int, which cannot be called"),
    ],
)
def test_what_would_test_nothing_is_refused(function: Any, args: Any, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        Here(function, calls=100, args=args)


def test_nothing_is_imported_until_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    ours = {n for n in sys.modules if n.partition('.')[0] == 'zcbench'}\n"
        "    assert ours == {'zcbench', 'zcbench.soak', 'zcbench.pytest_plugin'}\n"
        "    assert 'numpy' not in sys.modules and 'msgspec' not in sys.modules\n",
        encoding="utf-8",
    )
    done = pytest_in(tmp_path, "-q", "-p", "no:xdist", "-p", "no:hypothesispytest")
    assert done.returncode == 0, done.stdout
    (tmp_path / "taken").touch()
    refused = pytest_in(tmp_path, "--soak-dir", "taken")
    assert refused.returncode == 4
    assert "--soak-dir taken: cannot be written (File exists); name a folder that can" in refused.stderr


def test_pytest_finds_it_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"zcbench": "zcbench.pytest_plugin"}
