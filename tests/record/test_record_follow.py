"""Following a run: only what is new, whole lines only, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import write_record
from zcbench.record.follow import Follower, end_of
from zcbench.record.schema import EVENTS_FILE, SAMPLES_FILE, SCOREBOARD_FILE, Ending
from zcbench.record.writer import RecordError


def test_each_look_gives_what_came_since_the_last_one(tmp_path: Path) -> None:
    # given a run of which only some whole lines, and a half one, are written so far
    directory = write_record(tmp_path / "run")
    whole = (directory / SAMPLES_FILE).read_bytes()
    lines = whole.splitlines(keepends=True)
    half = b"".join(lines[:6]) + lines[6][:20]
    (directory / SAMPLES_FILE).write_bytes(half)
    follower = Follower(directory)
    # then the half line waits until it is whole
    assert len(follower.rows()) == 5
    assert follower.rows() == []
    (directory / SAMPLES_FILE).write_bytes(whole)
    rows = follower.rows()
    assert len(rows) == len(lines) - 1 - 5
    assert rows[-1]["engine.delivered"] == 3000
    assert rows[-1]["rss_bytes"] is None


def test_the_end_is_among_the_events(tmp_path: Path) -> None:
    follower = Follower(write_record(tmp_path / "run"))
    ends = [end for event in follower.events() if (end := end_of(event)) is not None]
    assert [end.ending for end in ends] == [Ending.FINISHED]
    assert follower.events() == []


def test_the_page_tells_what_no_sample_does_yet(tmp_path: Path) -> None:
    directory = write_record(tmp_path / "run", counters={"engine.delivered": 2999})
    assert Follower(directory).now()["engine.delivered"] == 2999
    (directory / SCOREBOARD_FILE).unlink()
    assert Follower(directory).now() == {}


def test_a_damaged_line_is_passed_over(tmp_path: Path) -> None:
    directory = write_record(tmp_path / "run")
    with (directory / SAMPLES_FILE).open("ab") as samples:
        samples.write(b"x,y\n\xff\xfe\n")
    with (directory / EVENTS_FILE).open("ab") as events:
        events.write(b"{no json\n")
    follower = Follower(directory)
    assert len(follower.rows()) == 30
    assert follower.events()


def test_only_a_run_can_be_followed(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="the directory is empty"):
        Follower(tmp_path)
