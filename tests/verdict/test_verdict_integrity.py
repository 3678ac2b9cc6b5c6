"""What is said of wrong bytes: the fault that explains the others gives its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import make_record
from zcbench.record.schema import Finding
from zcbench.verdict import judge


def integrity(tmp_path: Path, **counters: int) -> Finding:
    named = {name.replace("_", ".", 1): value for name, value in counters.items()}
    record = make_record(tmp_path / "run", counters=named)
    return next(f for f in judge(record).findings if f.check == "integrity")


@pytest.mark.parametrize(
    ("counter", "cause"),
    [
        ("consumer_corrupt_on_delivery", "corrupt_on_delivery"),
        ("consumer_corrupt_before_return", "changed_while_held"),
        ("consumer_aliased", "aliased"),
        ("consumer_wrong_size", "wrong_size"),
        ("consumer_stale", "stale"),
        ("consumer_swapped_channels", "swapped_channels"),
        ("pool_guard_violations", "overrun"),
        ("pool_poison_violations", "written_after_return"),
    ],
)
def test_one_is_enough_and_has_its_name(tmp_path: Path, counter: str, cause: str) -> None:
    found = integrity(tmp_path, **{counter: 1})
    assert (found.outcome, found.cause) == ("fail", cause)
    assert found.sentence.startswith("1 ")
    assert found.remedy


@pytest.mark.parametrize(
    ("counters", "cause"),
    [
        # a slot with two readers is overwritten under one of them
        ({"consumer_aliased": 3, "consumer_corrupt_before_return": 9}, "aliased"),
        # a short packet cannot have the right bytes
        ({"consumer_wrong_size": 3, "consumer_corrupt_on_delivery": 3}, "wrong_size"),
        # what was overrun lies in the next slot too
        ({"pool_guard_violations": 1, "consumer_corrupt_before_return": 1}, "overrun"),
    ],
)
def test_the_cause_goes_before_its_consequence(tmp_path: Path, counters: dict[str, int], cause: str) -> None:
    found = integrity(tmp_path, **counters)
    # then the consequence is told as well
    assert found.cause == cause
    assert found.sentence.count(";") == 1


def test_a_packet_is_counted_with_what_explains_it_and_not_again(tmp_path: Path) -> None:
    # given 5 packets that were wrong on arrival, and so before their return: 3 of them another packet's
    found = integrity(
        tmp_path,
        consumer_corrupt_on_delivery=5,
        consumer_stale=3,
        consumer_stale_by=100,
        consumer_corrupt_before_return=5,
    )
    # then nothing is said to have changed while it was held
    assert found.cause == "stale"
    assert found.sentence == (
        "3 packets held the bytes of another packet, the last one that of 100 packets before; "
        "2 packets had wrong bytes on delivery"
    )


@pytest.mark.parametrize(
    ("period", "said"),
    [
        (100, "the content repeats after 100 packets"),
        (65_536, "the content repeats after 65,536 packets"),
        (0, "where the content repeats is not known"),
    ],
)
def test_a_pass_says_which_stale_bytes_would_have_looked_right(tmp_path: Path, period: int, said: str) -> None:
    found = integrity(tmp_path, consumer_content_period=period)
    assert found.outcome == "pass"
    assert said in found.sentence
    assert said in (found.detection_limit or "")


def test_a_pass_says_that_one_byte_would_have_been_seen(tmp_path: Path) -> None:
    found = integrity(tmp_path)
    assert found.outcome == "pass"
    assert "one wrong byte" in (found.detection_limit or "")
