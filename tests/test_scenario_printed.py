"""A scenario that is printed is read as the same; its expectations and bounds are checked when it is read."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_scenario import ENGINE, Write
from zcbench.quantities.parsing import Duration, Rate, Size
from zcbench.scenario import (
    ConsumerTable,
    Expectation,
    LimitsTable,
    PoolTable,
    SamplingTable,
    Scenario,
    ScenarioError,
    Setting,
    SourceTable,
    environment_settings,
    load,
    to_toml,
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a scenario file and gives its path."""

    def write_it(text: str) -> Path:
        path = tmp_path / "x.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_it


_times = st.floats(min_value=0.02, max_value=1e6).map(Duration)
_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_sources = st.one_of(
    st.builds(
        SourceTable,
        kind=st.sampled_from(["tone", "noise", "silence"]),
        rate=st.none() | st.integers(8000, 192_000).map(Rate),
        channels=st.none() | st.integers(1, 64),
        frames=st.integers(1, 4800),
        dtype=st.sampled_from(["float32", "int32", "int16"]),
        frequency_hz=st.floats(0.1, 4000),
        seed=st.integers(0, 2**63 - 1),
        speed=st.floats(0.5, 1e6),
    ),
    st.builds(SourceTable, unpaced=st.booleans(), frequency_hz=st.floats(0.1, 24_000)),
    st.builds(
        SourceTable,
        kind=st.just("file"),
        path=_words.filter(lambda text: text and "\0" not in text),
        channels=st.none() | st.integers(1, 8),
    ),
    st.builds(SourceTable, kind=st.just("device"), device=st.none() | st.integers(0, 99) | _words),
)


@st.composite
def _scenarios(draw: st.DrawFn) -> Scenario:
    source = draw(_sources)
    policies = ["grow", "drop"] if source.kind == "device" else ["grow", "drop", "block"]
    return Scenario(
        name=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)),
        description=draw(_words),
        engine="reference",
        duration=draw(st.floats(min_value=2, max_value=1e6).map(Duration)),
        warmup=draw(st.floats(min_value=0, max_value=1.5).map(Duration)),
        source=source,
        pool=draw(
            st.builds(
                PoolTable,
                slots=st.integers(1, 100),
                policy=st.sampled_from(policies),
                queue=st.integers(1, 1_000_000),
                debug=st.booleans(),
            )
        ),
        consumer=draw(
            st.builds(
                ConsumerTable,
                kind=st.sampled_from(["immediate", "hold", "cycle", "copy"]),
                hold=_times,
                work=_times,
                every=_times,
                verify=st.booleans(),
            )
        ),
        sampling=SamplingTable(
            every=draw(_times),
            uss_every=draw(_times),
            tracemalloc=draw(st.booleans()) and not source.unpaced,
        ),
        limits=LimitsTable(
            hang=draw(st.floats(min_value=10, max_value=1e6).map(Duration)),
            rss=draw(st.none() | st.integers(1, 2**50).map(Size)),
        ),
        expect=draw(
            st.lists(
                st.builds(
                    Expectation,
                    that=st.sampled_from(["gaps == 0", "rss < 1 GiB", "pool.hit_rate >= 9%"]),
                    level=st.sampled_from(["fail", "warn"]),
                    abort=st.just(True),
                    grace=st.floats(min_value=0, max_value=60).map(Duration),
                ),
                max_size=2,
            ).map(tuple)
        ),
        tags=draw(st.dictionaries(_words.filter(bool), _words, max_size=3)),
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(scenario=_scenarios())
def test_a_printed_scenario_is_the_same_scenario_when_it_is_loaded(tmp_path: Path, scenario: Scenario) -> None:
    path = tmp_path / "printed.toml"
    path.write_bytes(to_toml(scenario).encode())
    assert load(path) == scenario


def test_a_printed_scenario_reads_as_a_person_would_have_written_it() -> None:
    text = to_toml(Scenario(duration=Duration(5400), limits=LimitsTable(rss=Size(2**31))))
    data = tomllib.loads(text)
    assert data["duration"] == "1h30m"
    assert data["limits"]["rss"] == "2 GiB"
    assert "path" not in data["source"]


