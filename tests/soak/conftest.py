"""Short scenarios, run by a supervisor in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from zcbench.quantities.parsing import Duration, encode_unit
from zcbench.record.reader import Record, read_record
from zcbench.record.schema import RUN_FILE, SAMPLES_FILE
from zcbench.scenario import (
    ConsumerTable,
    GcTable,
    LimitsTable,
    PoolTable,
    SamplingTable,
    Scenario,
    SourceTable,
)
from zcbench.soak.supervisor import run

HERE = Path(__file__).parent
PATIENCE_S = 60.0  # before a test gives up waiting for another process; never part of what is asserted

# The supervisor as a process of its own, to be signalled, starved and killed.
SUPERVISE = """
import sys
from pathlib import Path
import msgspec
from zcbench.scenario import Scenario
from zcbench.soak.supervisor import run
from zcbench.quantities.parsing import decode_unit
limit = int(sys.argv[3])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
scenario = msgspec.json.decode(sys.argv[2], type=Scenario, dec_hook=decode_unit)
run(scenario, Path(sys.argv[1]), command=["test"])
"""


@pytest.fixture(autouse=True)
def _hostile_engines_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty run directory."""
    made = tmp_path / "run"
    made.mkdir()
    return made


def short_scenario(
    engine: str = "reference",
    *,
    duration_s: float = 0.5,
    every_s: float = 0.1,
    hang_s: float = 10.0,
    rss: int | None = None,
    source: dict[str, Any] | None = None,
    consumer: dict[str, Any] | None = None,
    tracemalloc: bool = False,
    gc: dict[str, str] | None = None,
) -> Scenario:
    return Scenario(
        name="short",
        engine=engine,
        duration=Duration(duration_s),
        source=SourceTable(**(source or {})),
        pool=PoolTable(slots=20),
        consumer=ConsumerTable(**(consumer or {})),
        sampling=SamplingTable(every=Duration(every_s), tracemalloc=tracemalloc),
        gc=GcTable(**(gc or {})),
        limits=LimitsTable(hang=Duration(hang_s), rss=rss),
    )


@pytest.fixture
def scenario() -> Callable[..., Scenario]:
    """Makes a short scenario: 100 packets/s for half a second unless told otherwise."""
    return short_scenario


@pytest.fixture
def record_of(directory: Path) -> Callable[..., Record]:
    """Runs a scenario in this process and reads the record it left."""

    def run_it(scenario: Scenario, *observers: Any) -> Record:
        end = run(scenario, directory, command=["test"], observers=observers)
        record = read_record(directory)
        assert record.end == end, "the record must tell the end that the caller was told"
        return record

    return run_it


class Supervisor:
    """A supervisor in a process and a session of its own."""

    def __init__(self, scenario: Scenario, directory: Path, file_limit: int) -> None:
        self.directory = directory
        text = msgspec.json.encode(scenario, enc_hook=encode_unit).decode()
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(directory), text, str(file_limit)],
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def wait_for(self, what: Callable[[Record], object]) -> None:
        """Wait until ``what`` is true of the record as it stands."""
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            assert self.process.poll() is None, "the supervisor ended while it was waited for"
            ready = all((self.directory / name).is_file() for name in (RUN_FILE, SAMPLES_FILE))
            if ready and what(read_record(self.directory)):
                return
            time.sleep(0.02)
        raise AssertionError("waited in vain")

    def wait_for_packets(self) -> None:
        """Wait until a sample shows packets received."""
        self.wait_for(lambda record: (record.samples["consumer.received"] > 0).any())

    def record(self) -> Record:
        """Wait for the end; the record it left."""
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        assert errors == b"", errors.decode()
        return read_record(self.directory)


@pytest.fixture
def supervisor(directory: Path) -> Iterator[Callable[..., Supervisor]]:
    """Starts supervisors; whatever still runs at the end of the test is killed."""
    started: list[Supervisor] = []

    def start(scenario: Scenario, *, file_limit: int = 0) -> Supervisor:
        started.append(Supervisor(scenario, directory, file_limit))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()
