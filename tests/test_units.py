"""What a person writes is read exactly, and what cannot be read is said with what would be right."""

from __future__ import annotations

import contextlib
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcbench.quantities.parsing import (
    Duration,
    Rate,
    Size,
    UnitError,
    decode_unit,
    encode_unit,
    parse_duration,
    parse_rate,
    parse_size,
    parse_speed,
)
from zcbench.quantities.units import (
    BYTES,
    BYTES_PER_S,
    NS,
    PPM,
    SHARE,
    Unit,
    clock,
    format_bytes,
    format_count,
    format_duration,
    format_rate,
    percent,
    unit_of,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("500ms", 0.5),
        ("1.5 s", 1.5),
        ("250us", 0.00025),
        ("5µs", 0.000005),
        ("20ns", 0.00000002),
        ("2d", 172_800.0),
        ("5min", 300.0),
    ],
)
def test_a_duration_reads_as_it_is_written(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"),
    [("4096", 4096), ("64 KiB", 65_536), ("1GB", 10**9), ("1.5 KiB", 1536), ("2gib", 2**31)],
)
def test_a_size_is_binary_with_an_i_and_decimal_without(text: str, count: int) -> None:
    assert parse_size(text) == count


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("48k", 48_000),
        ("48000 Hz", 48_000),
        ("44.1 kHz", 44_100),
        ("100/s", 100),
        ("96000", 96_000),
    ],
)
def test_a_rate_reads_with_and_without_its_unit(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(("text", "speed"), [("60", 60.0), ("60x", 60.0), ("0.5x", 0.5)])
def test_a_speed_is_a_factor(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", [".", ".e5", "..", "e5", "1.2.3", ".e5 KiB", "1e9999"])
def test_what_only_looks_like_a_number_is_refused(text: str) -> None:
    for parse in (parse_size, parse_rate, parse_speed):
        with pytest.raises(UnitError):
            parse(text)


@pytest.mark.parametrize("text", ["", " ", "-1s", "0", "0s", "nan", "inf", "1e999", "s", "1..5s"])
def test_a_duration_that_makes_no_sense_is_refused_and_echoed(text: str) -> None:
    with pytest.raises(UnitError) as error:
        parse_duration(text)
    assert text.strip() in str(error.value)


@pytest.mark.parametrize("text", ["-5", "0", "", "0.5", "nan", "inf", "many"])
def test_a_size_that_makes_no_sense_is_refused_and_echoed(text: str) -> None:
    with pytest.raises(UnitError) as error:
        parse_size(text)
    assert text in str(error.value)


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "", "fast"])
@pytest.mark.parametrize("parse", [parse_rate, parse_speed])
def test_a_rate_or_speed_that_makes_no_sense_is_refused(parse, text: str) -> None:
    with pytest.raises(UnitError):
        parse(text)


def test_an_unknown_unit_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnitError, match=r"5 parsecs: unknown unit 'parsecs'; use ms, s, m, h or d"):
        parse_duration("5 parsecs")
    with pytest.raises(UnitError, match=r"5 parsecs: unknown unit 'parsecs'; use B, .*MiB"):
        parse_size("5 parsecs")


def test_zero_is_a_duration_only_where_it_is_asked_for() -> None:
    assert parse_duration("0", zero=True) == 0
    with pytest.raises(UnitError, match="above 0"):
        parse_duration("0")


@given(st.floats(min_value=0, max_value=1e12))
def test_a_printed_duration_reads_back_as_the_same_number(seconds: float) -> None:
    assert parse_duration(str(Duration(seconds)), zero=True) == seconds


@given(st.integers(min_value=1, max_value=2**62))
def test_a_printed_size_reads_back_as_the_same_number(count: int) -> None:
    assert parse_size(str(Size(count))) == count


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Duration(5400), "1h30m"),
        (Duration(0.5), "500ms"),
        (Duration(1.5), "1.5s"),
        (Duration(0), "0s"),
        (Size(65_536), "64 KiB"),
        (Size(1000), "1000 B"),
    ],
)
def test_durations_and_sizes_print_as_a_person_would_write_them(value: Duration | Size, text: str) -> None:
    assert str(value) == text
    assert f"{value}" == text


@given(st.text())
def test_any_text_is_read_or_refused_as_a_unit_error(text: str) -> None:
    for parse in (parse_duration, parse_size, parse_rate, parse_speed):
        with contextlib.suppress(UnitError):
            assert parse(text) > 0


def test_units_are_plain_numbers_in_json_and_come_back_typed() -> None:
    # given a record's field of each kind
    class Record(msgspec.Struct):
        hold: Duration
        limit: Size
        rate: Rate

    # when it is written and read
    record = Record(Duration(1.5), Size(65_536), Rate(48_000))
    text = msgspec.json.encode(record, enc_hook=encode_unit)
    # then JSON has seconds, bytes and 1/s as numbers
    assert msgspec.json.decode(text) == {"hold": 1.5, "limit": 65_536, "rate": 48_000}
    back = msgspec.json.decode(text, type=Record, dec_hook=decode_unit)
    assert back == record
    assert [type(v) for v in (back.hold, back.limit, back.rate)] == [Duration, Size, Rate]


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, True, None, [], 10**400])
def test_a_value_that_is_no_amount_is_refused(value: object) -> None:
    for kind in (Duration, Size, Rate):
        with pytest.raises(UnitError):
            decode_unit(kind, value)


def test_figures_print_for_a_person() -> None:
    assert format_bytes(115_200_000) == "109.86 MiB"
    assert format_bytes(-3_000_000) == "-2.86 MiB"
    assert format_bytes(3840) == "3,840 B"
    assert format_rate(99.974) == "99.97/s"
    assert format_rate(100.0) == "100/s"
    assert format_count(360_000) == "360,000"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (3e-9, "3 ns"),
        (0.0123, "12.3 ms"),
        (0.9999, "1 s"),
        (30, "30 s"),
        (3598, "59 min 58 s"),
        (5400, "1 h 30 min"),
        (-0.5, "-500 ms"),
    ],
)
def test_a_duration_for_a_person_takes_the_fitting_unit(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (130, "2:10"), (59.6, "1:00"), (3599.6, "1:00:00"), (4500, "1:15:00")],
)
def test_a_moment_of_a_run_has_its_hours(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.99999, "99.999 %"),
        (0.9997, "99.97 %"),
        (1e-6, "0.0001 %"),
    ],
)
def test_a_share_is_never_rounded_to_none_or_all(fraction: float, text: str) -> None:
    assert percent(fraction) == text


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (BYTES_PER_S, -1806.4, "−1,806 B/s"),
        (BYTES, -156_072_837.0, "−148.84 MiB"),
        (BYTES, -0.3, "0 B"),
        (NS, -12_300_000.0, "−12.3 ms"),
        (SHARE, -0.0002, "−0.02 %"),
        (PPM, -200.0, "−200 ppm"),
        (unit_of("leases"), -3.0, "−3"),
        (BYTES, 3840.0, "3,840 B"),
    ],
)
def test_less_than_nothing_has_one_sign_in_every_unit(unit: Unit, value: float, text: str) -> None:
    assert unit.show(value) == text
    assert unit.beside(value, value) == text or unit is BYTES_PER_S
    assert "-" not in unit.beside(value, value) + unit.show(-math.inf)
