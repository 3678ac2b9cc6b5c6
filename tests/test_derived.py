"""A hit rate is said only of what was measured."""

from __future__ import annotations

from zcbench.quantities.derived import hit_rate


def test_a_hit_rate_is_the_share_of_acquires_that_found_a_free_slot() -> None:
    assert hit_rate(99, 1) == 0.99
    assert hit_rate(0, 5) == 0.0


def test_a_hit_rate_is_missing_where_a_counter_is_or_nothing_was_acquired() -> None:
    assert hit_rate(None, 1) is None
    assert hit_rate(1, None) is None
    assert hit_rate(0, 0) is None
