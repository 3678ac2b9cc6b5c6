"""A sample's cost, counted in system calls: a time would be the machine's."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from zcbench.probes.processes.probe import ProcessProbe
from zcbench.subjects.tree import BIRTHS, ProcessTree

COUNTED = ("open", "pread", "read", "stat", "listdir", "scandir", "readlink")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Counter[str]]]:
    """Gives the system calls of one sample of so many processes, the second one of each."""
    trees: list[ProcessTree] = []
    counts: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **named)

        return call

    def sample(processes: int) -> Counter[str]:
        others = "".join(" sleep 300 &" for _ in range(processes - 1))
        tree = ProcessTree()
        trees.append(tree)
        with BIRTHS:
            popen = subprocess.Popen(["sh", "-c", f"{others} exec sleep 300"], start_new_session=True)
            tree.begin(popen.pid)
        give_up = time.monotonic() + 100
        while [process.name() for process in tree.scan()] != ["sleep"] * processes:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        probe = ProcessProbe(dear_every_s=1e6)
        probe.begin(tree.scan)
        probe.read()
        counts.clear()
        with monkeypatch.context() as patch:
            for name in COUNTED:
                patch.setattr(os, name, counting(name, getattr(os, name)))
            row = probe.read()
        assert row["processes"] == processes
        tree.kill()
        popen.wait()
        return Counter(counts)

    yield sample
    for tree in trees:
        tree.kill()
        tree.close()


def test_what_a_sample_asks_the_system_grows_by_few_calls_a_process_and_opens_none_again(
    calls: Callable[[int], Counter[str]],
) -> None:
    few, many = calls(2), calls(10)
    assert many["open"] == few["open"]
    # Of a process: its stat for the tree and for the probe, its children, status, waits and storage, and how
    # many descriptors it has.
    assert sum(many.values()) - sum(few.values()) <= 8 * 7
