"""Rounds: every peer in every setting once, in an order of its own, each in a new process.

Peers that take turns meet the same weather: what else the machine does in a round, it does to all of them, and
the ratio within a round stays. An opening round, whose times do not count, counts allocations and finds out
how many packets make a measurement as long as it should be.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product

import msgspec
import psutil

from zcbench.bench.cell import Measured, Order
from zcbench.bench.peers import PeerInfo
from zcbench.bench.plan import Plan, work
from zcbench.bench.results import Cell, Results, Setting, Told
from zcbench.bench.work import Work
from zcbench.quantities.units import format_duration

TIMEOUT_S = 60.0  # of one measurement: a peer that waits for ever has failed
_OPENING_BYTES = 64 * 2**20  # that the opening round moves on the clock, at most
_OPENING_PACKETS = 2000
_MOST_PACKETS = 1_000_000
# NumPy's BLAS would start a thread for each core, and let it spin beside the producer.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

Key = tuple[str, Setting]


class Rounds:
    """Carries out ``plan``; ``results`` may be asked for at any time, also after an interruption."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._random = random.Random(plan.seed)
        self._missing = {peer.name: peer.missing() for peer in plan.peers}
        self._peers = [peer for peer in plan.peers if self._missing[peer.name] is None]
        self._cells: dict[Key, Cell] = {
            (peer.name, setting): Cell(
                peer=peer.name,
                setting=setting,
                packets=0,
                moved_bytes=peer.moved_bytes(setting.size),
            )
            for setting in plan.settings
            for peer in self._peers
        }
        self._finished = 0
        self._began = 0.0  # the round that goes on, s

    def run(self) -> None:
        """Measure everything."""
        self._say("opening round")
        for peer, setting in self._in_turn():
            self._open(peer, setting)
        for number in range(1, self._plan.rounds + 1):
            self._say(f"round {number} of {self._plan.rounds}{self._left(number)}")
            found = {(peer.name, setting): self._once(peer, setting) for peer, setting in self._in_turn()}
            for key, measured in found.items():
                cell = self._cells[key]
                self._cells[key] = msgspec.structs.replace(cell, rounds=(*cell.rounds, measured))
            self._finished = number

    def _left(self, number: int) -> str:
        """How much longer it takes, from the round before."""
        now = time.monotonic()
        began, self._began = self._began, now
        if number == 1:
            return ""
        left = (now - began) * (self._plan.rounds - number + 1)
        return f", about {format_duration(float(round(left)))} left"

    @property
    def results(self) -> Results:
        """Of the rounds that were finished."""
        order = {peer.name: n for n, peer in enumerate(self._plan.peers)}
        places = {setting: n for n, setting in enumerate(self._plan.settings)}
        return Results(
            rounds=self._finished,
            seed=self._plan.seed,
            peers=tuple(_told(peer, self._missing[peer.name]) for peer in self._plan.peers),
            cells=tuple(sorted(self._cells.values(), key=lambda c: (places[c.setting], order[c.peer]))),
        )

    def _in_turn(self) -> Iterator[tuple[PeerInfo, Setting]]:
        """Setting by setting, so that what is compared lies close together; both in random order."""
        settings = list(self._plan.settings)
        self._random.shuffle(settings)
        for setting in settings:
            yield from product(self._random.sample(self._peers, len(self._peers)), [setting])

    def _open(self, peer: PeerInfo, setting: Setting) -> None:
        few = work(setting, max(100, min(_OPENING_PACKETS, _OPENING_BYTES // setting.size)))
        counting = self._plan.counts(setting)
        try:
            found = measure_apart(Order(peer=peer.name, work=few, counting=counting))
        except MeasurementError as error:
            self._fail((peer.name, setting), error)
            return
        packets = round(self._plan.seconds * 1e9 / found.wall_ns)
        packets = max(few.timed * few.threads // 4, min(packets, _MOST_PACKETS))
        key = (peer.name, setting)
        self._cells[key] = msgspec.structs.replace(self._cells[key], packets=packets, allocated=found.allocated)

    def _once(self, peer: PeerInfo, setting: Setting) -> Measured | None:
        cell = self._cells[peer.name, setting]
        if not cell.packets:
            return None  # it failed in the opening round
        try:
            return measure_apart(Order(peer=peer.name, work=self._work(cell)))
        except MeasurementError as error:
            self._fail((peer.name, setting), error)
            return None

    def _work(self, cell: Cell) -> Work:
        return work(cell.setting, cell.packets)

    def _fail(self, key: Key, error: MeasurementError) -> None:
        name, setting = key
        self._say(f"{name} failed ({setting.size} B, hold {setting.hold}, {setting.threads} threads): {error}")
        cell = self._cells[key]
        self._cells[key] = msgspec.structs.replace(cell, failed=cell.failed or str(error))


class MeasurementError(Exception):
    """A measurement that came to nothing; the message says how."""


def measure_apart(order: Order) -> Measured:
    """``order`` carried out in a process of its own. Raises MeasurementError."""
    command = [sys.executable, "-P", "-m", "zcbench.bench.cell"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=os.environ | _ENVIRONMENT
    ) as child:
        try:
            printed, complaints = child.communicate(msgspec.json.encode(order), TIMEOUT_S)
        except BaseException as error:
            _kill(child)
            if isinstance(error, subprocess.TimeoutExpired):
                raise MeasurementError(f"not done after {TIMEOUT_S:.0f} s") from error
            raise
    if child.returncode < 0:
        raise MeasurementError(f"ended by {signal.Signals(-child.returncode).name}")
    if child.returncode:
        lines = complaints.decode(errors="replace").strip().splitlines() or ["without a word"]
        raise MeasurementError(lines[-1])
    return msgspec.json.decode(printed, type=Measured)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """With its producer's process, which would go on for ever."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(child.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    child.kill()


def _told(peer: PeerInfo, missing: str | None) -> Told:
    return Told(
        name=peer.name,
        title=peer.title,
        kind=peer.kind,
        moved=peer.moved,
        versions={} if missing else peer.versions(),
        missing=missing,
    )
