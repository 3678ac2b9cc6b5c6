"""The states of the Node add-on, and what each must be called.

As a program it runs each of them many times, at the pace of soak.toml, and says how often it was called so:

    python -m tests.examples.node_addon --times 20 --at-once 16
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.subjects.conftest import recorded
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.scenario import Setting, load
from zcbench.verdict import judge

ADDON = Path(__file__).parents[2] / "examples" / "node-addon"


@dataclass(frozen=True)
class State:
    """A state's name; the check and cause that must name it, and the checks that may fail for it."""

    name: str
    check: str
    cause: str | None
    failing: frozenset[str] = frozenset()


STATES = (
    State("mixed-ownership", "life", "crashed", frozenset({"life", "pool.recycling"})),
    State("no-op-return", "pool.recycling", "never_recycled", frozenset({"pool.recycling", "memory"})),
    State("lost-slot", "pool.recycling", "slots_lost", frozenset({"pool.recycling", "laws"})),
    State("sound", "pool.hit_rate", "held_by_garbage"),
    State("told", "pool.hit_rate", None),
    State("explicit", "pool.hit_rate", None),
    State("copy", "pool.hand_over", "copies"),
    State("refused", "pool.hand_over", "external_refused"),
)


def build(folder: Path) -> Path:
    """A copy of the example in ``folder``, with the page's header beside it, built as its README says."""
    shutil.copytree(ADDON.parents[1] / "include", folder / "include")
    addon = folder / "examples" / "node-addon"
    shutil.copytree(ADDON, addon, ignore=shutil.ignore_patterns("build"))
    if (addon / "node_modules").exists():
        subprocess.run(["sh", "build.sh"], cwd=addon, check=True, timeout=100)
    else:
        subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=addon, check=True, timeout=200)
    return addon


def soak(addon: Path, state: str, directory: Path, keys: Mapping[str, str]) -> tuple[Record, Result]:
    """The record and the verdict of ``state`` under soak.toml, with ``keys`` over it."""
    keys = {**keys, "subject.args.state": state, "subject.cwd": str(addon)}
    plan = load(addon / "soak.toml", flags=[Setting(key, text, "test") for key, text in keys.items()])
    directory.mkdir()
    record = recorded(plan, directory)
    return record, judge(record)


def misnamed(state: State, result: Result) -> str | None:
    """What is wrong with ``result`` as the verdict on ``state``; None if nothing is."""
    found = {finding.check: finding for finding in result.findings}
    if found[state.check].cause != state.cause:
        return f"{state.check}: {found[state.check].cause}: {found[state.check].sentence}"
    for finding in result.findings:
        if finding.outcome == "fail" and finding.level == "fail" and finding.check not in state.failing:
            return f"{finding.check} fails: {finding.sentence}"
    return None


def main() -> int:
    """Run each state so often, and print how often it was called by its name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--duration", default="100s")
    parser.add_argument("--state", action="append", choices=[state.name for state in STATES])
    given = parser.parse_args()
    states = [state for state in STATES if state.name in (given.state or (state.name,))]
    folder = Path(tempfile.mkdtemp(prefix="node-addon-"))
    addon = build(folder)
    # The original's 10; where each acquire is to find a slot, two seconds' worth, for a machine that is busy.
    sizes = {state.name: "10" if state.cause else "200" for state in STATES}

    def one(job: tuple[State, int]) -> str | None:
        state, number = job
        keys = {"duration": given.duration, "subject.args.slots": sizes[state.name]}
        wrong = misnamed(state, soak(addon, state.name, folder / f"{state.name}-{number}", keys)[1])
        if wrong:
            print(f"{state.name} {number}: {wrong}", flush=True)
        return wrong

    jobs = [(state, number) for number in range(given.times) for state in states]
    with ThreadPoolExecutor(given.at_once) as pool:
        answers = list(pool.map(one, jobs))
    for state in states:
        right = [wrong is None for (of, _), wrong in zip(jobs, answers, strict=True) if of is state]
        print(f"{state.name}: {state.check}/{state.cause or 'no cause'}: {sum(right)} of {len(right)}")
    return 0 if not any(answers) else 1


if __name__ == "__main__":
    sys.exit(main())
