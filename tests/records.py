"""Synthetic run directories: what a run of a given kind would have left, without running one.

:func:`write_record` plays a textbook pool packet by packet and writes the record with the project's own
writer and scoreboard. A test then bends single counters, rows or events to plant the fault it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from tests.textbook_pool import Row, TextbookPool
from zcbench.page.layout import State
from zcbench.page.reader import make_page
from zcbench.page.scoreboard import Scoreboard, bucket_of
from zcbench.page.writer import PageWriter
from zcbench.quantities.parsing import Duration
from zcbench.quantities.quantity import Quantity
from zcbench.record.brought import Brought
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.reader import Record, read_record
from zcbench.record.schema import (
    PAGE_FILE,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Environment,
    Event,
    EventKind,
    RunInfo,
)
from zcbench.record.writer import RecordWriter
from zcbench.scenario import ConsumerTable, PoolTable, SamplingTable, Scenario, SourceTable, unplanned

STARTED_NS = 1_000_000_000_000
STREAM_AFTER_S = 0.25
PACKETS_PER_S = 100

ENVIRONMENT = Environment(
    system="Linux 6.1.0",
    machine="x86_64",
    processor="Example CPU",
    cores=4,
    memory_bytes=8 * 2**30,
    python="CPython 3.11.9",
    zcbench="0.1.0",
    packages={"numpy": "2.0.0", "psutil": "7.2.0"},
    git_commit="0123456789abcdef0123456789abcdef01234567",
    git_dirty=False,
)


_COUNTS = {"fds": 7, "threads": 4, "children": 0}
RESOURCES = (
    Event(elapsed_s=0.2, kind="resources", message="before the stream", data=_COUNTS),
    Event(elapsed_s=99.0, kind="resources", message="after the drain", data=_COUNTS),
    Event(elapsed_s=99.0, kind="written_files", message="0 files are left", data={"files": 0}),
    Event(elapsed_s=99.1, kind="temporary_files", message="0 files are left", data={"files": 0}),
)


def scenario(
    *,
    duration_s: float = 30.0,
    slots: int = 10,
    policy: str = "grow",
    consumer: ConsumerTable | None = None,
    **more: object,
) -> Scenario:
    """A scenario at 100 packets/s."""
    return Scenario(
        name="synthetic",
        duration=Duration(duration_s),
        source=SourceTable(kind="tone"),
        pool=PoolTable(slots=slots, policy=policy),
        consumer=consumer or ConsumerTable(kind="immediate"),
        sampling=SamplingTable(every=Duration(1.0), tracemalloc=True),
        **more,
    )


def write_record(
    directory: Path,
    plan: Scenario | None = None,
    *,
    packets: int | None = None,
    ending: End | None = None,
    partial: bool = False,
    rows: int = 30,
    counters: Mapping[str, int] | None = None,
    bend: Callable[[int, Row], None] | None = None,
    hold_ns: int | None = None,
    board: bool = True,
    resources: bool = True,
    events: Sequence[Event] = (),
    command: Sequence[str] = ("zcbench", "run", "synthetic"),
    tags: Mapping[str, str] | None = None,
    environment: Environment = ENVIRONMENT,
    run_id: str = "20260101T000000Z-synthetic-000001",
    brought: Sequence[Quantity] = (),
) -> Path:
    """Write the record of a run of ``plan`` that captured ``packets`` (default: all that were due).

    ``counters`` replace final counters, on the page and in the last row; ``bend`` may change any row in
    place (None: a missing reading); ``hold_ns`` is every lease's hold time (0 leaves none measured);
    ``board=False`` leaves out the page, ``resources=False`` the counts of what was open. ``partial`` records
    no end. ``brought`` are quantities of the subject's own.
    """
    plan = plan or scenario()
    due = round(plan.duration * PACKETS_PER_S)
    info = RunInfo(
        id=run_id,
        started_at="2026-01-01T00:00:00.000+00:00",
        started_ns=STARTED_NS,
        command=list(command),
        scenario=plan,
        environment=environment,
        tracemalloc=plan.sampling.tracemalloc,
        due_packets=due,
        gc_every_s=2 * plan.duration / rows,
        tags=dict(tags or {}),
        quantities=tuple(map(Brought.of, brought)),
    )
    finished = not partial and (ending is None or ending.ending is Ending.FINISHED)
    taken = due if packets is None else packets
    directory.mkdir(parents=True, exist_ok=True)
    writer = RecordWriter(directory, info)
    last: Row = {}
    for index, row in enumerate(_rows(plan, taken, rows, finished)):
        last = row
        if index == rows - 1:
            row.update(counters or {})
        if bend is not None:
            bend(index, row)
        writer.sample(row)
    if board:
        held = hold_ns if hold_ns is not None else round(_hold_packets(plan) * 1e7) or 20_000
        _write_board(directory, {**last, **(counters or {})}, held)
    if finished and resources and not any(event.kind == "resources" for event in events):
        events = (*events, *RESOURCES)
    (directory / WORKER_EVENTS_FILE).write_bytes(
        b"".join(msgspec.json.encode(event) + b"\n" for event in events)
    )
    if not partial:
        end = ending or End(
            ending=Ending.FINISHED,
            elapsed_s=float(last["elapsed_s"] or 0),
            exit_code=0,
            message="exited normally",
            last_sequence=taken - 1,
            received=taken,
        )
        data = msgspec.to_builtins(end)
        writer.event(Event(elapsed_s=end.elapsed_s or 0.0, kind="end", message="end", data=data))
    writer.close()
    return directory


def make_record(directory: Path, plan: Scenario | None = None, **story: object) -> Record:
    """:func:`write_record`, read back."""
    return read_record(write_record(directory, plan, **story))


def _hold_packets(plan: Scenario) -> int:
    return round(plan.consumer.hold * PACKETS_PER_S) if plan.consumer.kind == "hold" else 0


def _rows(plan: Scenario, packets: int, rows: int, finished: bool) -> Iterator[Row]:
    pool = TextbookPool(plan.pool.slots, _hold_packets(plan))
    due = round(plan.duration * PACKETS_PER_S)
    stream_s = packets / PACKETS_PER_S
    for index in range(rows):
        is_last = index == rows - 1
        while pool.captured < packets * (index + 1) // rows:
            pool.capture()
        if is_last and finished:
            pool.drain()
        elapsed_s = STREAM_AFTER_S + stream_s * (index + 1) / rows
        row: Row = pool.counters()
        row |= {
            "elapsed_s": elapsed_s,
            "phase": 3 if is_last and finished else 1,
            "due": min(due, pool.captured),
            "engine.start_ns": STARTED_NS + round(STREAM_AFTER_S * 1e9),
            "engine.stop_ns": STARTED_NS + round((STREAM_AFTER_S + stream_s) * 1e9)
            if is_last and finished
            else 0,
            "pool.oldest_lease_ns": len(pool.kept) * 10_000_000,
            "python_heap_bytes": 2_000_000 + 1000 * (index % 7),
            "native_heap_bytes": 6_000_000 + 500 * (index % 5),
            "allocated_blocks": 100_000,
            "python_small_bytes": 8_000_000,
            "gc.collections": index // 5,
            "gc.full_collections": index // 15,
            "gc.forced_collections": index // 2 + 1,
            "gc.forced_pause_ns": 500_000 * (index // 2 + 1),
            "overflow_live_bytes": 0,
            "gc.freed_objects": 40 * (index // 5),
            "gc.pause_ns": 2_000_000 * (index // 5),
            "probe.cost_ns": 300_000 * (index + 1),
            "rate_per_s": PACKETS_PER_S,
            "delivery_p50_ns": 70_000 + 1000 * (index % 3),
            "delivery_p99_ns": 80_000,
            "delivery_max_ns": 90_000 + 5000 * (index % 4),
            "hold_p50_ns": 20_000 + 500 * (index % 3),
            "hold_p99_ns": 30_000,
            "hold_max_ns": 40_000,
            "supervisor_rss_bytes": 30 * 2**20,
            "supervisor_cpu_s": 0.5 + 0.004 * index,
            "temporary_files": 0,
            "temporary_bytes": 0,
            "output_bytes": 0,
            "sample_late_s": 0.0002,
            "settled": 1,
        }
        if not (is_last and finished):  # there is no process any more at the last sample of a finished run
            row |= {
                "rss_bytes": 50 * 2**20 + 4096 * (index % 3),
                "threads": 4,
                "fds": 12,
                "cpu_user_s": 0.01 * index,
                "cpu_system_s": 0.005 * index,
            }
        yield row


def _write_board(directory: Path, row: Row, hold_ns: int) -> None:
    board = Scoreboard.create(directory / SCOREBOARD_FILE)
    for name in board.index:
        value = row.get(name)
        if value is not None:
            board[name] = int(value)
    delivered, returns = int(row["engine.delivered"] or 0), int(row["pool.returns"] or 0)
    times = {"fill_ns": 1500, "queue_ns": 60_000, "delivery_ns": 80_000, "callback_ns": 2500}
    for name, value_ns in times.items():
        _record_many(board, name, value_ns, delivered)
    if hold_ns:
        _record_many(board, "hold_ns", hold_ns, returns)
        _record_many(board, "held_ns", hold_ns, returns)


def _record_many(board: Scoreboard, name: str, value_ns: int, times: int) -> None:
    """``times`` equal readings at once: an hour's 360,000 one by one would take seconds."""
    at, words = board._histograms[name], board.words
    words[at] += times
    words[at + 1] += times * value_ns
    words[at + 2] = max(words[at + 2], value_ns if times else 0)
    words[at + 4 + bucket_of(value_ns)] += times


