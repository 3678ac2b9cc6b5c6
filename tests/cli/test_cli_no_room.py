"""A run that cannot be begun, or whose record is gone at its end: a sentence, and exit code 3."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import clean_environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ulimit and open files deleted are POSIX")
RUN = f"{sys.executable} -m zcbench run crash-debug --duration 300ms --quiet --report json --out run"


@pytest.mark.parametrize("limit", ["-f 8", "-f 1", "-n 9"])
def test_too_little_of_anything_is_a_sentence(tmp_path: Path, limit: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"ulimit {limit}; {RUN}"],
        cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]


def test_a_run_directory_that_is_deleted_meanwhile_is_no_usage_error(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "zcbench",
        "run",
        "--duration",
        "60s",
        "--quiet",
        "--out",
        "run",
    ]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "run" / "worker.jsonl").exists():
        assert running.poll() is None
        time.sleep(0.02)
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 3, said
    assert "Traceback" not in said
