"""The command line, called in this process for what ends before a run, and as a program for runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from zcbench.cli import cli

Invoke = Callable[..., Result]
HOSTILE = Path(__file__).parents[1] / "soak"


class PortAudioError(Exception):
    """What sounddevice raises when PortAudio refuses."""


def program(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m zcbench`` in ``cwd``, with no ZCBENCH_* variable but those given."""
    return subprocess.run(
        [sys.executable, "-m", "zcbench", *map(str, arguments)],
        cwd=cwd,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("ZCBENCH_")}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no ZCBENCH_* variables from outside."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("ZCBENCH_")]:
        monkeypatch.delenv(name)
    return folder


@pytest.fixture
def invoke(here: Path) -> Invoke:
    """Calls the command line in this process, from the directory ``here``."""

    def invoke_it(*arguments: object, **variables: str) -> Result:
        return CliRunner(env=variables).invoke(cli, [str(a) for a in arguments])

    return invoke_it


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a short run that passed. Tests copy it before they change it."""
    cwd = tmp_path_factory.mktemp("finished")
    done = program("run", "crash-debug", "--duration", "300ms", "--out", "run", "--quiet", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return cwd / "run"


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sounddevice with two inputs and an output: index 1 takes 48 kHz alone."""
    devices: list[dict[str, Any]] = [
        {"name": "Speakers", "max_input_channels": 0, "default_samplerate": 48_000.0},
        {"name": "Microphone", "max_input_channels": 2, "default_samplerate": 48_000.0},
        {"name": "Line in", "max_input_channels": 8, "default_samplerate": 96_000.0},
    ]
    devices = [d | {"index": i, "hostapi": 0} for i, d in enumerate(devices)]

    def query_devices(device: object = None, kind: object = None) -> Any:
        if kind is None:
            return devices
        for d in devices:
            if d["max_input_channels"] and device in (None, d["index"], d["name"]):
                return d
        raise ValueError(f"No input device matching {device!r}")

    def check_input_settings(*, samplerate: int, **_: object) -> None:
        if samplerate != 48_000:
            raise PortAudioError("Invalid sample rate")

    module = ModuleType("sounddevice")
    module.PortAudioError = PortAudioError  # type: ignore[attr-defined]
    module.query_devices = query_devices  # type: ignore[attr-defined]
    module.query_hostapis = lambda: [{"name": "ALSA"}]  # type: ignore[attr-defined]
    module.check_input_settings = check_input_settings  # type: ignore[attr-defined]
    module.default = type("default", (), {"device": [1, 0]})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)


@pytest.fixture
def no_portaudio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sounddevice that finds no PortAudio library, as on a machine without one."""
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sounddevice.py").write_text('raise OSError("PortAudio library not found")\n')
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, "sounddevice", ModuleType("sounddevice"))
    del sys.modules["sounddevice"]
