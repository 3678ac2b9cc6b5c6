"""Verify the Promela models of the native core exhaustively, and refute every bug that can be planted in them.

Each model in ``zcbench/capture/_core/model`` says in its header what is to be done with it::

    // run: -DSLOTS=2                    must hold: no error, searched to the end, no statement never reached
    // live: -DSLOTS=2                   the same for its ltl formula, under weak fairness
    // bug: NAME  assertion: lost (run 2)   compiled with -DNAME the second run must fail, and in this way

How a bug may show: "assertion: " and the comment on its line in the model; "invalid end state" (somebody waits
for ever); "never ends" (the ltl formula of a live run is violated). Needs spin and gcc (Debian: spin gcc).
Prints a Markdown table; the exit code is 1 when anything was not as said, and 2 when something is missing.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MODELS = Path(__file__).parents[2] / "zcbench" / "capture" / "_core" / "model"
DEPTH = "1000000"  # steps; pan says when it was not enough
MEMORY_MB = "4096"
END_STATE = "invalid end state"
ENDLESS = "never ends"


@dataclass(frozen=True)
class Search:
    """What one exhaustive search found: ``error`` is None when all held."""

    states: int
    seconds: float
    error: str | None
    unreached: tuple[str, ...]


class UnverifiedError(Exception):
    """A search that proves nothing: it did not compile, or was cut short."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", nargs="*", help="names without .pml; all of them if none is given")
    chosen = parser.parse_args().model
    missing = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]
    if missing:
        print(
            f"not installed: {' '.join(missing)} (Debian: apt-get install spin gcc)",
            file=sys.stderr,
        )
        return 2
    there = {path.stem: path for path in sorted(MODELS.glob("*.pml"))}
    unknown = [name for name in chosen if name not in there]
    if unknown or not there:
        print(f"no model {' '.join(unknown)}; there are {', '.join(there)}", file=sys.stderr)
        return 2
    print("| model | what | states | s | outcome |\n|:--|:--|--:|--:|:--|")
    wrong = 0
    for name in chosen or there:
        for what, search, as_said in _verified(there[name]):
            wrong += not as_said
            outcome = search.error or "holds"
            verdict = outcome if as_said else f"**WRONG**: {outcome}"
            print(
                f"| {name} | {what} | {search.states:,} | {search.seconds:.1f} | {verdict} |",
                flush=True,
            )
    print(f"{wrong} not as they should be" if wrong else "all as they should be", file=sys.stderr)
    return 1 if wrong else 0


def _verified(model: Path) -> Iterator[tuple[str, Search, bool]]:
    text = model.read_text(encoding="utf-8")
    runs = re.findall(r"^// run: +(.*?)(?: +\(.*\))?$", text, re.M)
    bugs = dict(re.findall(r"^// bug: +(\w+) +(.+)$", text, re.M))
    planted = set(re.findall(r"^#ifn?def (\w+)$", text, re.M))
    settings = {name for run in runs for name in re.findall(r"-D(\w+)", run)} | {"LIVE"}
    # Nothing in a model goes unverified: every switch is a bug to refute or a setting of a run.
    if not runs or planted - settings != set(bugs) or not bugs:
        raise SystemExit(f"{model}: bugs {sorted(bugs)}, switches {sorted(planted - settings)}")
    reached_somewhere: list[set[str]] = []
    for run in runs:
        search = _search(model, run.split())
        reached_somewhere.append(set(search.unreached))
        yield (
            f"`{run}`",
            Search(search.states, search.seconds, search.error, ()),
            search.error is None,
        )
    never = tuple(sorted(set.intersection(*reached_somewhere)))
    if never:  # a proof about code that never runs proves nothing
        yield "all runs", Search(0, 0, f"never reached: {', '.join(never)}", ()), False
    lives = re.findall(r"^// live: +(.*)$", text, re.M)
    for run in lives:
        search = _search(model, [*run.split(), "-DLIVE"], live=True)
        yield f"`{run}`, comes to its end", search, search.error is None
    for bug, expected in bugs.items():
        how, _, nth = expected.partition(" (run ")
        run = (lives if how == ENDLESS else runs)[int(nth.rstrip(")") or 1) - 1]
        live = ["-DLIVE"] if how == ENDLESS else []
        search = _search(model, [*run.split(), *live, f"-D{bug}"], live=bool(live))
        yield f"bug {bug}", search, search.error == how


def _search(model: Path, settings: list[str], *, live: bool = False) -> Search:
    with tempfile.TemporaryDirectory(prefix="zcbench-model-") as folder:
        _run(["spin", "-a", *settings, str(model)], folder)
        safety = [] if live else ["-DSAFETY"]
        _run(["gcc", "-O1", "-w", *safety, f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"], folder)
        began = time.monotonic()
        found = _run(["./pan", f"-m{DEPTH}", *(["-a", "-f"] if live else [])], folder)
        seconds = time.monotonic() - began
        states = re.search(r"(\d+) states, stored", found)
        errors = re.search(r"errors: (\d+)", found)
        if states is None or errors is None or re.search(r"max search depth|out of memory", found):
            raise UnverifiedError(f"{model.name} {' '.join(settings)}: {found}")
        error = _error(model, settings, found) if int(errors[1]) else None
        if error is None and "not completed" in found:
            raise UnverifiedError(f"{model.name} {' '.join(settings)}: {found}")
        return Search(int(states[1]), seconds, error, _unreached(found))


def _run(command: list[str], folder: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if command[0] != "./pan" and done.returncode:
        raise UnverifiedError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _error(model: Path, settings: list[str], found: str) -> str:
    if f"pan:1: {END_STATE}" in found:
        return END_STATE
    if "pan:1: acceptance cycle" in found:
        return ENDLESS
    violated = re.search(r"assertion violated (.*?) \(at depth", found)
    if violated is None:
        return found.strip().splitlines()[0]
    # Spin shows the expression with settings expanded, and brackets and blanks of its own.
    values = dict(re.findall(r"-D(\w+)=(\w+)", " ".join(settings)))
    wanted = re.sub(r"[\s()]", "", violated[1].replace("q_len", "len"))
    for line in model.read_text(encoding="utf-8").splitlines():
        asserted = re.search(r"assert\((.*)\).*?// (.*)", line)
        expanded = re.sub(r"\w+", lambda w: values.get(w[0], w[0]), asserted[1]) if asserted else ""
        if asserted and re.sub(r"[\s()]", "", expanded) == wanted:
            return "assertion: " + asserted[2].split(":")[0]
    return f"assertion {violated[1]}"


def _unreached(found: str) -> tuple[str, ...]:
    """The statements never reached, but for the ends of processes that have none."""
    lines = re.findall(r"^\s+\S*\.pml:(\d+), state \d+, \"(.*)\"$", found, re.M)
    return tuple(f"line {line} {text}" for line, text in lines if text != "-end-")


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    try:
        sys.exit(main())
    except UnverifiedError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
