"""Columns that say whose a row is, by what they are called."""

from __future__ import annotations

import re

# What a column is called that says whose row it is, where its format does not know.
_LABELS = re.compile(
    r"(id|pid|process[ _]?id|tgid|daemon|process([ _]?name)?|proc|name|comm|command|cmd|program|service|"
    r"container([ _]?(id|name))?|pod|host(name)?|instance|image[ _]?name|unit|worker|app|label|job|node|device|"
    r"gpu|thread[ _]?(id|name)?|tid|user)",
    re.IGNORECASE,
)
# Columns whose change says that the subject began anew.
_IDENTITY = re.compile(
    r"(pid|process[ _]?id|tgid|start([ _]?time)?|started([ _]?at)?|process_start_time_seconds|boot[ _]?id)",
    re.IGNORECASE,
)
# Columns that count the time since the subject began.
_UPTIME = re.compile(
    r"(proc(ess)?[ _.]?)?(up[ _]?time|etimes?)([ _]?(in[ _])?(s|secs?|seconds|ms|min|minutes|h|hours))?",
    re.IGNORECASE,
)


def is_uptime(column: str) -> bool:
    """Whether a column so called falls to near zero where the subject began anew."""
    return _UPTIME.fullmatch(column) is not None


def is_label(column: str) -> bool:
    """Whether a column so called says whose row it is."""
    return _LABELS.fullmatch(column) is not None or is_identity(column)


def is_identity(column: str) -> bool:
    """Whether the subject began anew where a column so called changes."""
    return _IDENTITY.fullmatch(column) is not None
