"""An add-on's pool in a Node program that never ends its turn: run for real, and called by its name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.subjects.conftest import recorded
from zcbench.scenario import Setting, load
from zcbench.verdict import judge

if sys.platform != "linux":
    pytest.skip("an add-on built by gcc -shared", allow_module_level=True)

PROGRAMS = Path(__file__).parent / "programs" / "node"
INCLUDE = Path(__file__).parents[2] / "include"
LIMIT_S = 100  # no promise: when a test gives up
PLAN = """
name = "starved"
duration = "5s"
[sampling]
every = "200ms"
[subject]
command = ["node", "starved.js"]
ready = "page"
"""


def test_a_loop_that_never_turns_starves_the_finalizers_that_return_slots(tmp_path: Path) -> None:
    # given an add-on whose packets are taken without the event loop, built as its first lines say
    compiler = shutil.which("gcc") or shutil.which("cc") or "gcc"
    addon = tmp_path / "native.node"
    build = [compiler, "-O1", "-shared", "-fPIC", "-I", INCLUDE, PROGRAMS / "native.c", "-o", addon]
    subprocess.run(build, check=True, timeout=LIMIT_S)
    (tmp_path / "soak.toml").write_text(PLAN)
    keys = {"subject.cwd": str(PROGRAMS), "subject.env.ADDON": str(addon)}
    plan = load(tmp_path / "soak.toml", flags=[Setting(key, text, "test") for key, text in keys.items()])
    # when it is run
    (tmp_path / "run").mkdir()
    found = {finding.check: finding for finding in judge(recorded(plan, tmp_path / "run")).findings}
    # then the pool's finding says who could not give back
    recycling = found["pool.recycling"]
    assert (recycling.outcome, recycling.cause) == ("fail", "finalizers_starved"), recycling.sentence
    assert "the event loop stood still for the last" in recycling.sentence
