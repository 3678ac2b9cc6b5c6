"""What programs publish on their pages, as the samples have it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from zcbench.page.layout import PAGE_VARIABLE, State
from zcbench.page.writer import PageWriter
from zcbench.probes.page import PageProbe
from zcbench.quantities.quantity import Kind


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageProbe]:
    monkeypatch.setattr("zcbench.probes.page.FRESH_NS", 0)  # the tests ask faster than a supervisor
    made = PageProbe(tmp_path / "page.bin")
    assert made.environment({}) == {PAGE_VARIABLE: str(tmp_path / "page.bin")}
    made.begin(tuple)
    yield made
    made.close()


def test_a_page_that_nobody_opened_gives_nothing(probe: PageProbe) -> None:
    assert (dict(probe.read()), probe.quantities(), probe.state(), probe.progress()) == ({}, (), None, 0)


def test_counters_gauges_and_histograms_have_their_names_units_and_kinds(
    probe: PageProbe, tmp_path: Path
) -> None:
    page = PageWriter.at(tmp_path / "page.bin")
    page.total("pool.hits", "acquires").add(3)
    page.gauge("jitter.depth", "packets").set(7)
    page.gauge("never.set", "packets")
    delays = page.histogram("jitter.delay_ns")
    delays.record(1000)
    row = dict(probe.read())
    assert row == {
        "pool.hits": 3, "jitter.depth": 7,
        "jitter.delay_p50_ns": 1000, "jitter.delay_p99_ns": 1000, "jitter.delay_max_ns": 1000,
    }  # fmt: skip
    known = {one.name: (one.unit.name, one.kind) for one in probe.quantities()}
    assert known["jitter.depth"] == ("packets", Kind.GAUGE)
    assert known["pool.hits"][1] is Kind.TOTAL
    assert known["jitter.delay_p99_ns"] == ("ns", Kind.GAUGE)
    # the next reading is of what came since
    assert dict(probe.read())["jitter.delay_p50_ns"] is None
    delays.record(5)
    assert dict(probe.read())["jitter.delay_max_ns"] == 5


def test_what_is_declared_later_and_by_other_processes_is_taken_up_and_summed(
    probe: PageProbe, tmp_path: Path
) -> None:
    page = PageWriter.at(tmp_path / "page.bin")
    page.total("pool.hits", "acquires").add(3)
    assert dict(probe.read()) == {"pool.hits": 3}
    pid = os.fork()
    if not pid:
        other = PageWriter.at(tmp_path / "page.bin")
        other.total("pool.hits", "acquires").add(4)
        other.total("their.own", "things").add(1)
        os._exit(0)
    os.waitpid(pid, 0)
    assert dict(probe.read()) == {"pool.hits": 7, "their.own": 1}


def test_states_laws_and_progress_are_told(probe: PageProbe, tmp_path: Path) -> None:
    page = PageWriter.at(tmp_path / "page.bin")
    assert probe.state() is State.STARTING
    page.state = State.READY
    assert probe.state() is State.READY
    before = probe.progress()
    page.beat()
    assert probe.progress() > before
    page.law("a == b")
    probe.read()
    (notice,) = probe.notices()
    assert (notice.kind, dict(notice.data)) == ("laws", {"laws": ["a == b"]})
    probe.read()
    assert list(probe.notices()) == []


def test_a_page_that_was_destroyed_is_told_of_and_gives_nothing(probe: PageProbe, tmp_path: Path) -> None:
    page = PageWriter.at(tmp_path / "page.bin")
    page.total("pool.hits", "acquires").add(3)
    assert dict(probe.read()) == {"pool.hits": 3}
    (tmp_path / "page.bin").write_bytes(b"gone")
    assert dict(probe.read()) == {}
    (notice,) = probe.notices()
    assert notice.message.startswith("page.bin cannot be read: ")
    probe.read()
    assert list(probe.notices()) == []
