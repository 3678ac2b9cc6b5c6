"""Only one process makes the runs of a sweep: two would put each other's live run aside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zcbench.sweep.journal import held
from zcbench.sweep.plan import SweepError

HOLD = """
import sys
from pathlib import Path
from zcbench.sweep.journal import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_sweep_that_another_process_is_making_is_left_alone_until_that_ends(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(SweepError, match="another zcbench"), held(tmp_path):
            pass
        # however it ends
        other.kill()
    with held(tmp_path):
        pass
