"""Columns that say whose a row is, by what they are called."""

from __future__ import annotations

import re

# What a column is called that says whose row it is, where its format does not know.
_LABELS = re.compile(
    r"(pid|process[ _]?id|tgid|daemon|process([ _]?name)?|proc|name|comm|command|cmd|program|service|"
    r"container([ _]?(id|name))?|pod|host(name)?|instance|image[ _]?name|unit|worker|app|label|job|node|device|"
    r"gpu|thread[ _]?(id|name)?|tid|user)",
    re.IGNORECASE,
)
# Columns whose change says that the subject began anew.
_IDENTITY = re.compile(
    r"(pid|process[ _]?id|tgid|start([ _]?time)?|started([ _]?at)?|process_start_time_seconds|boot[ _]?id)",
    re.IGNORECASE,
)


def is_label(column: str) -> bool:
    """Whether a column so called says whose row it is."""
    return _LABELS.fullmatch(column) is not None or is_identity(column)


def is_identity(column: str) -> bool:
    """Whether the subject began anew where a column so called changes."""
    return _IDENTITY.fullmatch(column) is not None
