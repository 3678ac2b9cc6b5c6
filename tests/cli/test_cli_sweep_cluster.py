"""`zcbench sweep --dask`: two workers on loopback, which are two hosts by their addresses; and `--parallel`."""

from __future__ import annotations

import contextlib
import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke, clean_environment, program
from tests.cli.test_cli_errors import refused
from tests.records import scenario
from zcbench.cli import one_run
from zcbench.record.reader import read_record
from zcbench.scenario import to_toml
from zcbench.sweep import children, cluster
from zcbench.sweep.cluster import Cluster
from zcbench.sweep.plan import SweepError

PATIENCE_S = 100.0
SHORT = ("--consumer", "hold", "--hold", "50ms", "--sample-every", "50ms", "--quiet")
HOSTS = ("127.0.0.1", "127.0.0.2")


def until(true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@dataclass
class Processes:
    """A Dask cluster of processes."""

    folder: Path
    address: str = ""
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _all: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """``dask ARGUMENTS``."""
        log = (self.folder / f"{len(self._all)}.log").open("wb")
        command = [sys.executable, "-m", "dask", *arguments]
        with log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=clean_environment() | self._own, stdout=log, stderr=log
            )
        self._all.append(process)
        return process

    @property
    def _own(self) -> dict[str, str]:
        """Variables that keep in ``folder`` what a killed process leaves behind."""
        return {"TMPDIR": str(self.folder), "DASK_TEMPORARY_DIRECTORY": str(self.folder)}

    def scheduler(self) -> None:
        """Start it; its address is known when it answers."""
        with socket.create_server((HOSTS[0], 0)) as server:
            port = server.getsockname()[1]
        self.address = f"tcp://{HOSTS[0]}:{port}"
        self.start("scheduler", "--host", HOSTS[0], "--port", str(port), "--no-dashboard")

    def worker(self, host: str) -> None:
        """Start one at ``host``."""
        self.workers[host] = self.start(
            "worker", self.address, "--host", host, "--no-nanny", "--nthreads", "4", "--no-dashboard"
        )  # fmt: skip

    def all_there(self, count: int) -> Cluster:
        """The cluster, once ``count`` hosts are in it."""
        found: list[Cluster] = []

        def answers() -> bool:
            with contextlib.suppress(SweepError):
                found.append(Cluster(self.address, "zcbench.cli.one_run"))
            return bool(found)

        until(answers, "no scheduler or no worker")
        until(lambda: len(found[0].hosts()) == count, f"not {count} hosts")
        return found[0]

    def end(self) -> None:
        for process in self._all:
            process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    folder = tmp_path / "dask"
    folder.mkdir()
    made = Processes(folder)
    yield made
    made.end()


def test_a_run_whose_worker_is_killed_is_made_again_by_the_other(processes: Processes, tmp_path: Path) -> None:
    processes.scheduler()
    for host in HOSTS:
        processes.worker(host)
    processes.all_there(2).close()
    # given a sweep of three runs over two hosts, of which one is killed while it makes its first
    sweep = subprocess.Popen(
        [sys.executable, "-m", "zcbench", "sweep", "--vary", "pool.slots=4,8,20", "--duration", "2s", *SHORT,
         "--no-check", "--out", "swept", "--dask", processes.address],
        cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: _children_of(processes.workers[HOSTS[1]].pid), "no run began")
    processes.workers[HOSTS[1]].send_signal(signal.SIGKILL)
    said, complaints = sweep.communicate(timeout=PATIENCE_S)
    # then all three are there, whole, as planned, and no part of the one that was lost
    assert said.strip() == str(Path("swept") / "sweep.md"), complaints
    runs = tmp_path / "swept" / "runs"
    assert sorted(run.name for run in runs.iterdir()) == ["001", "002", "003"]
    spans = []
    for name, slots in (("001", 4), ("002", 8), ("003", 20)):
        record = read_record(runs / name)
        assert record.run.scenario.pool.slots == slots
        assert record.result is not None
        assert record.end.ending.value == "finished"
        start = record.run.started_ns / 1e9
        spans.append((start, start + (record.end.elapsed_s or 0)))
    # then the host that is left made one at a time, though it has four threads
    spans.sort()
    for before, after in itertools.pairwise(spans):
        assert before[1] <= after[0]


