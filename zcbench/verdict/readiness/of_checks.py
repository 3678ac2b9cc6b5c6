"""Items that the checks of the runs answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zcbench.verdict.check import Check
from zcbench.verdict.checks import xruns
from zcbench.verdict.readiness.campaign import Answer, Campaign, Item, findings, is_failure, longer, named

Rule = Callable[[Campaign], Item | None]


def of_checks(title: str, *asked: Check[Any], step: str | None = None) -> Rule:
    """Yes when each of ``asked`` passed in a run and none failed in any; ``step`` is what would show it. None
    where no run could be asked."""

    def item(campaign: Campaign) -> Item | None:
        checks = tuple(check.name for check in asked if _arises(campaign, check.name))
        if not checks:
            return None
        answer, why, remedy = _answer(campaign, checks)
        return Item(title, answer, why, None if answer == "yes" else remedy or longer(campaign, step))

    return item


def _arises(campaign: Campaign, check: str) -> bool:
    """Whether a run was asked this, or nobody knows; a subject without packets is not asked about packets."""
    found = [finding for _, finding in findings(campaign.sound, check)]
    return not found or any(finding.lacks is None for finding in found)


def _answer(campaign: Campaign, checks: tuple[str, ...]) -> tuple[Answer, str, str | None]:
    """The answer, the finding that gives it, and its remedy."""
    found = [(run, f) for run, f in findings(campaign.sound, *checks) if f.lacks is None]
    failed = [(run, finding) for run, finding in found if is_failure(finding)]
    if failed:
        run, finding = failed[0]
        others = [run for run, _ in failed[1:] if run is not failed[0][0]]
        also = f" (also in {named(others)})" if others else ""
        return "no", f"{run.name}: {finding.sentence}{also}", finding.remedy
    for check in checks:
        if not any(f.check == check and f.outcome == "pass" for _, f in found):
            undecided = next(((r, f) for r, f in found if f.check == check), None)
            if undecided is None:
                return "not shown", "no run asked for it", None
            run, finding = undecided
            return "not shown", f"{run.name}: {finding.sentence}", finding.remedy
    passed = [(run, finding) for run, finding in found if finding.outcome == "pass"]
    run, _ = passed[0]
    said = "; ".join(finding.sentence for other, finding in passed if other is run)
    return "yes", f"in {_share(campaign, checks)}; {run.name}: {said}", None


def _share(campaign: Campaign, checks: tuple[str, ...]) -> str:
    """ "4 of 5 runs": those in which every one of ``checks`` passed."""
    whole = [
        run
        for run in campaign.sound
        if all(any(f.outcome == "pass" for _, f in findings([run], check)) for check in checks)
    ]
    return f"{len(whole)} of {len(campaign.sound)} runs"


def no_sound_was_lost(campaign: Campaign) -> Item | None:
    """Whether devices ran over or under; None where there was none and nobody counted such a thing."""
    asked = [f for _, f in findings(campaign.sound, xruns.CHECK.name) if f.outcome != "skipped"]
    if not asked:
        return None
    step = "`zcbench run device-30s`, with a larger buffer or less beside it"
    return of_checks(xruns.CHECK.item or "", xruns.CHECK, step=step)(campaign)


def expectations_hold(campaign: Campaign) -> Item:
    """What the scenarios expect; nothing hangs on it where they expect nothing."""
    title = "What the scenarios expect came true"
    found = [
        (run, finding)
        for run in campaign.sound
        for finding in run.result.findings
        if finding.check.startswith("expect: ")
    ]
    if not found:
        packets = any(run.record.can("packets") for run in campaign.sound)
        example = "drops == 0" if packets else "rss < 100MiB"
        return Item(
            title,
            "not shown",
            "no scenario expects anything",
            f"say what must hold: --expect '{example}'",
            required=False,
        )
    wrong = [(run, f) for run, f in found if is_failure(f)]
    if wrong:
        run, finding = wrong[0]
        return Item(title, "no", f"{run.name}: {finding.sentence}", f"see {finding.check} in its report")
    answered = {finding.check for _, finding in found if finding.outcome in ("pass", "fail")}
    for run, finding in found:
        if finding.check not in answered:
            return Item(title, "not shown", f"{run.name}: {finding.sentence}", finding.remedy)
    warned = [run for run, finding in found if finding.outcome == "fail"]
    held = sum(finding.outcome == "pass" for _, finding in found)
    why = f"{held} of {len(found)} in {len(campaign.sound)} runs"
    return Item(title, "yes", why + (f"; {named(warned)} only warned" if warned else ""))
