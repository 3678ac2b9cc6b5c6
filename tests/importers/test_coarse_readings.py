"""A tool that prints whole MiB hides what grows within one."""

from __future__ import annotations

import pytest

from tests.importers.conftest import Ingest

GCTRACE = (
    "gc {n} @{at:.3f}s 0%: 0.01+1.2+0.004 ms clock, 0.03+0.35/1/0+0.009 ms cpu, 4->4->2 MB, 5 MB goal, 2 P\n"
)


def test_a_step_hides_as_much_in_each_life_of_a_program_that_began_anew(ingest: Ingest) -> None:
    # given eight hours in which it was started every hour: a step hides as much in each as in an hour alone
    rows = ["elapsed_s,pid,heap_bytes,collections"]
    rows += [f"{10 * n},{4000 + n // 360},{2 * 2**20},{n}" for n in range(8 * 360)]
    maps = ("--map", "go.heap_bytes=heap_bytes,runtime.full_collections=collections")
    found = ingest("\n".join(rows) + "\n", *maps, name="log.csv").findings["memory"]
    assert found["outcome"] == "inconclusive", found["sentence"]
    assert "steps of 1,048,576 bytes" in found["sentence"]


@pytest.mark.parametrize(("hours", "outcome"), [(1, "inconclusive"), (8, "pass")])
def test_a_heap_in_whole_mebibytes_passes_once_a_leak_would_have_shown(
    ingest: Ingest, hours: int, outcome: str
) -> None:
    # given a Go program whose heap stays at 2 MB: 0.9 MB more would not show
    log = "".join(GCTRACE.format(n=n + 1, at=10.0 * n) for n in range(360 * hours))
    found = ingest(log).findings["memory"]
    assert found["outcome"] == outcome, found["sentence"]
    assert ("steps of 1,048,576 bytes" in found["sentence"]) == (outcome == "inconclusive")
