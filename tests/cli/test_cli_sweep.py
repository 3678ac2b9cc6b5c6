"""`zcbench sweep`: its runs, its report, and going on after a kill."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.conftest import clean_environment, program
from zcbench.record.reader import read_record

Invoke = Callable[..., Result]
# The application keeps the last 100 ms of the stream: 10 packets, 11 with the one in the engine's hands.
SWEEP = ("sweep", "--vary", "pool.slots=4,400", "--consumer", "hold", "--hold", "100ms",
         "--duration", "1s", "--sample-every", "50ms", "--out", "swept", "--quiet")  # fmt: skip


def test_a_sweep_recommends_a_pool_and_checks_it(tmp_path: Path) -> None:
    # given a target that a busy machine's late packets do not spoil
    done = program(*SWEEP, "--target", "60%", cwd=tmp_path)
    assert done.stdout.strip() == str(Path("swept") / "sweep.md"), done.stderr
    text = (tmp_path / "swept" / "sweep.md").read_text(encoding="utf-8")
    found = re.search(r"\*\*(\d+) slots\*\* are the fewest tried .* which reached ([\d.]+) %", text)
    assert found is not None, text
    # then it is what the application keeps, give or take a packet late on a busy machine, and it was run
    assert 10 <= int(found[1]) <= 399
    assert float(found[2]) >= 60
    (check,) = sorted((tmp_path / "swept" / "runs").glob(f"check-1-{found[1]}"))
    assert read_record(check).run.scenario.pool.slots == int(found[1])
    # and the figure lies beside the report that shows it
    assert "figures/hit_rate.svg" in text
    assert (tmp_path / "swept" / "figures" / "hit_rate.svg").read_text().startswith("<svg")
    # the small pool missed, the large one did not, and neither is a failure
    assert done.returncode in (0, 4)
    rates = [json.loads((tmp_path / "swept" / "runs" / n / "result.json").read_text()) for n in ("001", "002")]
    assert rates[0]["totals"]["pool.misses"] > 0
    assert rates[1]["totals"]["pool.misses"] == 0


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL to a process group")
def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    # given a sweep that is killed in its second run
    sweep = subprocess.Popen(
        [sys.executable, "-m", "zcbench", *SWEEP, "--no-check"],
        cwd=tmp_path, env=clean_environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    runs = tmp_path / "swept" / "runs"
    until = time.monotonic() + 60
    while not (runs / "002" / "samples.csv").is_file():
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.wait()
    first = (runs / "001" / "samples.csv").read_bytes()
    # when it goes on
    done = program("sweep", "--resume", "swept", "--quiet", cwd=tmp_path)
    # then the first run was not made again, the second was, and what was begun of it is kept
    assert done.stdout.strip().endswith("sweep.md"), done.stderr
    assert (runs / "001" / "samples.csv").read_bytes() == first
    assert read_record(runs / "002").result is not None
    assert (runs / "002-unfinished-1" / "run.json").is_file()
    assert "no run checked it" in (tmp_path / "swept" / "sweep.md").read_text(encoding="utf-8")


def test_a_dry_run_lists_the_runs_and_makes_nothing(invoke: Invoke, here: Path) -> None:
    done = invoke("sweep", "--vary", "pool.slots=1,2,3", "--dry-run")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [f"00{n}  pool.slots={n}" for n in (1, 2, 3)]
    assert "3 runs in turn, about" in done.stderr
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "a sweep needs at least one"),
        (("--vary", "pool.slots=1,2", "--target", "120%"), "--target '120%': not a hit rate"),
        (("--vary", "pool.slots=1,2", "--target", "most"), "--target 'most': not a hit rate"),
        (("--vary", "pool.slot=1"), "unknown key; did you mean 'pool.slots'?"),
        (("--resume", "nowhere"), "nowhere: no sweep (no sweep.json)"),
        (("--resume", "x", "--vary", "pool.slots=1"), "leave everything else out"),
    ],
)
def test_what_cannot_be_swept_is_said_before_anything_is_made(
    invoke: Invoke, here: Path, arguments: tuple[str, ...], problem: str
) -> None:
    done = invoke("sweep", *arguments)
    assert done.exit_code == 2
    assert problem in done.stderr
    assert list(here.iterdir()) == []


def test_a_sweep_does_not_write_over_another(invoke: Invoke, here: Path) -> None:
    (here / "swept").mkdir()
    (here / "swept" / "sweep.json").write_text("{}")
    done = invoke("sweep", "--vary", "pool.slots=1,2", "--out", "swept")
    assert done.exit_code == 2
    assert "go on with --resume" in done.stderr
    shutil.rmtree(here / "swept")
