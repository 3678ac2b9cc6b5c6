"""JSON lines are read out of any output, and none breaks a run."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zcbench.probes.jsonlines import LONGEST_LINE, MOST_WAITING, JsonLines, json_object
from zcbench.record.writer import RecordError


def heard(text: str | bytes, *specs: str, piece: int = 7) -> tuple[dict[str, float | None], list[str]]:
    probe = JsonLines(specs)
    raw = text.encode() if isinstance(text, str) else text
    for start in range(0, len(raw), piece):
        probe.hear(raw[start : start + piece])
    row = dict(probe.read())
    probe.close()
    return row, [notice.message for notice in probe.notices()]


def test_objects_are_read_between_lines_of_other_text() -> None:
    text = """starting up {
{"pool.hits": 3, "pool": {"misses": 1}}
2026-11-28 10:00:00 INFO stats {"pool.hits": 5, "note": "fine"}
{broken: json}
[1, 2]
done } {
"""
    row, said = heard(text)
    assert row == {"pool.hits": 5, "pool.misses": 1}
    assert said == []


def test_names_are_mapped_as_for_ingest() -> None:
    row, said = heard(
        '{"stats": {"hits": 5, "mem": 2, "wait_ms": 7, "up": true}, "drops": "12"}\n',
        "pool.hits=stats.hits",
        "rss_bytes=stats.mem:KiB",
        "pool.oldest_lease_ns=stats.wait_ms:ms",
        "engine.drops=drops",
    )
    assert row == {"pool.hits": 5, "rss_bytes": 2048, "pool.oldest_lease_ns": 7_000_000, "engine.drops": 12}
    assert said == []


def test_names_that_are_no_quantity_are_listed_with_what_to_do() -> None:
    _, said = heard('{"apples": 3, "pool.hits": 1, "name": "x", "ok": true}\n')
    assert said == [
        "lines of JSON: published, and no quantity by its name: apples; --map QUANTITY=NAME takes one"
    ]
    _, said = heard('{"apples": 3, "pool.hits": 1}\n', "ignore=apples")
    assert said == []


def test_an_output_without_one_known_reading_is_no_answer() -> None:
    for line, maps, says in (
        ('{"apples": 3}', (), "no quantity by its name: apples"),
        ('{"hits": 3}', ("pool.hits=hitz",), "never published: hitz"),
        ('{"pool.hits": "many"}', (), "no reading that is known"),
        ('{"apples": 3}', ("ignore=apples",), "no reading that is known"),
    ):
        probe = JsonLines(maps)
        probe.hear(line.encode() + b"\n")
        probe.close()
        silent = [notice.message for notice in probe.notices() if notice.data.get("silent")]
        assert any(says in one for one in silent), (line, silent)


def test_a_mapped_name_that_was_never_published_is_told_of() -> None:
    _, said = heard('{"hits": 3}\n', "pool.hits=hitz", "ignore=hits")
    assert said == ["lines of JSON: mapped, and never published: hitz (pool.hits)"]


def test_a_reading_is_handed_out_once() -> None:
    probe = JsonLines()
    probe.hear(b'{"pool.hits": 3}\n')
    assert probe.read() == {"pool.hits": 3}
    assert probe.read() == {}
    probe.hear(b'{"pool.hits": 4}')  # not a whole line yet
    assert probe.read() == {}
    probe.close()
    assert probe.notices() == ()


def test_a_counter_that_began_again_goes_on() -> None:
    probe = JsonLines()
    rows = []
    for hits in (10, 100, 3, 50, 49, 0, 7):
        probe.hear(json.dumps({"pool.hits": hits, "pool.in_flight": hits}).encode() + b"\n")
        rows.append(probe.read())
    assert [row["pool.in_flight"] for row in rows] == [10, 100, 3, 50, 49, 0, 7]  # a level may fall
    # 50 to 49 is no restart: who judges it is to see a total that fell
    assert [row["pool.hits"] for row in rows] == [10, 100, 103, 150, 149, 149, 156]
    said = [notice.message for notice in probe.notices()]
    assert said == [
        "pool.hits fell from 100 to 3: its counter began again, and is continued",
        "pool.hits fell from 49 to 0: its counter began again, and is continued",
    ]


def test_nan_and_what_is_no_number_are_no_readings() -> None:
    row, said = heard(
        '{"pool.hits": NaN, "pool.misses": Infinity, "rss_bytes": "many", "pool.slots": null, "fds": 3}\n'
    )
    assert row == {"fds": 3}
    assert said == ["rss_bytes: 'many' is no number of bytes"]


def test_a_number_that_no_counter_holds_is_no_reading_and_costs_no_row() -> None:
    row, said = heard(f'{{"pool.hits": {10**30}, "pool.misses": 1e300, "pool.slots": {2**63}, "fds": 3}}\n')
    assert row == {"pool.slots": 2**63, "fds": 3}
    assert said == [
        f"{name}: more than 64 bits hold was published, and is no reading"
        for name in ("pool.hits", "pool.misses")
    ]


def test_a_line_of_ten_megabytes_is_passed_over_and_the_next_is_read() -> None:
    probe = JsonLines()
    probe.hear(b'{"pool.hits": 1, "blob": "')
    for _ in range(160):
        probe.hear(b"x" * 65_536)
        assert len(probe._rest) <= LONGEST_LINE
    probe.hear(b'"}\n{"pool.hits": 2}\n')
    assert probe.read() == {"pool.hits": 2}
    assert [n.message for n in probe.notices()] == [
        "a line of JSON is longer than 1,048,576 bytes and was not read"
    ]


def test_a_flood_of_lines_keeps_its_newest_and_bounded_memory() -> None:
    probe = JsonLines()
    for number in range(30_000):
        probe.hear(b'{"pool.hits": %d, "k%d": 1}\n' % (number, number))
    assert probe._waiting_bytes <= MOST_WAITING
    assert probe.read() == {"pool.hits": 29_999}
    probe.close()
    assert len(probe.notices()[0].message) < 1000


def test_no_line_at_all_is_said() -> None:
    assert heard("hello\n") == ({}, ["no line of JSON was printed"])


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("pool.hitz=x", "no metric 'pool.hitz'; did you mean pool.hits"),
        ("=x", "not QUANTITY=NAME"),
        ("pool.hits=", "not QUANTITY=NAME"),
        ("rss_bytes=x:mbi", "no unit 'mbi' for rss_bytes; there are"),
        ("pool.hits=x{}", "no labels"),
    ],
)
def test_a_mapping_that_cannot_be_understood_is_refused(spec: str, says: str) -> None:
    with pytest.raises(RecordError) as caught:
        JsonLines([spec])
    assert says in str(caught.value)
    with pytest.raises(RecordError, match="mapped twice"):
        JsonLines(["pool.hits=a", "pool.hits=b"])


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["pool", "hits", "pool.hits", "rss_bytes"]) | st.text(max_size=3), inner
        )
    ),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(st.lists(JSON.map(json.dumps) | st.text(max_size=40) | st.just("{" * 2000), max_size=6), st.randoms())
def test_no_output_breaks_the_reader(lines: list[str], chance: random.Random) -> None:
    raw = "\n".join(lines).encode(errors="replace")
    probe = JsonLines(["pool.slots=rss_bytes"])
    while raw:
        size = chance.randint(1, 20)
        probe.hear(raw[:size])
        raw = raw[size:]
    for value in probe.read().values():
        assert value is not None
        assert value == value
    probe.close()


def test_deep_nesting_is_no_object() -> None:
    assert json_object(b"{" * 100_000 + b"}") is None
    assert json_object(b'{"a": NaN, "b": ' + b"[" * 100_000 + b"}") is None
    assert json_object(b'{"a": {"b": 1}}') == {"a": {"b": 1}}
