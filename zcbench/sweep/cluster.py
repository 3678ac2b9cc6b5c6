"""Runs of a sweep on a Dask cluster: one run a host at a time, since two would disturb each other.

A worker gets the plan of a run as text and makes it in a process of its own, in a temporary directory; the
record comes back as the bytes of its files, so that no disk need be shared. A run whose worker is lost is
made again.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
import time
import warnings
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from zcbench.foreign import of_error
from zcbench.sweep.children import Child, StoppedError, Tell, record_files, signalled
from zcbench.sweep.journal import plan_file, run_directory, set_aside
from zcbench.sweep.plan import SweepError

ANSWER_WITHIN_S = 10.0
WORKERS_WITHIN_S = 30.0  # with none left for so long, the sweep gives up
MOST_TRIES = 3  # of one run, whose worker was lost each time
LOOK_EVERY_S = 0.1
_SAME = ("python", "distributed", "zcbench")  # that both sides must have in the same version

# -- on the worker

_children: dict[str, Child] = {}
_over: set[str] = set()  # sweeps that have ended their runs: one that was on its way begins no more
_children_lock = threading.Lock()


def make_here(sweep: str, name: str, plan: str, maker: str) -> dict[str, bytes]:
    """Make the run ``name`` of ``plan`` (TOML) in this worker's host; its record's files, compressed."""
    with tempfile.TemporaryDirectory(prefix="zcbench-sweep-") as folder:
        directory = Path(folder)
        plan_file(directory, name).parent.mkdir(parents=True)
        plan_file(directory, name).write_text(plan, encoding="utf-8")
        child = Child(directory, name, maker)
        with _children_lock:
            lost = _children.get(sweep)
            _children[sweep] = child
            is_over = sweep in _over
        try:
            if lost is not None:  # to its asker, who has it made again
                lost.end()
            if is_over:
                child.end()
            child.wait()
        finally:
            with _children_lock:
                if _children.get(sweep) is child:
                    del _children[sweep]
        return {file: zlib.compress(data) for file, data in record_files(directory, name).items()}


def end_here(sweep: str) -> None:
    """End the run that this worker is making for ``sweep``, if it is, and what of it begins after this."""
    with _children_lock:
        _over.add(sweep)
        child = _children.get(sweep)
    if child is not None:
        child.end()


# -- on the side that asks


class Cluster:
    """A Dask cluster that can make runs. Raises SweepError when nobody answers at ``address``, when there is no
    worker, or when a worker's Python, distributed or zcbench is another."""

    def __init__(self, address: str, maker: str) -> None:
        try:
            import distributed
        except ImportError as error:
            raise SweepError("--dask: needs the extra of that name: pip install 'zcbench[dask]'") from error
        self.address, self._maker = address, maker
        client: Any = distributed.Client
        self._client = client.__new__(client)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of versions: they are compared below
                self._client.__init__(
                    address, timeout=ANSWER_WITHIN_S, set_as_default=False, name="zcbench-sweep"
                )
        except (OSError, ValueError) as error:
            # A client that is collected while it is open closes itself, wherever the collector runs: also under
            # the lock that closing takes.
            self.close()
            raise SweepError(
                f"--dask {address}: no scheduler answers there within {ANSWER_WITHIN_S:g} s; "
                "start one with `dask scheduler`, and name it as in tcp://host:8786"
            ) from error
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the cluster as it is."""
        with contextlib.suppress(Exception, asyncio.CancelledError):
            self._client.close(timeout=ANSWER_WITHIN_S)

    def hosts(self) -> dict[str, list[str]]:
        """The addresses of the workers of each host, now."""
        from distributed.comm.addressing import get_address_host

        found: dict[str, list[str]] = {}
        # Not scheduler_info(): a thread of the client's replaces what that asked for by a summary without
        # workers now and then, and all of them would seem to be lost.
        for address in self._client.nthreads():
            found.setdefault(get_address_host(address), []).append(address)
        return found

    def _check(self) -> None:
        if not self.hosts():
            raise SweepError(
                f"--dask {self.address}: has no workers; start some with `dask worker {self.address}`"
            )
        seen: Any = self._client.get_versions(packages=["zcbench"])
        ours = seen["client"]["packages"]
        for address, worker in seen["workers"].items():
            theirs = worker["packages"]
            for name in _SAME:
                if theirs.get(name) != ours[name]:
                    has = theirs.get(name) or "none"
                    raise SweepError(
                        f"--dask {self.address}: the worker {address} has {name} {has}, this is {ours[name]}; "
                        "install the same on both"
                    )

    def make(self, directory: Path, names: Sequence[str], tell: Tell) -> None:
        """As :meth:`_make`. Whatever else Dask raises means that the cluster is gone: SweepError."""
        try:
            self._make(directory, names, tell)
        except (StoppedError, SweepError):
            raise
        except (Exception, asyncio.CancelledError) as error:
            raise SweepError(
                f"--dask {self.address}: the cluster is gone ({of_error(error)}); go on with "
                f"--resume {directory}"
            ) from error

    def _make(self, directory: Path, names: Sequence[str], tell: Tell) -> None:
        """Make the runs ``names`` of the sweep in ``directory``; ``tell`` hears of each whose record is here.

        Raises StoppedError after a signal; SweepError for a run that no worker could make, or when none is
        left. The runs under way are ended then.
        """
        waiting, running = deque(names), dict[str, _Task]()
        tries = dict.fromkeys(names, 0)
        sweep = f"{directory.name}-{time.time_ns()}"
        workers_since = time.monotonic()
        with signalled() as codes:
            try:
                while (waiting or running) and not codes:
                    hosts = self.hosts()
                    if hosts or running:
                        workers_since = time.monotonic()
                    elif time.monotonic() - workers_since > WORKERS_WITHIN_S:
                        raise SweepError(
                            f"--dask {self.address}: has had no worker for {WORKERS_WITHIN_S:g} s; go on with "
                            f"--resume {directory}"
                        )
                    for host, task in list(running.items()):
                        if host not in hosts or task.is_lost():
                            task.future.cancel()
                            del running[host]
                            if tries[task.name] >= MOST_TRIES:
                                raise SweepError(
                                    f"run {task.name}: its worker was lost {MOST_TRIES} times; go on with "
                                    f"--resume {directory}"
                                )
                            waiting.appendleft(task.name)
                        elif task.future.done():
                            del running[host]
                            _keep(directory, task.name, task.result())
                            tell(f"{task.name} on {host}")
                    for host in [host for host in hosts if host not in running]:
                        if waiting:
                            name = waiting.popleft()
                            tries[name] += 1
                            running[host] = self._submit(sweep, directory, name, hosts[host])
                    time.sleep(LOOK_EVERY_S)
            finally:
                # Who is gone already need not be asked.
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    if any(tries.values()):  # also those whose worker was lost, and is there again
                        self._client.run(end_here, sweep, on_error="ignore")
                    for task in running.values():
                        task.future.cancel()
        if codes:
            raise StoppedError(codes[0])

    def _submit(self, sweep: str, directory: Path, name: str, workers: list[str]) -> _Task:
        plan = plan_file(directory, name).read_text(encoding="utf-8")
        future = self._client.submit(
            make_here, sweep, name, plan, self._maker, workers=workers, allow_other_workers=False, pure=False
        )
        return _Task(name, future)


@dataclass
class _Task:
    """A run that a host is making; ``future`` is Dask's."""

    name: str
    future: Any

    def is_lost(self) -> bool:
        """Whether its worker went away with it."""
        from distributed import KilledWorker

        if self.future.status == "error":
            return isinstance(self.future.exception(), KilledWorker)
        return self.future.status in ("lost", "cancelled")

    def result(self) -> dict[str, bytes]:
        """The record's files, compressed; raises what the worker raised."""
        found: dict[str, bytes] = self.future.result()
        return found


def _keep(directory: Path, name: str, files: dict[str, bytes]) -> None:
    """Write a record that came from a worker; it is there as a whole or not at all."""
    set_aside(directory, name)
    target = run_directory(directory, name)
    coming = target.with_name(f".{name}-coming")
    coming.mkdir(parents=True, exist_ok=True)
    for file, data in files.items():
        if PurePath(file).name != file or "\\" in file:
            raise SweepError(f"run {name}: the worker sent a file {file!r}, which is no file of a record")
        (coming / file).write_bytes(zlib.decompress(data))
    coming.rename(target)
