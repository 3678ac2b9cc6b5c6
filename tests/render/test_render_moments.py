"""Each finding leads to the figure and the stretch of time that show it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending
from zcbench.render.moments import moment_of, said
from zcbench.render.placing import TITLES, figure_of
from zcbench.scenario import Expectation
from zcbench.verdict import judge
from zcbench.verdict.checks import CHECKS
from zcbench.verdict.moments import Moment


def moment(record: Record, check: str) -> Moment | None:
    result = judge(record)
    (finding,) = (f for f in result.findings if f.check == check)
    return moment_of(finding, record, result)


def at(record: Record, row: int) -> Moment:
    elapsed_s = float(record.samples["elapsed_s"][row])
    return Moment(elapsed_s, elapsed_s)


def test_every_check_has_a_figure(tmp_path: Path) -> None:
    findings = judge(make_record(tmp_path / "run")).findings
    assert len(findings) == len(CHECKS)
    assert {figure_of(finding.check) for finding in findings} <= set(TITLES)


@pytest.mark.parametrize(
    ("expectation", "figure"),
    [
        ("pool.hit_rate >= 90%", "pool"),
        ("latency.p99 < 50ms", "latency"),
        ("rss < 1 GiB", "memory"),
        ("slope(heap, last=5m) < 1 MiB/h", "memory"),
        ("cpu < 50%", "cost"),
        ("fds <= 10", "resources"),
        ("drops == 0", "rate"),
        ("missing < 100", "rate"),
    ],
)
def test_an_expectation_has_the_figure_of_what_it_names(expectation: str, figure: str) -> None:
    assert figure_of(f"expect: {expectation}") == figure


def test_no_expectation_of_today_lacks_a_title_for_its_figure() -> None:
    for name in VOCABULARY.expectable:
        assert figure_of(f"expect: {name} >= 0") in {*TITLES, None}
    assert figure_of("expect: of another version >= 0") is None
    assert figure_of("a check of another version") is None


def test_a_crash_leads_to_its_time(tmp_path: Path) -> None:
    end = End(ending=Ending.CRASHED, elapsed_s=1.4, signal="SIGSEGV", received=111)
    record = make_record(tmp_path / "run", packets=111, rows=2, ending=end)
    assert moment(record, "life") == Moment(1.4, 1.4)
    assert moment(make_record(tmp_path / "sound"), "life") is None


@pytest.mark.parametrize(
    ("column", "check"),
    [
        ("consumer.gaps", "gaps"),
        ("consumer.reordered", "gaps"),
        ("consumer.corrupt_on_delivery", "integrity"),
        ("consumer.aliased", "integrity"),
        ("pool.misses", "pool.hit_rate"),
    ],
)
def test_a_count_leads_to_its_first_rise(tmp_path: Path, column: str, check: str) -> None:
    def bend(index: int, row: Row) -> None:
        row[column] = int(index >= 12) + int(index >= 20)

    record = make_record(tmp_path / "run", bend=bend)
    assert moment(record, check) == at(record, 12)


def test_the_worst_of_several_stalls_is_shown(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        if index in (5, 17, 21):
            row["delivery_max_ns"] = 300_000_000 + 10_000_000 * index * (index != 21)

    record = make_record(tmp_path / "run", bend=bend)
    assert moment(record, "timing") == at(record, 17)


def test_a_loss_leads_to_the_window_that_lost_most(tmp_path: Path) -> None:
    # given 100 packets that fell due in the twelfth second and never came
    def bend(index: int, row: Row) -> None:
        if index >= 12:
            for name in ("engine.captured", "engine.delivered", "pool.hits", "pool.returns"):
                row[name] = int(row[name] or 0) - 100
        row["due"] = 100 * (index + 1)

    record = make_record(tmp_path / "run", bend=bend)
    found = moment(record, "delivery")
    assert found is not None
    assert found.from_s <= record.samples["elapsed_s"][12] <= found.to_s
    assert found.to_s - found.from_s < 10


def test_a_leak_leads_to_the_window_in_which_it_grew(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        row["python_small_bytes"] = 8_000_000 + 160_000 * index

    record = make_record(tmp_path / "run", scenario(duration_s=300), rows=300, bend=bend)
    found = moment(record, "memory")
    assert found is not None
    assert found.to_s > 290
    assert found.to_s - found.from_s > 100


def test_a_broken_law_leads_to_where_it_is_broken_most(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        row["pool.in_flight"] = int(str(row["pool.in_flight"])) + {3: 50, 5: 90, 7: 70}.get(index, 0)
        row["settled"] = 1

    record = make_record(tmp_path / "run", bend=bend)
    assert moment(record, "conservation") == at(record, 5)


def expecting(that: str, tmp_path: Path, bend: Callable[[int, Row], None]) -> Record:
    return make_record(
        tmp_path / "run",
        msgspec.structs.replace(scenario(), expect=(Expectation(that=that),)),
        bend=bend,
    )


def test_an_expectation_leads_to_the_sample_that_broke_it(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        row["fds"] = {9: 40, 14: 50}.get(index, 7)

    record = expecting("fds <= 10", tmp_path / "broken", bend)
    assert moment(record, "expect: fds <= 10") == at(record, 9)
    # and one that held has no moment
    assert moment(expecting("fds <= 99", tmp_path / "held", bend), "expect: fds <= 99") is None


@pytest.mark.parametrize(
    ("that", "row"),
    [("max(fds) <= 10", 5), ("max(fds, last=10s) <= 10", 26), ("pool.hit_rate >= 99%", 20)],
)
def test_an_expectation_about_many_samples_leads_to_the_worst_it_is_about(
    tmp_path: Path, that: str, row: int
) -> None:
    # given one reading that is high early, a lower one late, and a pool that begins to miss, then recovers
    def bend(index: int, row: Row) -> None:
        row["fds"] = {5: 90, 26: 50}.get(index, 7)
        missed = 50 * min(max(0, index - 15), 5)
        row["pool.hits"] = int(str(row["pool.hits"])) - missed
        row["pool.misses"] = missed

    record = expecting(that, tmp_path, bend)
    assert moment(record, f"expect: {that}") == at(record, row)


def test_what_is_shown_is_wider_than_the_moment() -> None:
    assert Moment(100.0, 100.0).around(300.0) == (94.0, 106.0)
    assert Moment(3.0, 3.0).around(30.0) == (0.0, 8.0)
    assert said(Moment(100.0, 100.0)) == "at 1:40"
    assert said(Moment(1205.0, 1505.0)) == "20:05 to 25:05"
