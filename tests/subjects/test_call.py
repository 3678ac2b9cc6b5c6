"""A callable as the subject: called at a rate, with setup and teardown, judged by its heap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zcbench
from tests.subjects import called
from tests.subjects.conftest import planned, recorded
from zcbench.record.reader import Record, read_record
from zcbench.record.schema import STDERR_FILE, Ending
from zcbench.scenario import ScenarioError
from zcbench.subjects.inside.target import CallableError, check

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def call(name: str, directory: Path, **keys: str) -> Record:
    flags = {"subject.call": f"called:{name}", "duration": "1s", "sampling.every": "100ms"}
    flags |= {key.replace("__", "."): text for key, text in keys.items()}
    return recorded(planned(flags), directory)


def test_it_is_called_at_its_rate_between_setup_and_teardown(tmp_path: Path) -> None:
    record = call(
        "count",
        tmp_path,
        subject__rate="50/s",
        subject__setup="called:prepare",
        subject__teardown="called:tell",
    )
    assert record.end.ending is Ending.FINISHED
    calls = int(record.samples["calls.made"][-1])
    assert 1 <= calls <= 1 + 50 * (record.end.elapsed_s or 0)  # never faster than its rate
    assert (tmp_path / STDERR_FILE).read_text() == f"called {calls}\n"
    assert np.nanmax(record.samples["native_heap_bytes"]) > 0
    assert np.isnan(record.samples["engine.delivered"]).all(), "it captures no packets, which is not 0 packets"
    assert not record.can("packets", "pool")


def test_an_exception_ends_the_run_with_its_traceback(tmp_path: Path) -> None:
    record = call("fail", tmp_path)
    assert (record.end.ending, record.end.message) == (
        Ending.FAILED, "ValueError: the third argument is missing",
    )  # fmt: skip
    assert "in fail" in (record.end.traceback or "")


def test_a_call_that_does_not_return_is_a_hang_with_its_stack(tmp_path: Path) -> None:
    record = call("stand_still", tmp_path, limits__hang="500ms", duration="60s")
    assert record.end.ending is Ending.HUNG
    assert record.end.message == "no call of called:stand_still returned for 500ms"
    assert "in stand_still" in (record.end.traceback or "")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("called:nothing", "has no attribute 'nothing'"),
        ("nowhere:x", "No module named 'nowhere'"),
        ("called:NUMBER", "is int, which cannot be called"),
        ("called.py:nothing", "called.py has no nothing"),
        ("nowhere.py:x", "No such file"),
        ("called:lazily", "makes a generator and runs nothing of it"),
        ("called:later", "makes a coroutine and runs nothing of it"),
    ],
)
def test_what_cannot_be_called_is_said_before_anything_is_written(spec: str, says: str) -> None:
    with pytest.raises(CallableError, match=says):
        check(spec, str(HERE))
    check("called.py:Codec.decode", str(HERE))


@pytest.mark.usefixtures("installed_first")
def test_soak_is_the_same_from_python(tmp_path: Path) -> None:
    soaked = zcbench.soak(
        called.keep,
        duration="3s",
        rate="100/s",
        out=tmp_path / "run",
        gc__every="100ms",
        sampling__every="50ms",
    )
    memory = next(finding for finding in soaked.result.findings if finding.check == "memory")
    assert memory.outcome != "pass", memory.sentence
    rows = read_record(tmp_path / "run").samples
    calls, heap = rows["calls.made"], rows["native_heap_bytes"]
    known = np.flatnonzero(np.isfinite(heap) & np.isfinite(calls))
    made, grown = (column[known[-1]] - column[known[0]] for column in (calls, heap))
    assert grown > 50_000 * made > 0, "half of what each call keeps: a reading may be of a moment before"
    assert bool(soaked) is (soaked.result.verdict == "pass")
    assert soaked.report.read_text(encoding="utf-8").startswith("# soak 3s, keep: ")
    assert "Packets" not in soaked.report.read_text(encoding="utf-8")


def test_a_script_soaks_its_own_function(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import zcbench\ndef f(): pass\n"
        "if __name__ == '__main__':\n"
        "    print(zcbench.soak(f, duration='300ms', out='run').result.end.ending)\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("finished\n", 0), done.stderr


def test_a_function_without_a_name_is_refused() -> None:
    with pytest.raises(ScenarioError, match="has no name that another process could import"):
        zcbench.soak(lambda: None)


def test_a_number_given_to_soak_is_read_as_its_text_is() -> None:
    with pytest.raises(ScenarioError, match="duration: -5"):
        zcbench.soak(dict, duration=-5)  # type: ignore[arg-type]