def command_row(index: int, elapsed_s: float) -> Row:
    """What the sampler reads of a program that does nothing and counts nothing."""
    return {
        "elapsed_s": elapsed_s,
        "rss_bytes": 1_843_200 + 4096 * (index % 2),
        "uss_bytes": 196_608,
        "threads": 1,
        "fds": 3,
        "children": 0,
        "cpu_user_s": 0.001,
        "cpu_system_s": 0.001,
        "ctx_voluntary": 2,
        "ctx_involuntary": 0,
        "temporary_files": 0,
        "temporary_bytes": 0,
        "output_bytes": 0,
        "supervisor_rss_bytes": 30 * 2**20,
        "supervisor_cpu_s": 0.5 + 0.004 * index,
        "sample_late_s": 0.0002,
        "settled": 1,
    }


def write_command_record(
    directory: Path,
    *,
    duration_s: float = 60.0,
    rows: int = 60,
    subject: SubjectInfo | None = None,
    counts: Callable[[int], Row] | None = None,
    state: State | None = None,
    laws: Sequence[str] = (),
    brought: Sequence[Quantity] = (),
    ending: End | None = None,
    events: Sequence[Event] = (),
    plan: Scenario | None = None,
) -> Path:
    """Write the record of a command that was watched for ``duration_s``.

    ``counts`` are what it publishes itself, at each sample, ``brought`` the quantities of its own, ``laws``
    those that it states; ``state`` is that of its page at the end (None: it has no page).
    """
    plan = unplanned(
        plan
        or Scenario(
            name="soak",
            duration=Duration(duration_s),
            sampling=SamplingTable(every=Duration(duration_s / rows)),
        )
    )
    subject = subject or SubjectInfo(kind="command", title="sleep 60")
    info = RunInfo(
        id="20260101T000000Z-soak-000001",
        started_at="2026-01-01T00:00:00.000+00:00",
        started_ns=STARTED_NS,
        command=[
            "zcbench",
            "run",
            "--duration",
            f"{duration_s:g}s",
            "--",
            *(subject.title or "sleep 60").split(),
        ],
        scenario=plan,
        environment=ENVIRONMENT,
        tracemalloc=False,
        due_packets=None,
        subject=subject,
    )
    directory.mkdir(parents=True, exist_ok=True)
    writer = RecordWriter(directory, info)
    writer.declare(brought)
    for index in range(rows):
        row = command_row(index, duration_s * (index + 1) / rows)
        writer.sample(row | (counts(index) if counts else {}))
    (directory / WORKER_EVENTS_FILE).touch()
    left = Event(elapsed_s=duration_s, kind="temporary_files", message="0 files are left", data={"files": 0})
    if laws:
        writer.event(Event(elapsed_s=1.0, kind=EventKind.LAWS, message="laws", data={"laws": list(laws)}))
    for event in (*events, left):
        writer.event(event)
    if state is not None:
        make_page(directory / PAGE_FILE)
        PageWriter.at(directory / PAGE_FILE).state = state
    end = ending or End(
        ending=Ending.FINISHED,
        elapsed_s=duration_s,
        exit_code=0,
        signal="SIGTERM",
        message="stopped by SIGTERM, as planned",
    )
    data = msgspec.to_builtins(end)
    writer.event(Event(elapsed_s=duration_s, kind="end", message="end", data=data))
    writer.close()
    return directory


def make_command_record(directory: Path, **story: object) -> Record:
    """:func:`write_command_record`, read back."""
    return read_record(write_command_record(directory, **story))
