"""The examples: each compiles without a warning, counts on its page what it does, and keeps its own laws."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zcbench.page.layout import PAGE_VARIABLE, State
from zcbench.page.reader import PageReader, Reading, make_page
from zcbench.quantities.registry import VOCABULARY

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LANGUAGES = ("c", "cpp", "javascript", "rust", "java", "python")
WARNINGS = ["-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'include'}"]
BUILDS = {
    "c": ["cc", "-std=c11", *WARNINGS, "capture.c", "-o", "capture"],
    "cpp": ["c++", "-std=c++17", "-pthread", *WARNINGS, "capture.cpp", "-o", "capture"],
    "rust": ["rustc", "-O", "-D", "warnings", "capture.rs"],
    "java": ["javac", "-Xlint:all", "-Werror", "Capture.java", "Page.java"],
}
COMMANDS = {
    "c": ["./capture"],
    "cpp": ["./capture"],
    "javascript": ["node", "capture.js"],
    "rust": ["./capture"],
    "java": ["java", "Capture"],
    "python": [sys.executable, "capture.py"],
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples, all compiled at once."""
    folder = tmp_path_factory.mktemp("examples") / "examples"
    shutil.copytree(EXAMPLES, folder)
    compilers = [subprocess.Popen(command, cwd=folder / name) for name, command in BUILDS.items()]
    assert [compiler.wait(timeout=100) for compiler in compilers] == [0] * len(compilers)
    return folder


def start(
    built: Path, language: str, page: Path, *arguments: str, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    make_page(page)
    return subprocess.Popen(
        [*COMMANDS[language], *arguments],
        cwd=built / language,
        stdin=stdin,
        env=os.environ | {PAGE_VARIABLE: str(page)},
    )


def read(path: Path) -> Reading:
    with PageReader(path) as reader:
        found = reader.read()
        assert reader.problems(found) == ()
        return found


def balanced(values: dict[str, int]) -> bool:
    captured = values["engine.captured"]
    return (
        captured == values["pool.hits"] + values["pool.misses"]
        and captured == values["pool.returns"] + values["pool.in_flight"] + values["pool.refused"]
        and captured == values["engine.delivered"] + values["engine.drops"]
    )


@pytest.fixture(scope="module")
def runs(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reading]:
    """Each example, 150 packets at 500/s, all side by side; and each again with its planted bug."""
    folder = tmp_path_factory.mktemp("pages")
    given = ["--seconds", "0.3", "--rate", "500", "--hold-ms", "4"]
    started = {
        f"{language}{suffix}": start(built, language, folder / f"{language}{suffix}", *given, *bug)
        for language in LANGUAGES
        for suffix, bug in (("", ()), ("-bug", ("--lose-every", "30")))
    }
    assert {name: done.wait(timeout=60) for name, done in started.items()} == dict.fromkeys(started, 0)
    return {name: read(folder / name) for name in started}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_it_did_is_on_its_page(runs: dict[str, Reading], language: str) -> None:
    found = runs[language]
    values = {name: value for name, value in found.values.items() if value is not None}
    assert found.state is State.DONE
    assert found.header.pid
    assert 1 <= values["engine.captured"] <= 170
    assert values["pool.slots"] == 100
    assert values["pool.in_flight"] == 0
    assert 1 <= values["pool.high_water"] <= 100
    assert values["consumer.received"] == values["engine.delivered"] > 0
    assert balanced(values)
    assert "engine.captured == pool.hits + pool.misses" in found.laws


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_planted_bug_shows(runs: dict[str, Reading], language: str) -> None:
    values = {name: value for name, value in runs[f"{language}-bug"].values.items() if value is not None}
    assert values["pool.in_flight"] >= (1 if values["consumer.last_sequence"] >= 30 else 0)  # a busy machine
    assert balanced(values)


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_names_and_units_are_those_of_our_engine(runs: dict[str, Reading], language: str) -> None:
    for entry in runs[language].entries:
        ours = VOCABULARY.get(entry.name, VOCABULARY.by_column.get(entry.name))
        if entry.name.endswith("_ns") and ours is None:
            continue  # a histogram: hold_ns, delivery_ns
        assert ours is not None, entry.name
        assert entry.unit == ours.unit.name, entry.name


def test_each_drains_when_it_is_asked_to(built: Path, tmp_path: Path) -> None:
    started = {
        name: start(
            *(built, name, tmp_path / name, "--hold-ms", "50"),
            stdin=subprocess.PIPE if name == "rust" else subprocess.DEVNULL,
        )
        for name in LANGUAGES
    }
    for language in started:
        _await_ready(tmp_path / language)
    for language, running in started.items():
        if language == "rust":
            assert running.stdin is not None
            running.stdin.close()
        else:
            running.send_signal(signal.SIGTERM)
    codes = {language: running.wait(timeout=30) for language, running in started.items()}
    # A JVM that was asked by SIGTERM says so in its code.
    assert codes == dict.fromkeys(LANGUAGES, 0) | {"java": 128 + signal.SIGTERM}
    for language in LANGUAGES:
        found = read(tmp_path / language)
        assert (found.state, found.values["pool.in_flight"]) == (State.DONE, 0)


def _await_ready(path: Path) -> None:
    give_up = time.monotonic() + 60
    while read_state(path) is not State.READY:
        assert time.monotonic() < give_up, f"{path.name} never became ready"
        time.sleep(0.02)


def read_state(path: Path) -> State | None:
    with PageReader(path) as reader:
        return reader.read(settle=False).state


@pytest.mark.parametrize("language", LANGUAGES)
def test_outside_a_run_it_runs_the_same(built: Path, language: str) -> None:
    bare = {name: value for name, value in os.environ.items() if name != PAGE_VARIABLE}
    done = subprocess.run(
        [*COMMANDS[language], "--seconds", "0.05"],
        cwd=built / language,
        stdin=subprocess.DEVNULL,
        env=bare,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
