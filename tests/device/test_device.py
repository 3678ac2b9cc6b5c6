"""A real PortAudio device, captured by the native callback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from tests.device.pulse import Pulse

CAPTURE = Path(__file__).with_name("capture.py")


def zcbench(device: Pulse, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "zcbench", *arguments],
        env=device.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_samples_of_the_known_file_are_in_the_captured_packets(
    capture_device: Pulse, tmp_path: Path
) -> None:
    # Given a device that plays a known file
    known, _ = soundfile.read(capture_device.known, dtype="float32", always_2d=True)
    # When packets are captured from it
    saved = tmp_path / "captured.npy"
    done = subprocess.run(
        [sys.executable, str(CAPTURE), str(saved)],
        env=capture_device.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    captured = np.load(saved)
    # Then a second of them is a second of the file, sample for sample
    heard = np.flatnonzero(np.abs(captured[:, 0]) > 0)
    assert heard.size > 48_000
    start = int(heard[-48_000])
    second = captured[start : start + 40_000]
    places = np.flatnonzero((known[:, 0] == second[0, 0]) & (known[:, 1] == second[0, 1]))
    looped = np.concatenate([known, known])
    assert any(np.array_equal(looped[p : p + len(second)], second) for p in places)


def test_a_run_from_a_device_delivers_what_is_due(capture_device: Pulse, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = zcbench(
        capture_device,
        "run",
        "device-30s",
        "--device",
        "zc",
        "--duration",
        "4s",
        "--out",
        str(out),
        "--report",
        "json",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    outcomes = {finding["check"]: finding["outcome"] for finding in result["findings"]}
    assert outcomes["delivery"] == "pass"
    assert outcomes["integrity"] == "pass"
    # The stream lasts what was asked for, however long the device took to open.
    assert 400 <= result["totals"]["engine.delivered"] <= 420


def test_the_device_is_listed(capture_device: Pulse) -> None:
    done = zcbench(capture_device, "devices")
    assert done.returncode == 0
    assert "zc" in done.stdout


def test_an_unknown_device_is_an_error_that_lists_those_there_are(
    capture_device: Pulse, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = zcbench(capture_device, "run", "--source", "device", "--device", "no such thing", "--out", str(out))
    assert done.returncode == 2
    assert "no such thing" in done.stderr
    assert "zc" in done.stderr
    assert not out.exists()


def test_a_format_the_device_refuses_is_an_error(capture_device: Pulse, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = zcbench(
        capture_device,
        "run",
        "--source",
        "device",
        "--device",
        "zc",
        "--channels",
        "64",
        "--out",
        str(out),
    )
    assert done.returncode == 2
    assert "64 channels" in done.stderr
    assert not out.exists()
