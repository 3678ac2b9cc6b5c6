"""The report of a benchmark says what was measured, and what was not."""

from __future__ import annotations

import json

import msgspec
import pytest

from zcbench.bench.allocations import Allocated
from zcbench.bench.cell import Measured
from zcbench.bench.results import Cell, Results, Setting, Told
from zcbench.record.schema import Environment
from zcbench.render.bench import figure, render, to_json

SMALL, LARGE = (Setting(size=size, hold=0, threads=1) for size in (3840, 65_536))
MACHINE = Environment(
    system="Linux", machine="x86_64", processor="A <b>CPU</b> | of mine", cores=2, memory_bytes=1,
    python="CPython 3.11", zcbench="0.1.0", packages={}, portaudio=None, git_commit="0123456789abcdef",
    git_dirty=False,
)  # fmt: skip


def _told(name: str, kind: str = "peer", missing: str | None = None) -> Told:
    return Told(name=name, title=f"About {name}", kind=kind, moved="in to out", versions={}, missing=missing)


def _cell(peer: str, setting: Setting, *times_ns: float, failed: str | None = None) -> Cell:
    return Cell(
        peer=peer, setting=setting, packets=1000, moved_bytes=setting.size, failed=failed,
        allocated=Allocated(objects=3.0, calls=0.25, size=100.0),
        rounds=tuple(
            Measured(wall_ns=t, cpu_ns=2 * t, application_ns=t / 2, kept_blocks=0.0, peak_bytes=32 * 2**20)
            for t in times_ns
        ),
    )  # fmt: skip


RESULTS = Results(
    rounds=5,
    seed=7,
    peers=(
        _told("memcpy", "limit"),
        _told("zcbench", "zcbench"),
        _told("queue"),
        _told("iceoryx2", missing="pip install 'zcbench[bench]' (No module named 'iceoryx2')"),
    ),
    cells=(
        _cell("memcpy", SMALL, 100, 100, 100, 100, 100),
        _cell("zcbench", SMALL, 300, 500, 400, 600, 200),
        _cell("queue", SMALL, 4000, 4000, 4000, 4000, 4000),
        _cell("memcpy", LARGE, 2000, 2000),
        _cell("zcbench", LARGE, 3000, 5000),
        _cell("queue", LARGE, failed="ended by SIGBUS | <oops>"),
    ),
)


@pytest.fixture(scope="module")
def report() -> str:
    return render(RESULTS, MACHINE, ["bench"])


def test_ratios_have_their_intervals_and_too_few_rounds_have_none(report: str) -> None:
    to_queue, to_memcpy = report.split("## Time for a packet, as a multiple of ")[1:3]
    assert to_queue.startswith("copy-and-frombuffer's")
    assert "| About zcbench | 0.1 (0.05 to 0.15) | – |" in to_queue
    assert "| About queue | 1 (1 to 1) | failed |" in to_queue
    assert to_memcpy.startswith("the bare memcpy's")
    assert "| About zcbench | 4 (2 to 6) | 2 |" in to_memcpy


def test_every_figure_of_a_cell_is_shown(report: str) -> None:
    assert "### 3840 B, nothing held, 1 thread" in report
    row = "| About zcbench | 400 ns | 2,500,000/s | 200 ns | 800 ns | 3,840 B | 3.00 | 0.25 | 0.00 |"
    assert f"{row} 32.00 MiB |" in report


def test_what_failed_and_what_is_missing_is_told_and_escaped(report: str) -> None:
    assert r"ended by SIGBUS \| \<oops\>" in report
    assert "| `iceoryx2` | About iceoryx2 | in to out | not measured: pip install" in report
    assert r"A \<b\>CPU\</b\> \| of mine" in report
    assert "commit 0123456789ab" in report


def test_the_figure_has_a_line_for_each_peer_that_was_measured() -> None:
    drawn = figure(RESULTS)
    lines = {curve.name: (curve.x.tolist(), curve.y.tolist()) for curve in drawn.curves}
    assert lines["zcbench"] == ([3840, 65_536], pytest.approx([4e-7, 4e-6]))
    # the failed cell is not among them
    assert {name: len(sizes) for name, (sizes, _) in lines.items()} == {
        "memcpy": 2,
        "zcbench": 2,
        "queue": 1,
    }
    assert drawn.svg().startswith("<svg")


def test_the_json_is_the_results_and_the_machine() -> None:
    found = json.loads(to_json(RESULTS, MACHINE))
    assert found["results"]["schema"] == 1
    assert msgspec.convert(found["results"], Results) == RESULTS
    assert found["environment"]["processor"] == MACHINE.processor
