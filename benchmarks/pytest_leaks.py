"""The fixture soak beside psleak, pytest-memray and pytest-leaks, on the same twelve functions.

    python benchmarks/pytest_leaks.py [--rounds 5] [--calls 5000] [--debug-python python3.11-dbg]

Each tool sees the twelve as twelve tests of one pytest session, once a round. Prints how often each tool
failed each: found, of a function that leaks; a false alarm, of one that does not; and how long a test took,
the median. pytest-leaks needs a debug build of Python, which needs numpy, pytest and pytest-leaks; without
``--debug-python`` it is left out. The others must be installed beside zcbench.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).parent
FUNCTIONS = HERE / "leaking_functions.py"


@dataclass(frozen=True)
class Tool:
    """``test`` is one function's, with {name} and {calls}; ``options`` are pytest's."""

    name: str
    head: str
    test: str
    options: Sequence[str]
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)


def tools(debug_python: str | None) -> list[Tool]:
    """Those that can run here, each as its documentation has it."""
    others = ("-p", "no:cacheprovider", "-p", "no:xdist", "-q")
    found = [
        Tool("zcbench", "", "def test_{name}(soak):\n    soak(f.{name}, calls={calls})\n", others),
        Tool(
            "psleak",
            "import psleak\nclass Test(psleak.MemoryLeakTestCase):\n",
            "    def test_{name}(self):\n        self.execute(f.{name})\n",
            (*others, "-p", "no:zcbench"),
            # It skips its tests without.
            environment={"PYTHONMALLOC": "malloc", "PYTHONUNBUFFERED": "1"},
        ),
        Tool(
            "pytest-memray",
            "import pytest\n",
            "@pytest.mark.limit_leaks('10 KB')\ndef test_{name}():\n"
            "    for _ in range({calls}):\n        f.{name}()\n",
            (*others, "--memray", "-p", "no:zcbench"),
        ),
    ]
    if debug_python:
        test = "def test_{name}():\n    for _ in range(100):\n        f.{name}()\n"
        found.append(Tool("pytest-leaks", "", test, ("-p", "no:cacheprovider", "-q", "-R", ":"), debug_python))
    return found


def build(python: str, folder: Path) -> None:
    """Compile the extension for ``python``."""
    asked = "import sysconfig as s; print(s.get_path('include'), s.get_config_var('EXT_SUFFIX'))"
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    include, suffix = done.stdout.split()
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    target = folder / f"leaking{suffix}"
    source = str(HERE / "leaking.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", f"-I{include}", source, "-o", str(target)], check=True)
    shutil.copy(FUNCTIONS, folder)


def session(tool: Tool, names: Sequence[str], calls: int, folder: Path) -> dict[str, tuple[bool, float]]:
    """By function, whether the tool failed it, and how long its test took (s); without those it skipped."""
    tests = "".join(tool.test.format(name=name, calls=calls) for name in names)
    text = f"import leaking_functions as f\n{tool.head}{tests}"
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder), **tool.environment}
    done = subprocess.run(
        [tool.python, "-m", "pytest", *tool.options, "--junitxml=it.xml", "test_it.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {}
    # Written a moment ago, by a pytest of ours.
    for case in ElementTree.parse(folder / "it.xml").iter("testcase"):
        name = case.attrib["name"].removeprefix("test_")
        # pytest-leaks runs each test several times: the last report alone has the time of one.
        leaked = case.find("failure") is not None or f"::test_{name}: leaked" in done.stdout
        if case.find("skipped") is None:
            found[name] = leaked, float(case.attrib["time"])
    if len(found) < len(names):
        print(done.stdout, done.stderr, file=sys.stderr)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--debug-python", help="a debug build of Python, for pytest-leaks")
    parser.add_argument("--only", help="one tool")
    options = parser.parse_args()
    chosen = [tool for tool in tools(options.debug_python) if options.only in (None, tool.name)]
    names = _names()
    answers: dict[tuple[str, str], list[bool]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        for tool in chosen:
            folder = Path(place) / tool.name
            folder.mkdir()
            build(tool.python, folder)
            for _ in range(options.rounds):
                for name, (leaked, took) in session(tool, names, options.calls, folder).items():
                    answers[tool.name, name].append(leaked)
                    times[tool.name].append(took)
            print(table([tool], names, answers, times, options.rounds), file=sys.stderr, flush=True)
    print(table(chosen, names, answers, times, options.rounds))


def _names() -> list[str]:
    """FUNCTIONS of the module, without importing it: its extension is not built yet."""
    namespace: dict[str, object] = {}
    text = FUNCTIONS.read_text(encoding="utf-8")
    exec(text[text.index("FUNCTIONS = (") :], namespace)
    return [str(name) for name in namespace["FUNCTIONS"]]  # type: ignore[attr-defined]


def table(
    chosen: Sequence[Tool],
    names: Sequence[str],
    answers: Mapping[tuple[str, str], Sequence[bool]],
    times: Mapping[str, Sequence[float]],
    rounds: int,
) -> str:
    """In Markdown: a row a function, how many rounds each tool failed it."""
    lines = ["| function | " + " | ".join(tool.name for tool in chosen) + " |"]
    lines.append("|:--|" + "--:|" * len(chosen))
    for name in names:
        counts = [answers[tool.name, name] for tool in chosen]
        cells = [f"{sum(found)}" for found in counts]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    for what, leaks in (("**found**, of", True), ("**false alarms**, of", False)):
        which = [name for name in names if name.endswith("_leaks") is leaks]
        sums = [sum(sum(answers[tool.name, name]) for name in which) for tool in chosen]
        lines.append(f"| {what} {len(which) * rounds} | " + " | ".join(map(str, sums)) + " |")
    medians = [f"{statistics.median(times[tool.name]):.2f} s" for tool in chosen]
    lines.append("| a test, median | " + " | ".join(medians) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
