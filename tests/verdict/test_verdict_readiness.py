"""Readiness: an item is "yes" only when a run shows it, and nothing but the findings decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.records import ENVIRONMENT, Row, make_command_record, make_record, scenario
from zcbench.page.layout import State
from zcbench.quantities.parsing import Duration
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import End, Ending, Environment
from zcbench.scenario import ConsumerTable, Expectation, Scenario, SourceTable
from zcbench.scenario.tables import SubjectTable
from zcbench.verdict import judge
from zcbench.verdict.readiness import Campaign, Item, Judged, Readiness, assess

DIED = End(
    ending=Ending.CRASHED,
    elapsed_s=1.7,
    signal="SIGABRT",
    message="the worker died of SIGABRT",
    last_sequence=110,
    received=111,
)


def judged(directory: Path, name: str, plan: Scenario | None = None, **story: object) -> Judged:
    record = make_record(directory / name, plan, run_id=name, **story)
    return Judged(name, record, judge(record))


def with_plan(run: Judged, **changed: object) -> Judged:
    """``run`` as if its scenario had been another in this."""
    plan = msgspec.structs.replace(run.record.run.scenario, **changed)
    record = replace(run.record, run=msgspec.structs.replace(run.record.run, scenario=plan))
    return Judged(run.name, record, judge(record))


def kept(seconds: float = 1.0) -> ConsumerTable:
    return ConsumerTable(kind="hold", hold=Duration(seconds))


def item(readiness: Readiness, title: str) -> Item:
    (found,) = (item for item in readiness.items if title in item.title)
    return found


def test_a_sound_hour_is_ready_and_says_what_it_did_not_show(tmp_path: Path, hour: Judged) -> None:
    readiness = assess(Campaign((hour,)))
    # then what is required is shown, and what was not tried is named, with the command that would
    assert readiness.answer == "yes", [i for i in readiness.items if i.answer != "yes"]
    device = item(readiness, "real device")
    assert (device.answer, device.required) == ("not shown", False)
    assert device.title in readiness.sentence
    assert device.step in readiness.steps


def test_half_a_minute_is_not_ready_however_well_it_went(tmp_path: Path) -> None:
    # given what the original called "production ready"
    readiness = assess(Campaign((judged(tmp_path, "short"),)))
    assert item(readiness, "Every run passed").answer == "yes"
    assert item(readiness, "an hour").answer == "not shown"
    assert item(readiness, "Memory").answer == "not shown"
    assert readiness.answer == "not shown"
    assert "`zcbench run stability-1h`" in readiness.steps


def test_an_hour_of_accelerated_audio_is_no_hour(tmp_path: Path, hour: Judged) -> None:
    fast = with_plan(hour, source=SourceTable(kind="tone", speed=60))
    readiness = assess(Campaign((fast,)))
    assert item(readiness, "an hour").answer == "not shown"


def test_one_run_that_fails_is_a_no_beside_any_number_that_pass(tmp_path: Path, hour: Judged) -> None:
    lossy = judged(tmp_path, "lossy", packets=2937)
    readiness = assess(Campaign((hour, lossy)))
    assert readiness.answer == "no"
    delivered = item(readiness, "Every packet due")
    assert delivered.answer == "no"
    assert delivered.why.startswith("lossy: ")
    # then the first step is about what is wrong, not about what was not tried
    assert readiness.steps[0].startswith("lossy: ")
    assert "device" not in readiness.steps[0]


def test_a_pool_that_never_got_a_slot_back_is_not_ready(tmp_path: Path, hour: Judged) -> None:
    # given hits as many as slots, and then never again
    def never(_index: int, row: Row) -> None:
        captured = int(row["engine.captured"] or 0)
        row |= {"pool.hits": min(10, captured), "pool.misses": max(0, captured - 10)}
        row |= {"pool.overflow_allocations": max(0, captured - 10), "pool.returns": 0}
        row |= {"pool.in_flight": captured, "pool.high_water": captured}

    readiness = assess(Campaign((hour, judged(tmp_path, "never", bend=never, board=False))))
    assert item(readiness, "Every buffer came back").answer == "no"
    assert readiness.answer == "no"


def test_what_failed_before_must_pass_now(tmp_path: Path, hour: Judged) -> None:
    crashed = judged(tmp_path, "crashed", packets=111, ending=DIED)
    assert not any("failed before" in item.title for item in assess(Campaign((hour,))).items)
    shown = item(assess(Campaign((hour,), (crashed,))), "failed before")
    assert (shown.answer, shown.required) == ("yes", True)
    assert "life" in shown.why
    # when it still fails
    again = judged(tmp_path, "again", packets=111, ending=DIED)
    still = item(assess(Campaign((hour, again), (crashed,))), "failed before")
    assert still.answer == "no"
    # when nothing had failed, there is nothing to show
    fine = judged(tmp_path, "fine")
    assert item(assess(Campaign((hour,), (fine,))), "failed before").answer == "not shown"


def test_a_planted_fault_counts_for_the_harness_alone(tmp_path: Path, hour: Judged) -> None:
    planted = judged(tmp_path, "planted", scenario(fault="mixed-ownership"), packets=111, ending=DIED)
    for campaign in (
        Campaign((hour, planted)),
        Campaign((hour,), (planted,)),
    ):
        readiness = assess(campaign)
        assert readiness.answer == "yes"
        assert item(readiness, "planted").answer == "yes"
    # when the harness did not find it
    missed = judged(tmp_path, "missed", scenario(fault="no-op-return"))
    readiness = assess(Campaign((hour, missed)))
    assert item(readiness, "planted").answer == "no"
    assert readiness.answer == "no"
    # when there is nothing but planted faults, nothing is shown
    assert assess(Campaign((planted,))).answer == "not shown"


def test_a_pool_size_must_be_known_for_each_application(tmp_path: Path, hour: Judged) -> None:
    small = judged(tmp_path, "small", scenario(slots=10, consumer=kept()))
    readiness = assess(Campaign((hour, small)))
    pool = item(readiness, "pool size")
    assert pool.answer == "no"
    assert "--pool 127" in (pool.step or "")  # 101 in flight when the next comes, and a quarter
    assert item(readiness, "too small").answer == "yes"
    # when a run shows the size that is enough, the fewest such slots are named
    for slots in (300, 150):
        large = judged(tmp_path, f"large{slots}", scenario(slots=slots, consumer=kept()))
        small = [*([small] if isinstance(small, Judged) else small), large]
    pool = item(assess(Campaign((hour, *small))), "pool size")
    assert pool.answer == "yes"
    assert "150 slots" in pool.why
    assert "300" not in pool.why


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "yes"),
        ({"git_commit": "f" * 40}, "not shown"),
        ({"git_commit": None}, "not shown"),
    ],
)
def test_runs_of_two_commits_are_evidence_of_two_things(
    tmp_path: Path, hour: Judged, changed: dict[str, object], answer: str
) -> None:
    other: Environment = msgspec.structs.replace(ENVIRONMENT, **changed)
    readiness = assess(Campaign((hour, judged(tmp_path, "other", environment=other))))
    assert item(readiness, "same software").answer == answer


@pytest.mark.parametrize(
    ("subject", "commit"),
    [
        (SubjectInfo(kind="imported", file="soak.csv"), ENVIRONMENT.git_commit),  # of who read the log
        (SubjectInfo(kind="command", title="./server"), None),
    ],
)
def test_of_no_known_commit_two_runs_are_not_shown_to_be_one_software(
    tmp_path: Path, subject: SubjectInfo, commit: str | None
) -> None:
    runs = []
    for name in ("monday", "tuesday"):
        record = make_command_record(tmp_path / name, subject=subject)
        where = msgspec.structs.replace(ENVIRONMENT, git_commit=commit)
        record = replace(record, run=msgspec.structs.replace(record.run, environment=where))
        runs.append(Judged(name, record, judge(record)))
    both = item(assess(Campaign(tuple(runs))), "same software")
    assert (both.answer, both.why) == (
        "not shown", "no commit is known of what was tested in monday and tuesday",
    )  # fmt: skip
    alone = item(assess(Campaign((runs[0],))), "same software")
    assert (alone.answer, alone.why) == ("yes", "there is one run, monday")


def of_command(directory: Path, name: str, hit_rate: float, **args: str) -> Judged:
    """A run of ``server --slots {slots} --rate {rate}``, at ``hit_rate``."""
    table = SubjectTable(command=("/opt/server", "--slots", "{slots}", "--rate", "{rate}"), args=args)

    def counts(index: int) -> Row:
        acquires = 100 * (index + 1)
        hits = round(acquires * hit_rate)
        return {"pool.slots": int(args["slots"]), "pool.hits": hits, "pool.misses": acquires - hits}

    info = SubjectInfo(kind="command", title=" ".join(table.words))
    record = make_command_record(
        directory / name, plan=scenario(subject=table), subject=info, counts=counts, state=State.DONE
    )
    return Judged(name, record, judge(record))


def test_a_pool_that_is_large_enough_answers_for_the_one_that_was_too_small(tmp_path: Path) -> None:
    # given one program with 100 slots at 100/s, and with 2,500
    small = of_command(tmp_path, "small", 0.07, slots="100", rate="100")
    large = of_command(tmp_path, "large", 1.0, slots="2500", rate="100")
    readiness = assess(Campaign((small, large)))
    # then it is one application, and one software
    known = item(readiness, "pool size is known")
    assert (known.answer, "server --slots {slots} --rate 100: 2,500 slots" in known.why) == ("yes", True)
    assert item(readiness, "same software").answer == "yes"
    # when another rate was too much for it
    fast = of_command(tmp_path, "fast", 0.5, slots="2500", rate="900")
    assert item(assess(Campaign((small, large, fast))), "pool size is known").answer == "no"


def test_an_expectation_that_no_run_could_answer_has_not_come_true(tmp_path: Path) -> None:
    # given a run that passed one expectation, and did not measure what the other is about
    plan = scenario(expect=(Expectation(that="gaps == 0"), Expectation(that="threads < 50")))
    run = judged(tmp_path, "blind", plan, bend=lambda _, row: row.update(threads=None))
    blind = item(assess(Campaign((run,))), "expect")
    assert blind.answer == "not shown"
    assert blind.why.startswith("blind: threads")
    # when another run answers it
    whole = judged(tmp_path, "whole", plan)
    assert item(assess(Campaign((run, whole))), "expect").answer == "yes"


def test_changes_in_no_commit_are_no_subject(tmp_path: Path) -> None:
    dirty = msgspec.structs.replace(ENVIRONMENT, git_dirty=True)
    readiness = assess(Campaign((judged(tmp_path, "dirty", environment=dirty),)))
    assert item(readiness, "same software").answer == "not shown"


@pytest.mark.parametrize(
    ("expect", "answer", "required"),
    [
        ((), "not shown", False),
        ((Expectation(that="drops == 0"),), "yes", True),
        ((Expectation(that="drops == 1"),), "no", True),
        ((Expectation(that="drops == 1", level="warn"),), "yes", True),
    ],
)
def test_expectations_are_an_item(
    tmp_path: Path, hour: Judged, expect: tuple[Expectation, ...], answer: str, required: bool
) -> None:
    shown = item(assess(Campaign((with_plan(hour, expect=expect),))), "scenarios expect")
    assert (shown.answer, shown.required) == (answer, required)


def test_no_step_is_said_twice_and_there_is_always_one(tmp_path: Path) -> None:
    steps = assess(Campaign((judged(tmp_path, "short"),))).steps
    assert len(set(steps)) == len(steps) > 0
    everything = Readiness((Item("so", "yes", "it is"),))
    assert len(everything.steps) == 1
