"""The probes that subject.probes may name: malloc's, and one for each runtime."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from zcbench.scenario.tables import AUTO_PROBES, MALLOC_PROBE, SubjectTable

# Folders of probes that read what every process has.
_OF_ALL = frozenset({MALLOC_PROBE, "processes"})


@cache
def runtimes() -> tuple[str, ...]:
    """The names of the runtimes that can be read: each is a folder beside the other probes."""
    # They lie above this room, and are looked at, not imported.
    packages = (Path(__file__).parent.parent / "probes").glob("*/__init__.py")
    return tuple(sorted(one.parent.name for one in packages if one.parent.name not in _OF_ALL))


def probe_names() -> tuple[str, ...]:
    """All that can be asked for by name."""
    return (MALLOC_PROBE, *runtimes())


def named(table: SubjectTable) -> tuple[str, ...]:
    """The names that ``table`` asks for, "v8,malloc" taken apart, as they were given."""
    return tuple(name for words in table.probes for name in words.split(",") if name)


def wanted(table: SubjectTable) -> frozenset[str]:
    """The probes that ``table`` asks for."""
    names = frozenset(named(table))
    return frozenset(probe_names()) if AUTO_PROBES in names else names
