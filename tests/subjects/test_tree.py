"""The processes that come from one are found also where the kernel keeps no list of children."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zcbench.probes import procfs
from zcbench.subjects import tree
from zcbench.subjects.inside.leftovers import children
from zcbench.subjects.tree import ProcessTree

if sys.platform == "win32":
    pytest.skip("a shell", allow_module_level=True)


@pytest.fixture
def without_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "lists_children", lambda: False)
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    monkeypatch.setattr(tree, "_LINUX", False)


def test_a_tree_is_found_and_killed(without_lists: None) -> None:
    own = ProcessTree()
    process = subprocess.Popen(["sh", "-c", "sleep 96 & sleep 96; :"])
    own.begin(process.pid)
    until_s = time.monotonic() + 20
    while len(own.living()) < 3 and time.monotonic() < until_s:
        time.sleep(0.01)
    found = own.living()
    assert own.kill()
    process.wait()
    own.close()
    assert found[0] == process.pid
    assert len(found) == 3
    assert own.living() == []


def test_children_are_counted(without_lists: None) -> None:
    before = children(os.getpid())
    process = subprocess.Popen(["sleep", "96"])
    assert children(os.getpid()) == before + 1
    process.kill()
    process.wait()
    assert children(os.getpid()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_this_kernel_lists_them() -> None:
    process = subprocess.Popen(["sleep", "96"])
    task = f"/proc/self/task/{os.getpid()}/children"
    assert procfs.lists_children() == (str(process.pid).encode() in procfs.read(task).split())
    process.kill()
    process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
def test_after_the_last_tree_orphans_fall_to_init_again_who_waits_for_them() -> None:
    # given a program that embeds zcbench, with a subject and its load generator
    before = tree._is_subreaper()
    trees = [ProcessTree(), ProcessTree()]
    processes = [subprocess.Popen(["true"]) for _ in trees]
    for one, process in zip(trees, processes, strict=True):
        one.begin(process.pid)
    for process in processes:
        process.wait()
    trees[0].close()
    assert tree._is_subreaper()
    trees[1].close()
    assert tree._is_subreaper() == before
