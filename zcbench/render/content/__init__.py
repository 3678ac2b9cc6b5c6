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
    own,
    pool,
    profile,
    results,
    unmeasured,
)
from zcbench.render.content.document import Section
from zcbench.render.content.measured import measured

_SECTIONS = (
    results.section,
    pool.section,
    profile.section,
    memory.section,
    own.section,
    lifecycle.section,
    events.section,
    unmeasured.section,
    environment.section,
    harness.section,
    environment.reproduction,
)


def sections(record: Record, result: Result) -> list[Section]:
    """The sections in order; those with nothing to say are left out."""
    made = [section for make in _SECTIONS if (section := make(record, result)) is not None]
    if record.can("worker") and record.can("packets"):
        return made  # of an engine of ours, what is not there should be
    return [kept for section in made if (kept := measured(section)) is not None]
