"""Messages that tell of a loss are counted, whatever else a log holds; what only resembles them is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.importers.conftest import Ingest
from zcbench.importers.losses import LOST, XRUNS, Losses, loss

START = datetime(2026, 11, 27, 11, 32, 52)


def at(step: int) -> str:
    return f"{START + timedelta(seconds=10 * step):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("message", "column", "count"),
    [
        ("dropped 193 packets", LOST, 193),
        ("WARN 1,234 video frames were skipped", LOST, 1234),
        ("buffer overflow, lost 20 frames", LOST, 20),
        ("I Choreographer: Skipped 38 frames!  The application may be doing too much work", LOST, 38),
        ("DROPCOUNT: dropped 12 CAN frames on 'can0' socket (total drops 12)", LOST, 12),
        ("main warning: buffer too late (-2929786 us): dropped", LOST, 1),
        ("GstXvImageSink: A lot of buffers are being dropped.", LOST, 1),
        ("dropping late frame", LOST, 1),
        ("stopped: 12 dropped frames", LOST, 12),
        ("xrun of at least 12.3 msecs", XRUNS, 1),
        ("ALSA lib pcm.c:8559:(snd_pcm_recover) underrun occurred", XRUNS, 1),
        ("input overflow", XRUNS, 1),
        ("lost at least 148 bytes", XRUNS, 1),
        ("D-Star, lost audio for 200ms filling in", XRUNS, 1),
        ("card 1 underrun", XRUNS, 1),
        ("3 xruns", XRUNS, 3),
    ],
)
def test_a_message_of_a_loss_is_counted_by_its_number(message: str, column: str, count: int) -> None:
    found = loss(message)
    assert found is not None
    assert (found.column, found.count) == (column, count)


@pytest.mark.parametrize(
    "message",
    [
        "no frames dropped", "0 packets dropped", "xruns: 0", "0 xruns", "underrun protection enabled",
        "a larger buffer avoids underruns", "this may cause dropped frames", "report if samples get lost",
        "lost connection to server", "dropped privileges", "Dropping table users", "the run is over",
        "dropped frames: 12", "overrun count 4", "reporting dropped frames every 10 s",
        "dropping packets if the queue is full",
    ],
)  # fmt: skip
def test_what_is_no_loss_or_a_reading_is_not_counted(message: str) -> None:
    assert loss(message) is None


def test_numbers_that_only_rise_are_totals_so_far_and_others_are_added_up(ingest: Ingest) -> None:
    so_far = "".join(f"{at(i)} stats {n} packets dropped\n" for i, n in enumerate((3, 3, 8, 12, 12, 40)))
    assert "40 packets were lost" in ingest(so_far).sentence("delivery")
    each = "".join(f"{at(i)} stats: dropped {n} packets\n" for i, n in enumerate((3, 8, 2, 12, 5)))
    assert "30 packets were lost" in ingest(each).sentence("delivery")


def test_a_message_that_syslog_repeats_counts_as_often() -> None:
    losses = Losses()
    for line in ("push warning. Ignoring overrun", "--- last message repeated 498 times ---", "all is well"):
        losses.see(line)
    assert losses.counts == {XRUNS: 499}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("time,rss_kb\n", "{},51200\n"),
        ("", "{} rss=51200 KB\n"),
        ("PID    RSS  COMMAND\n", "{}   4411  51200  engine\n"),
    ],
)  # fmt: skip
def test_a_message_between_readings_is_counted_and_said(
    ingest: Ingest, header: str, row: str, last: bool
) -> None:
    # given a log of flat resident memory, with a message of a loss in it, or at its end
    rows = [row.format(at(i)) for i in range(40)]
    rows.insert(39 if last else 20, f"{at(39 if last else 20)} buffer overflow: lost 20 frames\n")
    answer = ingest(header + "".join(rows))
    assert answer.failures() == {"delivery"}
    assert "20 packets were lost" in answer.sentence("delivery")
    assert 'messages such as "lost 20 frames" are counted by their number' in answer.stderr


def test_a_loss_is_told_with_its_first_time(ingest: Ingest) -> None:
    text = "".join(f"{at(i)} {'dropped 7 packets' if i in (30, 50) else 'all is well'}\n" for i in range(60))
    assert "14 packets were lost, the first by 5 min" in ingest(text).sentence("delivery")


def test_messages_without_any_time_are_one_row_of_totals(ingest: Ingest) -> None:
    answer = ingest("input overflow\n" * 7)
    assert "ran over or under 7 times: sound was lost" in answer.sentence("xruns")


def test_a_log_whose_first_loss_stands_far_down_is_read_for_it(ingest: Ingest) -> None:
    answer = ingest("the engine runs\n" * 500 + "lost 20 frames\n")
    assert answer.failures() == {"delivery"}


def test_counters_since_the_machine_began_need_two_readings(ingest: Ingest) -> None:
    one = (
        "Udp:\n    1000 packets received\n    12 packets to unknown port received\n"
        "    30 packet receive errors\n    30 receive buffer errors\n"
    )
    answer = ingest(one)
    assert answer.exit_code == 2
    assert "give two or more" in answer.stderr
    assert not ingest(f"{at(0)}\n{one}{at(1)}\n{one}").failures()
    lost = one.replace("    30 ", "    35 ")
    assert "5 packets were lost" in ingest(f"{at(0)}\n{one}{at(1)}\n{lost}").sentence("delivery")


def test_what_came_in_each_second_is_no_total_and_no_thread_is_no_reading(ingest: Ingest) -> None:
    # given a column of rates that would fall as a total, and a tool that does not count threads
    rows = "".join(f"{at(i)},{i % 2},0,51200\n" for i in range(20))
    answer = ingest("time,dropped (Count / 1 sec),threads,rss_kb\n" + rows)
    assert answer.exit_code == 4
    assert "threads" not in answer.sentence("resources").replace("descriptors, threads, child", "")


def test_a_table_in_a_drawn_box_is_read(ingest: Ingest) -> None:
    text = "".join(
        f"{at(i)}\n┌────┬──────┬───────┐\n│ id │ name │ mem   │\n├────┼──────┼───────┤\n"
        f"│ 0  │ api  │ {50 + i * 0.5:.1f}mb │\n└────┴──────┴───────┘\n"
        for i in range(40)
    )
    assert "RSS by 50,000 B/s" in ingest(text).sentence("memory")


def test_a_header_in_a_comment_stands_over_rows_with_words_too(ingest: Ingest) -> None:
    rows = "".join(f"web;10;{at(i)};{51200 + 100 * i}\n" for i in range(40))
    assert "RSS rose" in ingest("# hostname;interval;timestamp;rss_kb\n" + rows).sentence("memory")
