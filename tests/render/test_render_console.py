"""The console: what is seen while a run goes on, and the summary after it."""

from __future__ import annotations

import io

import msgspec
import numpy as np
import pytest
from rich.console import Console

from tests.records import ENVIRONMENT, PACKETS_PER_S, scenario
from zcbench.record.schema import End, Ending, Event, RunInfo
from zcbench.render.heartbeat import Heartbeat
from zcbench.render.live import EVENTS, HISTORY, MOST_CPU, REFRESH_S, LiveView
from zcbench.render.progress import (
    ASCII,
    UNICODE,
    Row,
    bar,
    ink_for,
    progress,
    sparkline,
    time_left_s,
)
from zcbench.render.summary import extremes
from zcbench.scenario import SourceTable


def a_run(**more: object) -> RunInfo:
    plan = scenario()
    known: dict[str, object] = {"due_packets": 3000, "scenario": plan, "tracemalloc": True} | more
    return RunInfo(
        id="one",
        started_at="2026-01-01T00:00:00+00:00",
        started_ns=0,
        command=["zcbench", "run"],
        environment=ENVIRONMENT,
        **known,
    )


def a_row(elapsed_s: float = 15.0, **more: int | float | None) -> Row:
    delivered = round(elapsed_s * PACKETS_PER_S)
    return {
        "elapsed_s": elapsed_s,
        "phase": 1,
        "engine.delivered": delivered,
        "rate_per_s": 100.0,
        "pool.slots": 10,
        "pool.in_flight": 5,
        "pool.high_water": 7,
        "pool.hits": delivered,
        "pool.misses": 0,
        "python_heap_bytes": 2_097_152,
        "rss_bytes": 52_428_800,
    } | more


def terminal(width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=30)


