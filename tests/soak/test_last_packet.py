"""After a crash the record still names the exact last packet."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from zcbench.record.reader import read_record
from zcbench.record.schema import Ending
from zcbench.scenario import Scenario
from zcbench.soak.supervisor import run


@pytest.mark.skipif(os.name != "posix", reason="SIGSEGV is POSIX")
def test_killed_at_a_random_packet_twenty_times_the_last_packet_is_right_twenty_times(
    scenario: Callable[..., Scenario], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given twenty packets chosen at random among an unpaced 5,000
    chosen = random.sample(range(1, 5_000), 20)
    named = []
    for at in chosen:
        monkeypatch.setenv("HOSTILE_AT", str(at))
        directory = tmp_path / str(at)
        directory.mkdir()
        # when the worker gets a SIGSEGV with that packet in hand
        unpaced = scenario("hostile:Segfaults", duration_s=50, source={"unpaced": True})
        run(unpaced, directory, command=["test"])
        end = read_record(directory).end
        assert (end.ending, end.signal) == (Ending.CRASHED, "SIGSEGV")
        assert end.received == at
        named.append(end.last_sequence)
    # then the record names the packet before it, every time
    assert named == [at - 1 for at in chosen]
