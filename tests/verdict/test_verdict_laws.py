"""Laws that a program states on its page, or its user with --law, are held against its numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import Row, make_command_record
from zcbench.page.layout import State
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.units import unit_of
from zcbench.record.schema import Finding
from zcbench.verdict import judge
from zcbench.verdict.checks import by_name

NAMES = ("tank.in", "tank.out", "tank.level")
LAW = "tank.in == tank.out + tank.level"
BROUGHT = tuple(
    Quantity(name, unit_of("litres"), Kind.GAUGE if name == "tank.level" else Kind.TOTAL, Origin.SUBJECT, name)
    for name in NAMES
)
PER_S = 1000


def tank(index: int) -> Row:
    """A tank that keeps its law; its level moves."""
    flowed, level = PER_S * (index + 1), 40 + 7 * (index % 3)
    return {"tank.in": flowed, "tank.out": flowed - level, "tank.level": level}


def leaking(index: int) -> Row:
    """One of a hundred litres is nowhere."""
    return tank(index) | {"tank.out": tank(index)["tank.out"] - 10 * (index + 1)}


def finding(directory: Path, counts: Callable[[int], Row], *laws: str, **story: object) -> Finding:
    record = make_command_record(directory, counts=counts, brought=BROUGHT, laws=laws or (LAW,), **story)
    return next(f for f in judge(record).findings if f.check == "laws")


def test_a_law_that_is_kept_passes_and_says_how_exactly(tmp_path: Path) -> None:
    done = finding(tmp_path / "done", tank, state=State.DONE)
    assert (done.outcome, done.detection_limit) == ("pass", "a difference of 1 at the end")
    assert "holds exactly at the end, and at 60 samples" in done.sentence
    cut = finding(tmp_path / "cut", tank)
    assert cut.outcome == "pass"
    assert "did not say that it was done" in cut.sentence


def test_a_law_that_is_broken_fails_with_its_numbers(tmp_path: Path) -> None:
    for number, state in enumerate((None, State.READY, State.DONE)):
        found = finding(tmp_path / str(number), leaking, state=state)
        assert (found.outcome, found.cause) == ("fail", "law_broken")
        assert found.evidence == {LAW: 600}
        assert f"{LAW} is broken" in found.sentence
        assert "by up to 600" in found.sentence
        assert ("60,000 against 59,400 at the end, off by 600" in found.sentence) == (state is State.DONE)


def test_one_litre_that_is_missing_at_the_end_of_a_program_that_is_done(tmp_path: Path) -> None:
    def one_short(index: int) -> Row:
        return tank(index) | ({"tank.out": tank(index)["tank.out"] - 1} if index == 59 else {})

    assert finding(tmp_path / "done", one_short, state=State.DONE).outcome == "fail"
    # while it moves, that is a litre on its way
    assert finding(tmp_path / "cut", one_short).outcome == "pass"


def test_a_law_broken_for_a_while_fails_though_it_holds_at_the_end(tmp_path: Path) -> None:
    def for_a_while(index: int) -> Row:
        return tank(index) | ({"tank.level": 5000} if 20 <= index < 30 else {})

    found = finding(tmp_path, for_a_while, state=State.DONE)
    assert found.outcome == "fail"
    assert "at 10 samples running, from 0:21 to 0:30" in found.sentence


def test_a_reading_in_mid_step_accuses_nobody(tmp_path: Path) -> None:
    # given counters that are read one after another: each row off by what flows in a tenth of a second, and
    # one by more
    def mid_step(index: int) -> Row:
        late = 90 if index != 30 else 400
        return tank(index) | {"tank.out": tank(index)["tank.out"] - late * (index % 2)}

    assert finding(tmp_path / "a", mid_step).outcome == "pass"

    def stood_still(index: int) -> Row:
        return tank(index) | ({"tank.level": 400} if index == 30 else {})

    found = finding(tmp_path / "b", stood_still)
    assert found.outcome == "pass"
    assert "in mid-step at 1 of them" in found.sentence


@pytest.mark.parametrize(
    ("law", "outcome"),
    [
        ("tank.level <= 100", "pass"),
        ("tank.level <= 45", "fail"),
        ("tank.level >= 10", "pass"),
        ("tank.level >= 50", "fail"),
        ("2 * tank.in >= tank.out", "pass"),
        ("tank.in == tank.out + tank.level + 0", "pass"),
    ],
)
def test_laws_of_every_kind(tmp_path: Path, law: str, outcome: str) -> None:
    # the level is the same for three samples running
    def slow(index: int) -> Row:
        return tank(index) | {"tank.level": 40 + 7 * (index // 3 % 3)}

    counts = tank if "tank.in" in law else slow
    assert finding(tmp_path, counts, law, state=State.DONE).outcome == outcome


def test_a_law_that_cannot_be_held_against_anything_is_no_pass(tmp_path: Path) -> None:
    for number, law in enumerate(("tank.in == tank.spilt", "pool.hits <= 3", "tank.in = tank.out", "")):
        found = finding(tmp_path / str(number), tank, LAW, law)
        assert (found.outcome, found.required) == ("inconclusive", True), law
    few = finding(tmp_path / "few", tank, rows=2)
    assert few.outcome == "inconclusive"
    assert "2 samples" in few.sentence


def test_a_law_of_which_another_is_broken_does_not_hide_it(tmp_path: Path) -> None:
    found = finding(tmp_path, leaking, "tank.in == tank.spilt", LAW)
    assert found.outcome == "fail"


def test_readings_that_are_not_there_break_no_law(tmp_path: Path) -> None:
    def holes(index: int) -> Row:
        return tank(index) if index % 4 else {"tank.in": tank(index)["tank.in"]}

    assert finding(tmp_path, holes).outcome == "pass"


def test_where_nobody_states_a_law_nobody_asks(tmp_path: Path) -> None:
    result = judge(make_command_record(tmp_path, counts=tank, brought=BROUGHT))
    assert "laws" not in [found.check for found in result.asked]
    assert by_name("laws") is not None