def test_without_workers_without_scheduler_and_with_other_versions_nothing_is_written(
    processes: Processes, invoke: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = ("sweep", "--vary", "pool.slots=1,2", "--out", "swept", "--dask")
    monkeypatch.setattr(cluster, "ANSWER_WITHIN_S", 0.3)
    refused(invoke(*sweep, "tcp://127.0.0.1:1"), "no scheduler answers there")
    refused(invoke(*sweep, "nonsense://x"), "--dask nonsense://x")
    monkeypatch.setattr(cluster, "ANSWER_WITHIN_S", 30.0)
    processes.scheduler()
    refused(invoke(*sweep, processes.address), "has no workers")
    processes.worker(HOSTS[0])
    with contextlib.closing(processes.all_there(1)) as there:
        import distributed

        # Dask's own summary of the cluster is without workers now and then, which says nothing of them
        monkeypatch.setattr(distributed.Client, "scheduler_info", lambda _client: {"workers": {}})
        assert list(there.hosts()) == [HOSTS[0]]
        # when this side has another zcbench than the worker
        real = distributed.Client.get_versions

        def other(client: object, **arguments: object) -> dict[str, object]:
            found = real(client, **arguments)  # type: ignore[arg-type]
            found["client"]["packages"]["zcbench"] = "9.9"
            return dict(found)

        monkeypatch.setattr(distributed.Client, "get_versions", other)
        refused(invoke(*sweep, processes.address), "has zcbench 0.1.0, this is 9.9")
    assert list(here.iterdir()) == []


def test_a_sweep_that_is_stopped_ends_its_runs_on_the_workers(processes: Processes, tmp_path: Path) -> None:
    processes.scheduler()
    processes.worker(HOSTS[0])
    with contextlib.closing(processes.all_there(1)):
        sweep = subprocess.Popen(
            [sys.executable, "-m", "zcbench", "sweep", "--vary", "pool.slots=4,8", "--duration", "10m", *SHORT,
             "--out", "swept", "--dask", processes.address],
            cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until(lambda: _children_of(processes.workers[HOSTS[0]].pid), "no run began")
        sweep.send_signal(signal.SIGINT)
        _, complaints = sweep.communicate(timeout=PATIENCE_S)
        assert sweep.returncode == 130, complaints
        assert "--resume swept" in complaints
        until(lambda: not _children_of(processes.workers[HOSTS[0]].pid), "its run goes on")


def test_a_run_that_is_on_its_way_when_its_sweep_is_stopped_does_not_go_on() -> None:
    # given a worker that is told that the sweep is over just before the run begins there
    cluster.end_here("swept-1")
    plan = to_toml(scenario(duration_s=600))

    def make() -> None:
        with contextlib.suppress(SweepError):  # nothing was made, or so much as there was time for
            cluster.make_here("swept-1", "001", plan, one_run.__name__)

    run = threading.Thread(target=make, daemon=True)
    run.start()
    until(lambda: not run.is_alive(), "its run goes on")


def _children_of(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children() if child.is_running()]


# -- side by side


def test_runs_side_by_side_overlap_and_the_report_says_so(tmp_path: Path) -> None:
    done = program(
        "sweep", "--vary", "pool.slots=8,20", "--duration", "2s", *SHORT, "--no-check", "--out", "swept",
        "--parallel", "2", cwd=tmp_path, ZCBENCH_POOL="77",
    )  # fmt: skip
    assert done.stdout.strip().endswith("sweep.md"), done.stderr
    assert "side by side disturb each other" in done.stderr
    records = [read_record(tmp_path / "swept" / "runs" / name) for name in ("001", "002")]
    starts = [record.run.started_ns for record in records]
    assert abs(starts[0] - starts[1]) < 2e9
    # then what the environment says is not said twice: the plan is what is run
    assert [record.run.scenario.pool.slots for record in records] == [8, 20]
    assert [record.run.command[:2] for record in records] == [["zcbench", "run"]] * 2
    text = (tmp_path / "swept" / "sweep.md").read_text(encoding="utf-8")
    assert "Up to 2 runs were made side by side" in text
    assert json.loads((tmp_path / "swept" / "sweep.json").read_text())["at_once"] == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drains_all_runs_and_the_sweep_can_go_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    sweep = subprocess.Popen(
        [sys.executable, "-m", "zcbench", "sweep", "--vary", "pool.slots=8,20,40", "--duration", "10m", *SHORT,
         "--no-check", "--out", "swept", "--parallel", "2"],
        cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    runs = tmp_path / "swept" / "runs"
    both = [runs / name / "samples.csv" for name in ("001", "002")]
    until(lambda: all(f.is_file() and f.stat().st_size > 3000 for f in both), "the runs do not begin")
    sweep.send_signal(number)
    _, complaints = sweep.communicate(timeout=PATIENCE_S)
    assert sweep.returncode == code, complaints
    assert "go on with: zcbench sweep --resume swept" in complaints
    for name in ("001", "002"):
        record = read_record(runs / name)
        assert record.end.ending.value == "interrupted"
        assert record.result is not None
    assert not (runs / "003").exists()


def test_runs_end_when_the_sweep_is_killed(tmp_path: Path) -> None:
    sweep = subprocess.Popen(
        [sys.executable, "-m", "zcbench", "sweep", "--vary", "pool.slots=8,20", "--duration", "10m", *SHORT,
         "--no-check", "--out", "swept", "--parallel", "2"],
        cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    both = [tmp_path / "swept" / "runs" / name for name in ("001", "002")]
    until(lambda: all((run / "worker.jsonl").is_file() for run in both), "the runs do not begin")
    sweep.kill()
    sweep.wait()
    until(lambda: all((run / "result.json").is_file() for run in both), "the runs go on")


def test_two_ways_to_make_the_runs_are_one_too_many(invoke: Invoke) -> None:
    both = ("--parallel", "2", "--dask", "tcp://127.0.0.1:1")
    refused(invoke("sweep", "--vary", "pool.slots=1,2", *both), "give one of the two")


def test_a_run_that_cannot_be_made_is_said_with_its_reason(tmp_path: Path) -> None:
    done = program(
        "sweep", "--vary", "pool.slots=1,2", "--set", "source.kind=file", "--set", "source.path=gone.wav",
        "--out", "swept", "--quiet", "--parallel", "2", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "run 00" in last
    assert "gone.wav" in last


def test_runs_that_a_signal_meets_before_they_made_anything_are_stopped_and_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(children.Child):
        def __init__(self, directory: Path, name: str, maker: str) -> None:
            super().__init__(directory, name, maker)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(children, "Child", Interrupted)
    # given runs that end and leave no record: what makes them does not know of zcbench
    with pytest.raises(children.StoppedError) as stopped:
        children.make_side_by_side(tmp_path, ["001", "002", "003"], 2, print, "code")
    assert stopped.value.exit_code == 130


def test_signals_are_given_back(tmp_path: Path) -> None:
    from zcbench.sweep.children import signalled

    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    with signalled() as codes:
        signal.raise_signal(signal.SIGINT)
    assert codes == [130]
    assert signal.getsignal(signal.SIGINT) is before
