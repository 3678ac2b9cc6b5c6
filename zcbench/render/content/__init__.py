"""What a report of one run says, once for all formats: :func:`sections` after verdict and findings."""

from __future__ import annotations

from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content import (
    environment,
    events,
    harness,
    lifecycle,
    memory,
    pool,
    profile,
    results,
    unmeasured,
)
from zcbench.render.content.document import Section

_SECTIONS = (
    results.section,
    pool.section,
    profile.section,
    memory.section,
    lifecycle.section,
    events.section,
    unmeasured.section,
    environment.section,
    harness.section,
    environment.reproduction,
)


def sections(record: Record, result: Result) -> list[Section]:
    """The sections in order; those with nothing to say are left out."""
    made = (make(record, result) for make in _SECTIONS)
    return [section for section in made if section is not None]
