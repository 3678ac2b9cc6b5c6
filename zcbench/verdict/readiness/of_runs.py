"""Items that follow from which runs there are, and how their figures stand to each other."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePath

from zcbench.analysis.pool import ENOUGH_HITS, behaviour
from zcbench.comparing.comparability import commit
from zcbench.quantities.units import SHARE, format_count, format_duration
from zcbench.record.capabilities import Capability
from zcbench.scenario.tables import filled
from zcbench.verdict.next_step import next_step
from zcbench.verdict.readiness.campaign import Campaign, Item, Judged, findings, is_failure, longer, named

LONG_S = 3600.0  # of real time in one piece: what shows rare gaps and slow leaks
LEAST_TRIED_S = 25.0  # below, a run is a demonstration


def all_pass(campaign: Campaign) -> Item:
    """No run but one with a planted fault may fail, or stay without a verdict."""
    title = "Every run passed"
    if not campaign.sound:
        return Item(title, "not shown", "no run without a planted fault", "run one: `zcbench run`")
    failed = [run for run in campaign.sound if run.result.verdict == "fail"]
    if failed:
        first = failed[0]
        step = f"{first.name}: {next_step(first.record, first.result)}"
        return Item(title, "no", f"failed: {named(failed)}", step)
    open_ = [run for run in campaign.sound if run.result.verdict != "pass"]
    if open_:
        first = open_[0]
        step = f"{first.name}: {next_step(first.record, first.result)}"
        return Item(title, "not shown", f"inconclusive: {named(open_)}", step)
    total = format_duration(sum(run.length_s for run in campaign.sound))
    return Item(title, "yes", f"{len(campaign.sound)} of {len(campaign.sound)} runs, {total} in all")


def long_enough(campaign: Campaign) -> Item:
    """An hour in one piece, in real time."""
    pace = ", at the pace of real audio" if _has(campaign, "pace") else ""
    title = f"It held for an hour in one piece{pace}"
    step = longer(campaign, "`zcbench run stability-1h`", "1h")
    paced = [run for run in campaign.passing if run.is_paced]
    if not paced:
        return Item(title, "not shown", "no paced run passed", step)
    longest = paced[0]
    why = f"{longest.name}: {format_duration(longest.length_s)}"
    if longest.length_s < LONG_S:
        return Item(title, "not shown", f"the longest that passed is {why}", step)
    return Item(title, "yes", why)


def one_subject(campaign: Campaign) -> Item:
    """All runs are of one commit without changes: else they are evidence for different things."""
    title = "All runs tested the same software"
    unknown = [run for run in campaign.sound if not _knows_what_it_tested(run)]
    if unknown and len(campaign.sound) > 1:
        why = f"no commit is known of what was tested in {named(unknown)}"
        return Item(title, "not shown", why, "run the program in its checkout: `zcbench run -- COMMAND`")
    if unknown:
        return Item(title, "yes", f"there is one run, {unknown[0].name}")
    made_by: dict[str, list[Judged]] = {}
    for run in campaign.sound:
        where = run.record.run.environment
        info = run.record.run
        # What stands for its placeholders is how it was run, not what it is.
        tested = "" if info.subject.kind == "engine" else f"{_command(run, set()) or info.about}, "
        made_by.setdefault(tested + (commit(where) or f"zcbench {where.zcbench}"), []).append(run)
    if not made_by:
        return Item(title, "not shown", "there is no run")
    said = "; ".join(f"{made}: {named(runs)}" for made, runs in made_by.items())
    if len(made_by) > 1:
        return Item(title, "not shown", said, "make all runs again with one commit")
    (made,) = made_by
    if made.endswith("+"):
        return Item(
            title,
            "not shown",
            f"{made[:-1]} with changes that are in no commit",
            "commit, and make all runs again",
        )
    return Item(title, "yes", made)


def _knows_what_it_tested(run: Judged) -> bool:
    """Whether the commit or the version in its record is that of what was tested.

    zcbench's version is that of its engines alone; a log's commit is that of the folder in which it was read.
    """
    info = run.record.run
    if info.subject.kind == "engine":
        return True
    return info.subject.kind != "imported" and info.environment.git_commit is not None


def what_failed_passes(campaign: Campaign) -> Item | None:
    """The checks that failed before pass now; None if there is no "before"."""
    if not campaign.before:
        return None
    title = "What failed before passes now"
    failed = {f.check for run in campaign.before for f in run.result.findings if is_failure(f)}
    if not failed:
        return Item(
            title,
            "not shown",
            f"no check failed in {named(campaign.before)}",
            "name the runs that failed with --before",
            required=False,
        )
    now = {check: [finding for _, finding in findings(campaign.sound, check)] for check in sorted(failed)}
    still = [check for check, found in now.items() if any(is_failure(f) for f in found)]
    if still:
        return Item(title, "no", f"still failing: {', '.join(still)}", f"mend {still[0]}")
    unseen = [c for c, found in now.items() if not any(f.outcome == "pass" for f in found)]
    if unseen:
        return Item(
            title,
            "not shown",
            f"no run shows: {', '.join(unseen)}",
            "make the runs that failed again, as they were",
        )
    return Item(title, "yes", ", ".join(now))


def _has(campaign: Campaign, capability: Capability) -> bool:
    """Whether a run's subject can be asked about it; also where there is no run."""
    return not campaign.sound or any(run.record.can(capability) for run in campaign.sound)


