"""A real, paced capture device without hardware: a private PulseAudio server with a null sink.

``python -m tests.device.pulse -- COMMAND`` runs COMMAND with a known file playing into the sink, and an ALSA
device ``zc`` that captures the sink's monitor, so that PortAudio sees it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RATE = 48_000
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Pulse:
    """``environment`` makes programs use the server; ``known`` is the WAV that plays into it, looped."""

    environment: dict[str, str]
    known: Path


def available() -> bool:
    """Whether PulseAudio is installed here."""
    return all(shutil.which(program) for program in ("pulseaudio", "pactl", "paplay"))


@contextlib.contextmanager
def pulse(folder: Path) -> Iterator[Pulse]:
    """Start the server in ``folder``, play the known file, and stop both at the end."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    (folder / ".asoundrc").write_text('pcm.zc { type pulse device "zc.monitor" }\n')
    known = folder / "known.wav"
    # Noise never repeats: any 100 frames of it are found at one place only. 16 bits survive the way exactly.
    noise = np.random.default_rng(20).integers(-(2**14), 2**14, (RATE * 20, 2), dtype=np.int16)
    soundfile.write(known, noise, RATE)
    environment = os.environ | {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(runtime),
        "PULSE_RUNTIME_PATH": str(runtime / "pulse"),
        "PULSE_STATE_PATH": str(folder / "state"),
    }
    environment.pop("PULSE_SERVER", None)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            _running(
                ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit",
                 "-L", f"module-null-sink sink_name=zc rate={RATE} channels=2 format=float32le",
                 "-L", "module-native-protocol-unix"],
                environment,
            )
        )  # fmt: skip
        _await_source(server, environment)
        stack.enter_context(_running(["sh", "-c", f"while paplay -d zc '{known}'; do :; done"], environment))
        yield Pulse(environment, known)


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(PATIENCE_S)


def _await_source(server: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        listed = subprocess.run(
            ["pactl", "list", "short", "sources"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if "zc.monitor" in listed.stdout:
            return
        time.sleep(0.1)
    raise RuntimeError("the PulseAudio server did not come up")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, pulse(Path(scratch)) as started:
        arguments = sys.argv[sys.argv.index("--") + 1 :]
        sys.exit(subprocess.run(arguments, env=started.environment, check=False).returncode)
