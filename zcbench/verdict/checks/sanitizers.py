"""Did a tool that the subject runs under report a fault?"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from zcbench.record.schema import Event, EventKind, Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Facts

# What ends a program, or makes it wrong, goes before what it only loses.
_WORST = ("bad_access", "undefined", "uninitialised", "race", "lost_blocks")
_SHOWN = 3  # reports, in one sentence


class _Facts(Facts):
    @cached_property
    def reports(self) -> list[Event]:
        """The worst first."""
        found = [event for event in self.record.events if event.kind == EventKind.SANITIZER]
        return sorted(found, key=lambda event: _WORST.index(_cause(event)))


def _cause(event: Event) -> str:
    cause = event.data.get("cause")
    return cause if cause in _WORST else _WORST[0]


def _none(facts: _Facts) -> Finding | None:
    return None if facts.reports else CHECK.not_asked("reports")


def _reported(facts: _Facts) -> Finding:
    first = facts.reports[0]
    shown = list(dict.fromkeys(event.message for event in facts.reports))
    more = f"; and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    lost = [event for event in facts.reports if _cause(event) == "lost_blocks"]
    return CHECK.failed(
        "; ".join(shown[:_SHOWN]) + more,
        {
            "reports": len(facts.reports),
            "tool": _text(first.data.get("tool")),
            "fault": _text(first.data.get("fault")),
            "where": _text(first.data.get("where")),
            "lost_bytes": sum(_whole(event.data.get("bytes")) for event in lost) if lost else None,
            "lost_blocks": sum(_whole(event.data.get("blocks")) for event in lost) if lost else None,
        },
        cause=_cause(first),
        remedy=_remedy(first),
    )


def _remedy(first: Event) -> str:
    where = _text(first.data.get("where"))
    if where is not None:
        return (
            f"mend {where}; the whole report, with its stacks, is in subject.log, or in the log it was sent to"
        )
    if _text(first.data.get("tool")) == "Valgrind" and _cause(first) == "lost_blocks":
        return "let Valgrind say where: valgrind --leak-check=full"
    return "build it with -g for the place; the whole report, with its stacks, is in subject.log"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


CHECK = Check(
    name="sanitizers",
    question="Did a sanitizer, Valgrind or Go's race detector report a fault of the program under it?",
    facts=_Facts,
    rules=(_none, _reported),
    causes={
        "bad_access": "it reads, writes or frees memory that is not its own",
        "undefined": "it does what the language leaves undefined",
        "uninitialised": "what it does depends on memory that nobody wrote",
        "race": "two threads use the same memory, or the same locks, without an order",
        "lost_blocks": "memory was lost: nothing points to it any more",
    },
    meaning="a tool that sees more than any test has found a fault in it",
    figure="rate",
    moment=moments.end,
    item="Every run ended normally",
)
