"""Is it ready? A checklist over the runs of a campaign, every item computed from their findings.

A report once said "production ready" of a pool that never got a slot back. Here nobody types that in: an
item is "yes" only when a run shows it, "no" when a run shows the opposite, and otherwise "not shown".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zcbench.verdict import theirs
from zcbench.verdict.check import Check
from zcbench.verdict.checks import CHECKS, recycling, xruns
from zcbench.verdict.readiness import of_runs
from zcbench.verdict.readiness.campaign import Answer, Campaign, Item, Judged
from zcbench.verdict.readiness.of_checks import expectations_hold, no_sound_was_lost, of_checks

__all__ = ["ITEMS", "Answer", "Campaign", "Item", "Judged", "Readiness", "assess"]

_LONGER = "`zcbench run stability-5min`"
Rule = Callable[[Campaign], Item | None]

# What takes more than the findings of checks, behind the item of this check.
_BEHIND = {recycling.CHECK.name: of_runs.pool_is_large_enough}


def _answered_by(checks: Sequence[Check[Any]]) -> Iterator[Rule]:
    """The items that ``checks`` answer, each where the last of its checks stands."""
    for number, check in enumerate(checks):
        if check is xruns.CHECK:
            yield no_sound_was_lost
        elif check.item and not any(later.item == check.item for later in checks[number + 1 :]):
            yield of_checks(check.item, *(one for one in checks if one.item == check.item), step=_LONGER)
        if check.name in _BEHIND:
            yield _BEHIND[check.name]


ITEMS: tuple[Rule, ...] = (
    of_runs.all_pass,
    of_runs.what_failed_passes,
    *_answered_by(CHECKS),
    expectations_hold,
    of_runs.long_enough,
    of_runs.one_subject,
    of_runs.packets_are_kept,
    of_runs.survives_a_small_pool,
    of_runs.a_device_was_tried,
    of_runs.checks_can_fail,
)


@dataclass(frozen=True)
class Readiness:
    """The checklist, and what follows from it."""

    items: tuple[Item, ...]

    @property
    def answer(self) -> Answer:
        """Whether it is ready: "no" by one item's no, "yes" only when every required item is."""
        if any(item.answer == "no" for item in self.items):
            return "no"
        return "yes" if all(i.answer == "yes" for i in self.items if i.required) else "not shown"

    @property
    def sentence(self) -> str:
        """The answer's reason."""
        wrong = [item for item in self.items if item.answer == "no"]
        open_ = [item for item in self.items if item.answer == "not shown"]
        if wrong:
            more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            return f"{wrong[0].title}: no, {wrong[0].why}{more}"
        required = [item for item in open_ if item.required]
        if required:
            more = f", and {len(required) - 1} more" if len(required) > 1 else ""
            return f"{required[0].title}: not shown, {required[0].why}{more}"
        shown = sum(item.answer == "yes" for item in self.items)
        rest = f"; not shown, and not required: {', '.join(i.title for i in open_)}" if open_ else ""
        return f"{shown} of {len(self.items)} items are shown, none is refuted{rest}"

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do next, the most pressing first, each once; never empty."""
        pressing = sorted(
            (item for item in self.items if item.answer != "yes"),
            key=lambda item: (item.answer != "no", not item.required),
        )
        steps = tuple(dict.fromkeys(item.step for item in pressing if item.step))
        return steps or (
            "keep these runs: nightly ones can be held against them (`zcbench run --baseline DIR`)",
        )


def assess(campaign: Campaign) -> Readiness:
    """Answer every item that applies to ``campaign``."""
    answered = (item(campaign) for item in (*ITEMS, *_answered_by(theirs.installed())))
    return Readiness(tuple(item for item in answered if item is not None))
