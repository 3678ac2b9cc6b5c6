"""A bug of a user's own, planted as ours are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import program

YOUR_CONSUMER = Path(__file__).parents[2] / "docs" / "your-consumer.md"


def test_the_documented_bug_is_called_by_its_name(tmp_path: Path) -> None:
    _, code = re.findall(r"```python\n(.*?)```", YOUR_CONSUMER.read_text("utf-8"), re.DOTALL)
    (tmp_path / "my_fault.py").write_text(code, "utf-8")
    # when it is one trial of the selftest
    done = program("selftest", "my_fault:FAULT", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    # then its check gives its cause
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hoards" in done.stdout
    # and one that names another cause is found out
    (tmp_path / "my_fault.py").write_text(code.replace("leases_left", "slots_lost"), "utf-8")
    done = program("selftest", "my_fault:FAULT", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("FAULT = 3", "is no Fault"),
        ("from zcbench.faults import Fault\nFAULT = Fault('a', 'b')", "plants nothing"),
        ("import os\nos._exit(0)", "the process that imported it left with exit code 0"),
        ("", "has no attribute 'FAULT'"),
    ],
)
def test_what_is_wrong_with_it_is_told_before_the_run(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "my_fault.py").write_text(text, "utf-8")
    arguments = ("run", "--duration", "1s", "--fault", "my_fault:FAULT")
    done = program(*arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "reports").exists()
