"""What a subject can be asked about: what was promised of it, and what its record has readings of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from tests.records import make_record
from zcbench.record.capabilities import SubjectInfo, capabilities_of
from zcbench.record.reader import Record


def as_command(record: Record, *promised: str, keep: tuple[str, ...] = ()) -> Record:
    """``record`` as that of a command that has readings of the columns ``keep`` alone."""
    info = SubjectInfo(kind="command", title="sleep 60", capabilities=promised)
    samples = {
        name: values if name in keep else np.full_like(values, np.nan)
        for name, values in record.samples.items()
    }
    run = msgspec.structs.replace(record.run, subject=info)
    return replace(record, run=run, samples=samples, board=None)


def test_an_engine_can_be_asked_about_everything_that_a_worker_counts(tmp_path: Path) -> None:
    record = make_record(tmp_path)
    assert record.capabilities >= {"packets", "pool", "payload", "heap", "processes", "ending", "worker"}


def test_a_command_can_be_asked_about_what_it_has_readings_of(tmp_path: Path) -> None:
    record = make_record(tmp_path)
    plain = as_command(record, keep=("elapsed_s", "rss_bytes"))
    assert plain.capabilities == {"processes", "files", "ending"}
    pooled = as_command(record, keep=("elapsed_s", "rss_bytes", "pool.hits"))
    assert pooled.capabilities == {"processes", "files", "ending", "pool"}
    assert pooled.can("packets", "pool")
    assert not pooled.can("packets", "payload")


def test_what_was_promised_is_asked_for_even_if_no_reading_came(tmp_path: Path) -> None:
    record = as_command(make_record(tmp_path), "packets", keep=("elapsed_s",))
    assert record.can("packets")


def test_capabilities_show_in_the_names_of_what_is_measured() -> None:
    assert capabilities_of(["rss_bytes", "engine.captured", "pool.hits"]) == ("packets", "pool", "processes")
    assert capabilities_of(["elapsed_s", "due"]) == ()
