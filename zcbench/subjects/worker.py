"""The child process: engine, consumer and in-process probes, nothing else.

Started as ``python -m zcbench.subjects.worker RUN_DIRECTORY`` with a pipe on stdin: a line ``stop`` drains and
ends the stream; the pipe's end means that the supervisor is gone, and ends it too.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import signal
import sys
import tempfile
import threading
import traceback
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from zcbench.capture.contract import ContractError, of_engine
from zcbench.capture.engine import find_engine
from zcbench.capture.sources import ReplaySource
from zcbench.clock import now_ns
from zcbench.consumers.claims import Claims
from zcbench.consumers.loop import run as consume
from zcbench.consumers.registry import find_consumer, make_consumer
from zcbench.consumers.verifying import ReplayVerifier, Verifier, verify_checksum
from zcbench.faults import find_fault, plant
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import CONSUMER_RECEIVED, ELAPSED_S, ENGINE_CAPTURED, ENGINE_START_NS
from zcbench.quantities.parsing import decode_unit
from zcbench.record.schema import (
    CONTRACT_EXIT_CODE,
    FAULT_FILE,
    RUN_FILE,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    EventKind,
    Phase,
    RunInfo,
)
from zcbench.scenario import ConsumerTable, Scenario, consumer_values
from zcbench.subjects.assembly import Assembly, assemble
from zcbench.subjects.inside import calling
from zcbench.subjects.inside.counting import CountingLedger, EngineBoard
from zcbench.subjects.inside.first_packet import FirstPacket
from zcbench.subjects.inside.leftovers import leave_what_is_there, tell_left, tell_open
from zcbench.subjects.inside.probes import GcWatch, probes_of
from zcbench.subjects.inside.stopping import EXCEPTION_EXIT_CODE, Stop, obey
from zcbench.subjects.inside.unraisable import UnraisableWatch
from zcbench.subjects.inside.written_files import WrittenFiles

DEVICE_GRACE_S = 0.05  # the last packet due is handed over a little after its time: some device periods


def main(directory: Path) -> int:
    """Run the scenario in ``directory``; 0 when it ended as planned, 70 after an exception."""
    # Never closed here: a crash while the interpreter shuts down still has to find it open.
    faulthandler.enable((directory / FAULT_FILE).open("w"), all_threads=True)
    # Nor this: whoever notes something last, a daemon thread or a finaliser, finds it open.
    events = (directory / WORKER_EVENTS_FILE).open("ab", buffering=0)
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to handle
    run = msgspec.json.decode((directory / RUN_FILE).read_bytes(), type=RunInfo, dec_hook=decode_unit)

    def note(kind: str, message: str, data: dict[str, Any]) -> None:
        elapsed_s = (now_ns() - run.started_ns) / 1e9
        line = {ELAPSED_S: elapsed_s, "kind": kind, "message": message, "data": data}
        # A full disk is the supervisor's to report; it must not look like the engine's failure.
        with contextlib.suppress(OSError, ValueError):
            events.write((json.dumps(line) + "\n").encode())

    UnraisableWatch(note)
    try:
        (_run if run.scenario.subject.call is None else calling.run)(directory, run, note)
    except ContractError as error:
        note(EventKind.ERROR, f"the engine breaks its contract: {error}", {"contract": error.violations})
        return CONTRACT_EXIT_CODE
    except BaseException as error:
        message = "".join(traceback.format_exception_only(error)).strip()
        memory = isinstance(error, MemoryError)
        note(EventKind.ERROR, message, {"traceback": traceback.format_exc(), "memory": memory})
        with contextlib.suppress(OSError, ValueError):  # whatever the engine did to stderr
            traceback.print_exc()
        return EXCEPTION_EXIT_CODE
    note(EventKind.PHASE, "done", {})
    return 0


def _run(directory: Path, run: RunInfo, note: Any) -> None:
    scenario = run.scenario
    board = Scoreboard.open(directory / SCOREBOARD_FILE, writable=True)
    board["phase"] = Phase.STARTING
    stop = Stop()
    _begin(obey, "zcbench-control", stop)
    if run.tracemalloc:
        tracemalloc.start(1)

    parts = assemble(scenario)
    consumer = make_consumer(scenario.consumer.kind, **_options(scenario.consumer))
    verify = _verifier(scenario, parts)
    replayed = isinstance(parts.source, ReplaySource)
    engine_type = find_engine(scenario.engine)
    if scenario.fault is not None:
        engine_type, consumer = plant(find_fault(scenario.fault), engine_type, consumer)
    written = WrittenFiles(Path(tempfile.gettempdir()))
    checksum = verify is not None and not replayed
    engine_board = EngineBoard(board.buffer)
    engine = engine_type(parts.format, parts.source, parts.pool, scoreboard=engine_board, checksum=checksum)
    if violations := of_engine(engine):
        raise ContractError(violations)
    copies = bool(getattr(engine_type, "copies", False))
    claims = Claims(board, parts.format, period_ns=_period_ns(parts), copies=copies)
    ledger = _ledger(board, parts, engine, verify, claims)
    note(EventKind.ENGINE, scenario.engine, ledger.told(engine_board))
    if run.gc_every_s is not None:
        leave_what_is_there()
    watch = GcWatch(board, note)
    probes = probes_of(run, directory, board, engine, watch, note)
    stop.first = probes.tell_growth
    probes.start()
    tell_open("before the stream", note)
    reader: Any = FirstPacket(engine, board, parts, stop, checksum=checksum)
    claims.begin()
    engine.start()
    if not replayed:
        _begin(_end_after, "zcbench-timer", board, scenario.duration, stop)
    board["phase"] = Phase.RUNNING
    note(EventKind.PHASE, "running", {})
    try:
        consume(reader, consumer, ledger, stop)
    finally:
        note(EventKind.ENGINE, scenario.engine, ledger.told(engine_board))
    probes.tell_growth()
    _drain(board, engine, consumer, ledger, note)
    tell_left(written, note)
    probes.stop()
    watch.stop()
    board["phase"] = Phase.DONE


def _ledger(
    board: Scoreboard, parts: Assembly, engine: Any, verify: Verifier | None, claims: Claims
) -> CountingLedger:
    """Made after the engine, which says on the board how many slots there are."""
    counts_everything = bool(getattr(engine, "counts_everything", False))
    return CountingLedger(
        board, verify, parts.format.packet_bytes, counts_everything=counts_everything, claims=claims
    )


def _drain(board: Scoreboard, engine: Any, consumer: Any, ledger: CountingLedger, note: Any) -> None:
    board["phase"] = Phase.DRAINING
    note(EventKind.PHASE, "draining", {})
    engine.stop()
    consumer.drain(ledger)
    engine.check()
    engine.close()


def _begin(target: Callable[..., None], name: str, *arguments: Any) -> None:
    """Run ``target`` in a thread that nobody waits for."""
    threading.Thread(target=target, args=arguments, name=name, daemon=True).start()


def _verifier(scenario: Scenario, parts: Assembly) -> Verifier | None:
    """What says whether a packet's bytes are right; None where nobody asks."""
    if not scenario.consumer.verify:
        return None
    if isinstance(parts.source, ReplaySource):
        return ReplayVerifier(parts.source, parts.format.frames)
    return verify_checksum


def _options(table: ConsumerTable) -> dict[str, Any]:
    return consumer_values(table, find_consumer(table.kind).traits)


def _period_ns(parts: Assembly) -> float | None:
    """Wall time from one packet to the next; None of a source that has no pace of its own that we know."""
    source, format = parts.source, parts.format
    if not isinstance(source, ReplaySource) or source.pace != "real" or parts.pool.policy == "block":
        return None  # under block the source waits for the application
    return 1e9 / (format.packets_per_s * source.speed)


def _end_after(board: Scoreboard, duration_s: float, stop: threading.Event) -> None:
    """Set ``stop`` once a device's stream has lasted ``duration_s``, from its first frame on."""
    # A device takes its time to open; one that never does is a hang.
    while not board[ENGINE_CAPTURED] and not board[CONSUMER_RECEIVED]:
        if stop.wait(0.01):
            return
    start_ns = board[ENGINE_START_NS] or now_ns()
    stop.wait(max(0.0, duration_s + DEVICE_GRACE_S - (now_ns() - start_ns) / 1e9))
    stop.set()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
