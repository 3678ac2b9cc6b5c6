"""Sound things, to be damaged: records of every kind, scenarios, tables, a plan."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from tests.records import scenario, write_record
from zcbench.record.schema import End, Ending
from zcbench.scenario import ConsumerTable, Expectation, Scenario, shipped, to_toml
from zcbench.sweep.journal import PlannedRun, Sweep, write_plan
from zcbench.sweep.plan import parse_axis, plan

EXAMPLES = Path(__file__).parents[1] / "record" / "examples"
CSV = b"time,rss_bytes,heap_mib,packets,pool.hits\n" + b"".join(
    b"%d,%d,%d,%d,10\n" % (second, 10**6 + second, 20 + second % 3, 100 * second) for second in range(12)
)
JSON_LINES = b"".join(
    b'{"time": %d, "rss_bytes": %d, "packets": %d}\n' % (second, 10**6 + second, 100 * second)
    for second in range(12)
)


def records(folder: Path) -> list[Path]:
    """Runs: sound (the first), with a hold time and expectations, cut off, crashed, and of each schema."""
    expected = (
        Expectation(that="p99(latency, last=5s) < 20ms"),
        Expectation(that="rss < 1 GiB for=3s"),
    )
    held = scenario(consumer=ConsumerTable(kind="hold"), expect=expected)
    crash = End(ending=Ending.CRASHED, signal="SIGSEGV", elapsed_s=10.0, traceback="Fatal\n  here")
    return [
        write_record(folder / "sound", rows=10),
        write_record(folder / "held", held, rows=12),
        write_record(folder / "partial", partial=True, rows=8),
        write_record(folder / "crashed", packets=1000, ending=crash, rows=8),
        *sorted(EXAMPLES.iterdir()),
    ]


def page() -> bytes:
    """A small page with values of each kind, and laws."""
    from zcbench.page import layout
    from zcbench.page.writer import PageWriter

    parts = layout.geometry(16, laws_bytes=512, size=2**16)
    memory = bytearray(layout.header(parts) + bytes(parts.size - layout.HEADER_BYTES))
    page = PageWriter(memoryview(memory))
    page.total("pool.hits", "acquires", "producer").add(12)
    page.total("pool.misses", "acquires", "producer").add(3)
    page.gauge("pool.in_flight", "leases").set(-2)
    page.gauge("never.set", "things")
    page.constant("pool.slots", "slots", 16)
    page.histogram("hold_ns").record(1_000)
    page.law("pool.hits >= pool.misses")
    return bytes(memory)


def scenarios() -> list[str]:
    """The shipped scenarios, and one with every key."""
    return [s.path.read_text(encoding="utf-8") for s in shipped()] + [to_toml(Scenario())]


def audio() -> list[bytes]:
    """A tenth of a second in each of the containers and codecs that people use."""
    tone = 0.5 * np.sin(np.arange(4800) / 10).reshape(2400, 2)
    kinds = (
        *(("WAV", codec) for codec in ("PCM_16", "FLOAT", "MS_ADPCM")),
        *((container, "PCM_16") for container in ("RF64", "AIFF", "CAF", "AU", "FLAC")),
        *(("W64", "PCM_24"), ("OGG", "VORBIS")),
    )
    files = []
    for container, codec in kinds:
        made = io.BytesIO()
        soundfile.write(made, tone, 48_000, subtype=codec, format=container)
        files.append(made.getvalue())
    return files


def sweep(directory: Path) -> Path:
    """The plan of a sweep of two runs."""
    runs = plan("crash-debug", [parse_axis("pool.slots=10,20")])
    planned = [PlannedRun(name=run.name, values=run.values) for run in runs]
    write_plan(
        directory,
        Sweep(scenario="crash-debug", target=0.99, check=True, axes=["pool.slots"], runs=planned),
        runs,
    )
    return directory
