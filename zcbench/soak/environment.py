"""The machine and the software of a run; nothing that names a person, a host or a path."""

from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version

import psutil

from zcbench.record.schema import FREE_THREADED, Environment

_PACKAGES = ("numpy", "psutil", "sounddevice", "soundfile")


def environment() -> Environment:
    """Collect it; what cannot be found is null."""
    git = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain")
    return Environment(
        system=f"{platform.system()} {platform.release()}",
        machine=platform.machine(),
        processor=_processor(),
        cores=psutil.cpu_count(),
        memory_bytes=psutil.virtual_memory().total,
        python=f"{platform.python_implementation()} {platform.python_version()}{_threading()}",
        zcbench=version("zcbench"),
        packages={name: found for name in _PACKAGES if (found := _version(name))},
        portaudio=_portaudio(),
        git_commit=git,
        git_dirty=None if status is None else bool(status),
    )


def _threading() -> str:
    return f" {FREE_THREADED}" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor()


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _portaudio() -> str | None:
    """PortAudio's version if sounddevice was imported (the device source does so); never imports it."""
    sounddevice = sys.modules.get("sounddevice")
    return None if sounddevice is None else str(sounddevice.get_portaudio_version()[1])
