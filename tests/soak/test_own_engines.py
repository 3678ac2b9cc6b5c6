"""An engine of a user's own: what it does not count the harness counts, or says; what is wrong has its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Result
from zcbench.scenario import Expectation, Scenario
from zcbench.verdict import judge
from zcbench.verdict.next_step import next_step

Judged = Callable[..., tuple[Record, Result]]

YOUR_ENGINE = Path(__file__).parents[2] / "docs" / "your-engine.md"
UNPACED = {"kind": "noise", "unpaced": True}


@pytest.fixture
def judged(scenario: Callable[..., Scenario], record_of: Callable[[Scenario], Record]) -> Judged:
    def run(engine: str, *expected: str, **more: object) -> tuple[Record, Result]:
        plan = scenario(engine, **{"duration_s": 3.0, "every_s": 0.02, "source": UNPACED, **more})
        expect = tuple(Expectation(that=text) for text in expected)
        record = record_of(msgspec.structs.replace(plan, expect=expect))
        return record, judge(record)

    return run


def finding(result: Result, check: str) -> Finding:
    return next(found for found in result.findings if found.check == check)


def failed(result: Result) -> list[str]:
    return [f"{f.check}: {f.sentence}" for f in result.findings if f.outcome == "fail"]


def undecided(result: Result) -> list[str]:
    return [f.sentence for f in result.findings if f.outcome == "inconclusive" and f.required]


def test_an_engine_that_counts_nothing_is_judged_by_what_the_harness_counts(judged: Judged) -> None:
    record, result = judged(
        "own_engines:CountsNothing", "drops == 0", "pool.hit_rate >= 99%", source={"kind": "noise"},
        duration_s=1.0,
    )  # fmt: skip
    assert (failed(result), undecided(result), result.verdict) == ([], [], "pass")
    assert finding(result, "delivery").sentence.startswith("100 of 100 packets due were delivered")
    for check in ("gaps", "integrity", "timing", "resources", "expect: drops == 0"):
        assert finding(result, check).outcome == "pass", check
    # what only it could know is skipped, and said to be its own to write
    for check in (
        "conservation",
        "pool.recycling",
        "pool.hit_rate",
        "expect: pool.hit_rate >= 99%",
    ):
        skipped = finding(result, check)
        assert skipped.outcome == "skipped"
        assert "your engine does not write" in skipped.sentence
        assert "`pool.hits`" in skipped.sentence
    assert record.board is not None
    assert record.board.histogram("delivery_ns").count == 100
    assert record.board.histogram("held_ns").count > 90


def test_a_packet_lost_by_an_engine_that_counts_nothing_is_seen(judged: Judged) -> None:
    _, result = judged("own_engines:LosesOne", "drops == 0")
    assert result.exit_code == 1
    assert finding(result, "delivery").cause == "lost"
    assert finding(result, "gaps").cause == "gaps"
    dropped = finding(result, "expect: drops == 0")
    assert dropped.outcome == "fail"
    assert "engine.drops is 1" in dropped.sentence


def test_an_engine_that_counts_only_what_it_captures_is_held_to_that(judged: Judged) -> None:
    _, result = judged("own_engines:CountsCaptured")
    assert (failed(result), undecided(result)) == ([], [])
    conservation = finding(result, "conservation")
    assert conservation.outcome == "pass"
    assert "your engine does not write `pool.hits`" in conservation.sentence


def test_a_counter_that_is_written_and_wrong_fails(judged: Judged) -> None:
    _, result = judged("own_engines:CountsEachTwice")
    assert finding(result, "conservation").cause == "counters_disagree"
    assert "600 against 300" in finding(result, "conservation").sentence


def test_payload_that_was_never_the_sources_is_called_that(judged: Judged) -> None:
    _, result = judged("own_engines:MakesItsOwnSound")
    wrong = finding(result, "integrity")
    assert wrong.outcome == "fail"
    assert "does not replay the source" in wrong.sentence
    assert "block(" in (wrong.remedy or "")


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        (
            "WrongAllOver",
            ["packet.sequence is the float 0.0", "another clock", "packet.flags is None",
             "packet.array is of type bytes; an ndarray of shape (480, 2), float32"],
        ),
        ("SaysItIsOver", ["gave None before the first packet", "raise TimeoutError"]),
        ("HasNoCheck", ["it has no check()"]),
    ],
)  # fmt: skip
def test_a_broken_contract_is_told_all_at_once_before_the_first_packet_is_taken(
    judged: Judged, engine: str, told: list[str]
) -> None:
    record, result = judged(f"own_engines:{engine}", source={"kind": "noise"})
    assert (record.end.ending, record.end.received) == (Ending.FAILED, 0)
    assert (result.exit_code, finding(result, "life").cause) == (2, "contract")
    for words in told:
        assert words in finding(result, "life").sentence
    assert "docs/your-engine.md" in next_step(record, result)


@pytest.mark.parametrize(
    ("source", "consumer"),
    [(UNPACED, {"kind": "immediate"}), ({"kind": "tone", "speed": 4.0}, {"kind": "hold", "hold": 0.1})],
)  # fmt: skip
def test_the_engine_of_the_document_passes(
    judged: Judged,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: dict[str, object],
    consumer: dict[str, object],
) -> None:
    code = re.findall(r"```python\n(.*?)```", YOUR_ENGINE.read_text(encoding="utf-8"), re.S)[0]
    (tmp_path / "my_engine.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    _, result = judged("my_engine:MyEngine", source=source, consumer=consumer)
    assert (failed(result), undecided(result), result.verdict) == ([], [], "pass")
    for check in ("delivery", "gaps", "integrity", "conservation", "pool.recycling"):
        assert finding(result, check).outcome == "pass", check


def test_a_thread_that_died_of_a_misspelt_counter_is_named_when_nothing_comes_any_more(
    judged: Judged,
) -> None:
    record, result = judged("own_engines:MisspellsACounter", source={"kind": "noise"}, hang_s=2.0)
    assert record.end.ending is Ending.HUNG
    assert "uncaught: KeyError" in finding(result, "life").sentence
    assert "did you mean pool.hits" in finding(result, "life").sentence
    assert "own_engines.py" in next_step(record, result)
