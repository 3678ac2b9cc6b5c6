"""Busy Python threads beside a real device: the native callback loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.device.pulse import Pulse

CAPTURE = Path(__file__).parents[2] / "benchmarks" / "gil_hogs_capture.py"


def test_the_callback_takes_every_frame_beside_sixteen_threads_that_keep_the_gil(
    capture_device: Pulse,
) -> None:
    # given a device that plays a known file, and threads of pure Python in the capturing process
    arguments = ["--device", "zc", "--hogs", "16", "--seconds", "4"]
    # when it is captured
    done = subprocess.run(
        [sys.executable, str(CAPTURE), "zcbench", *arguments, "--known", str(capture_device.known)],
        env=capture_device.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    # then no frame of the file is missing in what was read, and none was dropped
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["hole_frames"] == 0
    assert found["dropped_frames"] == 0
    # and the callback was not kept waiting: it took what was due, but for a buffer of the server's
    assert found["captured_frames"] > 0.9 * found["due_frames"]
