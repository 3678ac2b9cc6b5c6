"""The benchmarks keep their promises: those that are no matter of the machine's speed."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("pressure", ["gil", "gc", "page-faults", "malloc", "swapped"])
def test_nothing_is_lost_in_the_callback_under_pressure(pressure: str) -> None:
    # given a paced stream of 1,000 packets/s beside a storm
    command = [sys.executable, str(BENCHMARKS / "pressure.py"), "--one", pressure]
    # when it is read to its end
    done = subprocess.run(
        [*command, "--seconds", "0.7"], capture_output=True, text=True, timeout=100, check=False
    )
    # then every packet was captured, in a slot, with the right bytes
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {k: found[k] for k in ("due", "captured", "dropped", "wrong")} == {
        "due": 700, "captured": 700, "dropped": 0, "wrong": 0,
    }  # fmt: skip


def test_holes_in_what_was_captured_are_found_frame_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", ModuleType("sounddevice"))  # no device is asked for
    holes_in = runpy.run_path(str(BENCHMARKS / "gil_hogs_capture.py"))["holes_in"]
    noise = np.random.default_rng(1).integers(-(2**14), 2**14, (48_000, 2)) / 32768
    known = noise.astype(np.float32)
    silence = np.zeros((500, 2), np.float32)
    # given what was played twice, with silence between, of which 7 and 480 frames are missing
    received = np.concatenate([known[1000:20_000], known[20_007:], silence, known[:300], known[780:]])
    # when the holes are looked for
    found = holes_in(received, known)
    # then they are these, and neither silence nor the second round is one
    assert (found.holes, found.frames) == (2, 487)
    assert holes_in(np.concatenate([known, silence, known]), known).holes == 0


def test_the_document_quotes_the_reports_of_the_peers_and_keeps_the_rest() -> None:
    quote = runpy.run_path(str(BENCHMARKS / "quote.py"))
    docs = BENCHMARKS.parent / "docs"
    document = (docs / "performance.md").read_text(encoding="utf-8")
    # when the reports are quoted as they are, then the document is what it was
    read = dict[str, str]()

    def as_it_is(name: str) -> str:
        read[name] = (docs / name).read_text(encoding="utf-8")
        return read[name]

    assert quote["quoted"](document, as_it_is) == document
    assert list(read) == ["bench/bench.md", "bench/targets/bench.md"]
    # and with another number, the tables are the reports', and what is around them is as before
    again = quote["quoted"](document, lambda n: read[n].replace("| zcbench | ", f"| zcbench | {n} "))
    assert all(again.count(f"| zcbench | {name} ") == 2 for name in read)
    begin = document.find("<!-- from")
    assert again[:begin] == document[:begin]
    assert again.split("<!-- end -->")[-1] == document.split("<!-- end -->")[-1]
