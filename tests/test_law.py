"""A law is read from text, evaluated exactly, and refused with what would be right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zcbench.quantities.law import DEEPEST_LAW, LONGEST_LAW, LawError, parse_law

CONSERVATION = "pool.captured == pool.returns + pool.in_flight"


def test_a_law_is_evaluated_over_numbers_exactly() -> None:
    law = parse_law(CONSERVATION)
    assert law.names == ("pool.captured", "pool.returns", "pool.in_flight")
    at = {"pool.captured": 2**63, "pool.returns": 2**63 - 3, "pool.in_flight": 3}
    assert law.difference(at) == 0
    assert law.holds(0)
    lost = law.difference(at | {"pool.in_flight": 2})  # a float would have rounded it away
    assert lost == 1
    assert not law.holds(lost)
    assert law.holds(lost, slack=1)


def test_a_law_whose_terms_are_not_all_read_is_neither_kept_nor_broken() -> None:
    law = parse_law("a == b")
    assert law.difference({"a": 1}) is None
    assert law.difference({"a": 1, "b": None}) is None
    column = law.difference({"a": np.array([1.0, np.nan]), "b": np.array([1.0, 2.0])})
    assert law.holds(column).tolist() == [True, False]


def test_products_brackets_and_signs_bind_as_in_arithmetic() -> None:
    values = {"a": 7, "b": 2, "c": 3, "x:y": 5}
    for text, difference in (
        ("a == b + c * 2", -1),
        ("a == (b + c) * 2", -3),
        ("a - b - c >= 0", 2),
        ("-a + 1_0 <= c", 0),
        ("2 * a - -b == 1.5e1 + x:y - 4", 0),
    ):
        assert parse_law(text).difference(values) == difference, text


def test_relations() -> None:
    assert parse_law("a <= 5").holds(-1)
    assert not parse_law("a <= 5").holds(1)
    assert parse_law("a >= 5").holds(1)
    assert not parse_law("a >= 5").holds(-1)


@settings(deadline=None)
@given(
    low=st.lists(st.integers(-50, 50), min_size=3, max_size=3),
    more=st.lists(st.integers(0, 20), min_size=3, max_size=3),
    share=st.lists(st.integers(0, 20), min_size=3, max_size=3),
    text=st.sampled_from(["a == b + c", "a * b == c", "a - (b - c) * 2 <= a", "-a >= b * -c"]),
)
def test_a_range_holds_every_difference_that_its_terms_allow(
    low: list[int], more: list[int], share: list[int], text: str
) -> None:
    law = parse_law(text)
    lows = dict(zip("abc", low, strict=True))
    highs = {name: lows[name] + extra for name, extra in zip("abc", more, strict=True)}
    inside = {name: min(highs[name], lows[name] + s) for name, s in zip("abc", share, strict=True)}
    bounds = law.differences(lows, highs)
    assert bounds is not None
    difference = law.difference(inside)
    assert bounds[0] <= difference <= bounds[1]
    assert not law.holds(difference) or law.can_hold(bounds)
    columns = law.differences(*({n: np.array([v, v]) for n, v in one.items()} for one in (lows, highs)))
    assert columns is not None
    assert [int(side[1]) for side in columns] == list(bounds)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = b", "for equality write =="),
        ("a < b", "write <= or >="),
        ("a != b", "write <= or >="),
        ("a == b / 2", "no division: multiply the other side"),
        ("a == b == c", "two relations; write two laws"),
        ("a + b", "ends where == or <= or >= belongs"),
        ("a ==", "ends where a number or a name belongs"),
        ("a == b c", "'c' where + - or * belongs, or the end"),
        ("a == (b", "ends where a closing bracket belongs"),
        ("a == 3x", "'3x' is no name, no number and no sign"),
        ("1 == 1", "names no quantity"),
        ("", "ends where a number or a name belongs"),
        ("a == 1e200", "more than any counter holds"),
        ("a == é", "'é' is no name"),
        ("a == " + "(" * (DEEPEST_LAW + 1) + "b", "within each other"),
        ("a == " + "-" * 300 + "b", "within each other"),
        ("a == " + "b+" * LONGEST_LAW, f"at most {LONGEST_LAW:,}"),
    ],
)
def test_what_is_no_law_is_refused_with_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(LawError, match=r"^law ") as caught:
        parse_law(text)
    assert says in str(caught.value)


def test_an_unknown_name_is_refused_with_what_is_there() -> None:
    law = parse_law("pool.captred == pool.returns")
    with pytest.raises(LawError) as caught:
        law.require(["pool.captured", "pool.returns"])
    assert "nothing is named 'pool.captred'; did you mean pool.captured" in str(caught.value)
    with pytest.raises(LawError, match="there are x, y"):
        law.require(["x", "y"])
    full = {"captured": "pool.captured", "returns": "pool.returns"}
    short = parse_law("captured == returns").named(full.__getitem__)
    short.require(["pool.captured", "pool.returns"])


@settings(deadline=None)
@given(st.text(max_size=60) | st.text("abc.()+-*=<>0123456789 eE_:", max_size=80))
def test_any_text_is_a_law_or_an_error_that_says_so(text: str) -> None:
    try:
        law = parse_law(text)
    except LawError:
        return
    # Exponents make it large; a law of integers stays one.
    law.difference(dict.fromkeys(law.names, 3))