def test_a_changed_scenario_says_what_was_changed() -> None:
    told = load("crash-debug", flags=[Setting("pool.slots", "7", "--pool"), Setting("tags.a", "b", "--tag")])
    # and nothing of its old description, which may not be true any more
    assert told.description == "crash-debug (changed: pool.slots = 7)"
    assert "changed" not in load("crash-debug").description
    assert load("crash-debug", flags=[Setting("description", "mine", "--set")]).description == "mine"


def test_a_run_without_a_scenario_is_called_by_what_it_is() -> None:
    five = [Setting("duration", "5m", "--duration"), Setting("pool.slots", "100", "--pool")]
    told = load(flags=five)
    assert (told.name, told.sampling.tracemalloc, told.warmup) == ("soak 5m, pool 100", False, 10)
    # and says what else was set
    held = load(flags=[*five, Setting("consumer.kind", "hold", "--consumer")])
    assert held.name == told.name
    assert held.description == "plain soak with consumer.kind = hold"
    # but a name, a description and a warm-up that are given stay
    mine = [Setting("name", "mine", "--set"), Setting("warmup", "1s", "--warmup")]
    assert (load(flags=mine).name, load(flags=mine).warmup) == ("mine", 1)


# -- expectations


def test_expectations_come_from_file_variable_and_flag(write: Write) -> None:
    resolved = load(
        write('expect = ["gaps == 0", {that = "drops == 0", abort = true, grace = "5s"}]\n' + ENGINE),
        environment=environment_settings({"ZCBENCH_EXPECT": "rss < 1 GiB; fds < 99"}),
        flags=[Setting("expect", "pool.hit_rate >= 90%", "--expect")],
    )
    assert [e.that for e in resolved.expect] == [
        "gaps == 0", "drops == 0", "rss < 1 GiB", "fds < 99", "pool.hit_rate >= 90%",
    ]  # fmt: skip
    assert (resolved.expect[1].abort, resolved.expect[1].grace) == (True, 5.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('expect = ["gap == 0"]\n', (":1:", "did you mean gaps")),
        ('\nexpect = ["rss < 5s"]\n', (":2:", "64 MiB")),
        ('expect = ["max(rss, last=5m) < 1GiB"]\nduration = "30s"\n', (":1:", "30 s only")),
        ('expect = [{that = "rss.slope < 1 MiB/h", abort = true}]\n', ("abort needs",)),
        ('expect = [{that = "gaps == 0", grace = "5s"}]\n', ("grace goes with abort",)),
        ('expect = [{gaps = 0}]\n', (":1:", "write")),
        ("expect = 3\n", (":1:", "write")),
    ],
)  # fmt: skip
def test_an_expectation_that_cannot_be_judged_is_refused_before_the_run(
    write: Write, text: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(ScenarioError) as error:
        load(write(text + ENGINE))
    for word in words:
        assert word in str(error.value)


def test_an_adaptive_pool_says_its_bounds_as_resolved(write: Write) -> None:
    pool = load(write(ENGINE + "[pool]\nslots = 10\npolicy = 'adaptive'\n")).pool
    assert (pool.min, pool.max) == (10, 1000)
    # and one that is not has none
    assert load(write(ENGINE + "[pool]\nslots = 10\n")).pool.max is None


def test_a_maximum_beyond_the_machines_memory_is_refused(write: Write) -> None:
    huge = ENGINE + "[source]\nframes = 1000000\n[pool]\nslots = 10\npolicy = 'adaptive'\nmax = 1000000\n"
    with pytest.raises(ScenarioError, match=r"x\.toml:7: pool\.max: 1,000,000 slots .*this machine has"):
        load(write(huge))


def test_a_flag_for_an_adaptive_pool_does_nothing_without_one(write: Write) -> None:
    flags = [Setting("pool.max", "50", "--pool-max")]
    with pytest.raises(
        ScenarioError, match=r"--pool-max: pool\.max: has no effect .*add --pool-policy adaptive"
    ):
        load(write(ENGINE + "pool.slots = 10\n"), flags=flags)