def text_of(view: object, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(view)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


# -- the live view


def test_the_live_view_shows_progress_rate_memory_and_pool() -> None:
    # given a run half way through
    with LiveView(terminal()) as view:
        view.on_start(a_run())
        view.on_sample(a_row())
        view.on_event(Event(elapsed_s=14.0, kind="gc", message="full collection freed 40 objects"))
        shown = text_of(view.picture())
    # then a look says where it is and how it does
    for expected in (
        "50.0 %",
        "15 s left",
        "1,500 of 3,000",
        "100/s",
        "Python heap",
        "2.00 MiB",
        "50.00 MiB",
        "5 of 10 slots",
        "hit rate 100 %",
        "full collection freed 40 objects",
    ):
        assert expected in shown


def test_between_two_samples_the_counters_go_on_and_the_memory_s_line_does_not() -> None:
    # given a sample, then another whose memory is ten times as much, and looks at the page between them
    def shown(looks: int) -> str:
        with LiveView(terminal()) as view:
            view.on_start(a_run())
            view.on_sample(a_row())
            for _ in range(looks):
                view.on_page(a_row(**{"engine.delivered": 1_777}))
            view.on_sample(a_row(rss_bytes=500 << 20, **{"engine.delivered": 1_777}))
            return text_of(view.picture())

    assert "1,777 of 3,000" in shown(1)
    assert shown(0) == shown(50)


def test_a_fault_is_seen_while_the_run_goes_on() -> None:
    # given packets that were dropped and one with wrong bytes
    with LiveView(terminal()) as view:
        view.on_start(a_run())
        view.on_sample(a_row(**{"engine.drops": 3, "consumer.corrupt_on_delivery": 1}))
        shown = text_of(view.picture())
    assert "drops 3" in shown
    assert "corrupt 1" in shown


def test_a_missing_reading_is_said_to_be_missing() -> None:
    # given a first sample in which most is not known yet
    with LiveView(terminal()) as view:
        view.on_start(a_run())
        view.on_sample({"elapsed_s": 0.1, "engine.delivered": None, "rss_bytes": None})
        shown = text_of(view.picture())
    assert "not measured yet" in shown


def test_the_live_view_draws_at_most_twice_a_second() -> None:
    # given a sample every hundredth of a second, for ten seconds
    clock = Clock()
    with LiveView(terminal(), clock=clock, cpu_clock=lambda: 0.0) as view:
        view.on_start(a_run())
        for step in range(1000):
            clock.now = 100 + step / 100
            view.on_sample(a_row(step / 100))
    # then there were at most two pictures a second
    assert view.pictures <= 10 / REFRESH_S + 1


def test_a_dear_picture_is_drawn_less_often() -> None:
    # given a terminal so slow that a picture costs a tenth of a second of CPU
    clock, cpu = Clock(), Clock()

    def dear() -> float:
        cpu.now += 0.05  # read before and after
        return cpu.now

    with LiveView(terminal(), clock=clock, cpu_clock=dear) as view:
        view.on_start(a_run())
        for step in range(600):
            clock.now = 100.0 + step
            view.on_sample(a_row())
    # then over ten minutes it stays within its share of a core
    assert view.pictures * 0.05 <= 600 * MOST_CPU + 0.05


def test_the_live_view_keeps_no_more_after_a_night_than_after_a_minute() -> None:
    # given very many samples and events
    clock = Clock()
    with LiveView(terminal(), clock=clock) as view:
        view.on_start(a_run())
        for step in range(5000):
            view.on_sample(a_row(step / 100))
            view.on_event(Event(elapsed_s=step / 100, kind="gc", message=f"number {step}"))
        shown = text_of(view.picture())
    # then it shows the newest few, in a picture of few lines
    assert "number 4999" in shown
    assert shown.count("number ") == EVENTS
    assert len(shown.splitlines()) <= 6 + EVENTS
    assert max(shown.count(block) for block in "▁▂▃▄▅▆▇█") <= 2 * HISTORY + 50


@pytest.mark.parametrize("width", [20, 80, 200])
def test_no_line_of_the_live_view_wraps(width: int) -> None:
    # given a message longer than any terminal
    with LiveView(terminal(width)) as view:
        view.on_start(a_run())
        view.on_sample(a_row())
        view.on_event(Event(elapsed_s=1.0, kind="error", message="long " * 100))
        shown = text_of(view.picture(), width)
    assert len(shown.splitlines()) == 7
    assert all(len(line) <= width for line in shown.splitlines())


def test_a_message_cannot_move_the_cursor() -> None:
    # given an event with an escape sequence and with rich's own markup
    message = "\x1b[2Jgone [bold]not markup[/bold]"
    with LiveView(terminal()) as view:
        view.on_start(a_run())
        view.on_event(Event(elapsed_s=1.0, kind="error", message=message))
        shown = text_of(view.picture())
    assert "\x1b" not in shown
    assert "[bold]not markup[/bold]" in shown


def test_the_end_is_drawn_however_recent_the_last_picture() -> None:
    # given a picture drawn this very moment
    clock = Clock()
    with LiveView(terminal(), clock=clock) as view:
        view.on_start(a_run())
        before = view.pictures
        view.on_end(End(ending=Ending.HUNG, elapsed_s=20.0, message="no packet for 10 s"))
        # then the end is not left out
        assert view.pictures == before + 1
        assert "hung: no packet for 10 s" in text_of(view.picture())


# -- progress


def test_a_device_makes_progress_in_time() -> None:
    # given a device run: how many packets come is not known
    run = a_run(due_packets=None)
    assert progress(run, a_row(15.0)) == pytest.approx(0.5)
    assert time_left_s(run, a_row(15.0)) == pytest.approx(15.0)


def test_a_faster_replay_ends_sooner() -> None:
    # given a replay at ten times real pace, half way through
    plan = msgspec.structs.replace(scenario(), source=SourceTable(speed=10.0))
    run = a_run(scenario=plan)
    assert time_left_s(run, a_row(15.0)) == pytest.approx(1.5)


def test_the_time_left_of_an_unpaced_run_is_unknown_until_it_has_a_rate() -> None:
    plan = msgspec.structs.replace(scenario(), source=SourceTable(unpaced=True))
    run = a_run(scenario=plan)
    assert time_left_s(run, a_row(15.0, rate_per_s=None)) is None
    assert time_left_s(run, a_row(15.0, rate_per_s=1500.0)) == pytest.approx(1.0)


def test_bars_and_sparklines_stay_in_their_width() -> None:
    # given shares outside 0..1, and readings that never change

    assert bar(-1.0, 4, UNICODE) == "░░░░"
    assert bar(7.0, 4, UNICODE) == "████"
    assert sparkline([5.0, 5.0], UNICODE) == "▁▁"
    assert sparkline([0.0, 7.0], UNICODE) == "▁█"


# -- heartbeats


def test_one_heartbeat_line_per_interval() -> None:
    # given a minute of samples, one a second, and a heartbeat every ten
    out = io.StringIO()
    with Heartbeat(10.0, out) as view:
        view.on_start(a_run())
        began = len(out.getvalue().splitlines())
        for second in range(1, 61):
            view.on_sample(a_row(float(second)))
    lines = out.getvalue().splitlines()[began:]
    # then there is the first one, and one at each interval
    assert len(lines) == 7
    assert all(line.startswith("zcbench: ") for line in lines)
    assert "1,000 packets" in lines[1]
    assert "hit rate 100 %" in lines[1]


def test_a_heartbeat_is_one_line_whatever_happened() -> None:
    # given an event whose message has several lines
    out = io.StringIO()
    view = Heartbeat(10.0, out)
    view.on_start(a_run())
    view.on_event(Event(elapsed_s=1.0, kind="error", message="first\nsecond\x1b[2J"))
    view.on_end(End(ending=Ending.CRASHED, received=111, message="the worker died of SIGSEGV"))
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert "\x1b" not in out.getvalue()
    assert "crashed after 111 packets: the worker died of SIGSEGV" in lines[2]


def test_heartbeats_go_to_stderr_and_leave_stdout_to_machines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = Heartbeat()
    view.on_start(a_run())
    view.on_sample(a_row())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "50.0 %" in captured.err


def test_a_hit_rate_is_never_rounded_up_to_all() -> None:
    # given one miss in a million
    out = io.StringIO()
    view = Heartbeat(10.0, out)
    view.on_start(a_run())
    view.on_sample(a_row(**{"pool.hits": 999_999, "pool.misses": 1}))
    assert "hit rate 99.9999 %" in out.getvalue()


# -- characters


def test_a_terminal_that_cannot_show_blocks_gets_ascii() -> None:
    assert ink_for("utf-8") is UNICODE
    for encoding in ("ascii", "latin-1", "cp1252", "no such encoding"):
        assert ink_for(encoding) is ASCII
    assert sparkline([0.0, 7.0], ASCII).isascii()
    assert bar(0.5, 10, ASCII) == "#####....."


def test_a_sparkline_keeps_every_spike_and_every_dip() -> None:
    # given an hour of equal readings with one spike and one dip
    values = np.full(3600, 50.0)
    values[1234], values[3000] = 99.0, 1.0
    kept = extremes(values, 40)
    # then both are among the few that are drawn
    assert kept.size == 40
    assert kept.max() == 99.0
    assert kept.min() == 1.0