def pool_is_large_enough(campaign: Campaign) -> Item | None:
    """For each application that was tried, some pool served nearly every packet; None without a pool."""
    if not _has(campaign, "pool"):
        return None
    title = f"A pool size is known that serves {ENOUGH_HITS:.0%} of the packets"
    best: dict[str, tuple[float, int, Judged]] = {}
    for run in campaign.sound:
        seen = behaviour(run.record, run.result.totals)
        if seen.hit_rate is None or seen.slots is None:
            continue
        found = (seen.hit_rate, seen.slots, run)
        known = best.get(application(run))
        if known is None or _is_better(found[:2], known[:2]):
            best[application(run)] = found
    if not best:
        return Item(title, "not shown", "no run measured its pool", "`zcbench run stability-5min`")
    for what, (rate, slots, run) in best.items():
        if rate < ENOUGH_HITS:
            needed = behaviour(run.record, run.result.totals).slots_needed
            reached = f"{SHARE.beside(rate, ENOUGH_HITS)} at best, with {format_count(slots)} slots"
            return Item(
                title, "no", f"{what}: {reached}", f"`zcbench sweep`, or a run with --pool {needed} for: {what}"
            )
    said = (
        f"{what}: {format_count(slots)} slots ({SHARE.beside(rate, ENOUGH_HITS)}, {run.name})"
        for what, (rate, slots, run) in best.items()
    )
    return Item(title, "yes", "; ".join(said))


def _is_better(found: tuple[float, int], known: tuple[float, int]) -> bool:
    """Enough hits with fewer slots; else more hits."""
    enough = [rate >= ENOUGH_HITS for rate, _ in (found, known)]
    if all(enough):
        return found[1] < known[1]
    return found[0] > known[0]


def application(run: Judged) -> str:
    """What the application does with packets: what decides how many slots are in flight."""
    info = run.record.run
    if info.subject.kind != "engine":
        plan, slots = info.scenario.subject, behaviour(run.record, run.result.totals).slots
        sizes = [name for name, value in plan.args.items() if value == str(slots)]
        named_so = [name for name in sizes if "slot" in name or "pool" in name]
        # The argument that is the size of the pool, if it is clear which one is.
        size = (named_so or sizes)[:1] if len(named_so or sizes) == 1 else []
        return (size and _command(run, plan.args.keys() - size)) or info.about
    if info.application.needs_gc:
        return "an application whose packets wait for the garbage collector"
    if info.application.does:
        return f"an application that {info.application.does}"
    return f"the {info.scenario.consumer.kind} application"


def _command(run: Judged, names: Collection[str]) -> str:
    """The command with ``names`` of its placeholders filled in, paths without folders; empty if it has none."""
    plan = run.record.run.scenario.subject
    values = {name: value for name, value in plan.args.items() if name in names}
    words = [filled(word, values) for word in plan.command] if plan.args else []
    return " ".join(PurePath(word).name if PurePath(word).is_absolute() else word for word in words)


def survives_a_small_pool(campaign: Campaign) -> Item | None:
    """A run whose pool was too small and that passed all the same; None without a pool of ours."""
    if not _has(campaign, "pace"):
        return None
    title = "A pool that is too small costs time, not packets"
    for run in campaign.passing:
        seen = behaviour(run.record, run.result.totals)
        if seen.hit_rate is not None and seen.hit_rate < ENOUGH_HITS:
            return Item(
                title,
                "yes",
                f"{run.name}: hit rate {SHARE.beside(seen.hit_rate, ENOUGH_HITS)}, "
                "every packet whole all the same",
                required=False,
            )
    return Item(
        title,
        "not shown",
        "no pool was too small",
        required=False,
        step="`zcbench run crash-debug --consumer hold --hold 1s --pool 10`",
    )


def packets_are_kept(campaign: Campaign) -> Item | None:
    """An application that keeps packets: the original died of views that lived on. None without one of ours."""
    if not _has(campaign, "pace"):
        return None
    title = "Applications may keep packets"
    kept = [run for run in campaign.passing if run.record.run.application.keeps_packets]
    if kept:
        return Item(title, "yes", f"{named(kept)}: {application(kept[0])}", required=False)
    return Item(
        title,
        "not shown",
        "every application returned at once",
        required=False,
        step="`zcbench run stability-5min-pool100 --consumer hold --hold 500ms`",
    )


def checks_can_fail(campaign: Campaign) -> Item | None:
    """A fault planted on purpose was found; None of subjects that none can be planted in."""
    if not _has(campaign, "pace"):
        return None
    title = "The harness finds a fault that is planted"
    if not campaign.planted:
        return Item(
            title,
            "not shown",
            "no fault was planted",
            required=False,
            step="`zcbench run crash-debug --fault no-op-return`, named with --before",
        )
    missed = [run for run in campaign.planted if run.result.verdict != "fail"]
    if missed:
        return Item(title, "no", f"not found in {named(missed)}", "`zcbench selftest`", required=False)
    faults = dict.fromkeys(str(run.record.run.scenario.fault) for run in campaign.planted)
    return Item(title, "yes", f"{', '.join(faults)}", required=False)


def a_device_was_tried(campaign: Campaign) -> Item | None:
    """A real device, not a replay; None of subjects whose source is their own affair."""
    if not _has(campaign, "pace"):
        return None
    title = "It captured from a real device"
    tried = [
        run
        for run in campaign.passing
        if run.record.run.scenario.source.kind == "device" and run.length_s >= LEAST_TRIED_S
    ]
    if tried:
        return Item(title, "yes", f"{named(tried)}: {format_duration(tried[0].length_s)}", required=False)
    return Item(
        title,
        "not shown",
        "every source was a replay",
        required=False,
        step="`zcbench run device-30s --device NAME` (`zcbench devices` lists them)",
    )
