"""Capturing a real device beside busy Python threads: zcbench, a sounddevice callback, rtmixer.

``python benchmarks/gil_hogs.py`` plays a known file into a PulseAudio null sink (tests/device/pulse.py) and
captures it in all three ways, each in a process of its own with 0, 1, 4 and 16 threads of pure Python that
never give up the GIL by themselves. "Behind" is what was due and the callback had not taken by the end: it
lies in the server's buffer until that is full, and is lost with the stream. With ``--device`` it captures an
input of this machine instead, without looking for holes. The table is Markdown, on stdout; ``--json FILE``
keeps the numbers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script: the checkout

from tests.device.pulse import RATE, available, pulse

CAPTURE = Path(__file__).with_name("gil_hogs_capture.py")
WAYS = {"zcbench": "zcbench", "sounddevice": "sounddevice", "rtmixer": "rtmixer"}
HEADER = (
    "| GIL hogs | captured by | frames due | taken by the callback | behind | read by Python in time | "
    "holes in what was read | flagged | callback p50 | p99 | p99.9 | max |\n"
    "|--:|:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)


@contextlib.contextmanager
def _device(name: str | None) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Device, environment and arguments: the one that is named, or a null sink that plays a known file."""
    if name is not None:
        yield name, dict(os.environ), []
        return
    if not available():
        sys.exit("gil_hogs: needs pulseaudio and pulseaudio-utils (Debian), or --device NAME")
    with tempfile.TemporaryDirectory() as scratch, pulse(Path(scratch)) as started:
        yield "zc", started.environment, ["--known", str(started.known)]


def _measure(
    way: str, hogs: int, device: str, environment: dict[str, str], arguments: list[str]
) -> dict[str, Any]:
    command = [sys.executable, str(CAPTURE), way, "--device", device, "--hogs", str(hogs)]
    done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"gil_hogs: {way} beside {hogs} hogs: {done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return {"way": way, "hogs": hogs, **found}


def row(cell: dict[str, Any]) -> str:
    """A line of the table."""
    due = cell["due_frames"]

    def share(frames: int) -> str:
        return f"{frames:,} ({frames / due:.1%})"

    holes = "–"
    if "hole_frames" in cell:
        holes = f"{cell['hole_frames']:,} frames in {cell['hole_holes']}"
    times = [
        f"{us:,.1f} µs" if us < 10 else f"{us:,.0f} µs" for us in cell.get("callback_us", {}).values()
    ] or ["–"] * 4
    return (
        f"| {cell['hogs']} | {cell['way']} | {due:,} | {share(cell['captured_frames'])} | "
        f"{max(0, due - cell['captured_frames']) / RATE:.2f} s | {share(cell['delivered_frames'])} | {holes} | "
        f"{cell['flags']} | {' | '.join(times)} |"
    )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hogs", default="0,1,4,16", help="numbers of busy threads")
    parser.add_argument("--seconds", default="30", help="of each measurement")
    parser.add_argument("--frames", default="480", help="of a block")
    parser.add_argument("--latency", default="low", choices=("low", "high"))
    parser.add_argument("--device", help="a PortAudio input, in place of the null sink")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    arguments = parser.parse_args()
    ways = []
    for way, package in WAYS.items():
        try:
            version(package)
            ways.append(way)
        except PackageNotFoundError:
            print(f"gil_hogs: {way} is not measured: pip install {package}", file=sys.stderr)
    cells: list[dict[str, Any]] = []
    print(HEADER)
    with _device(arguments.device) as (device, environment, known):
        options = [*known, "--seconds", arguments.seconds, "--latency", arguments.latency]
        options += ["--frames", arguments.frames]
        for hogs in map(int, arguments.hogs.split(",")):
            random.shuffle(ways)
            found = [_measure(way, hogs, device, environment, options) for way in ways]
            for cell in sorted(found, key=lambda cell: list(WAYS).index(cell["way"])):
                print(row(cell), flush=True)
                cells.append(cell)
    if arguments.json:
        versions = {package: version(package) for way, package in WAYS.items() if way in ways}
        arguments.json.write_text(
            json.dumps(
                {
                    "versions": versions,
                    "frames": int(arguments.frames),
                    "latency": arguments.latency,
                    "cells": cells,
                },
                indent=1,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
