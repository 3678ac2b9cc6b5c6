"""Whatever a file carries: what zcbench cannot read it refuses by name, and all else it judges and shows.

Short, and the same every time; ``make fuzz`` goes on for as long as it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import damage, materials, promises
from tests.fuzz.chance import Chance

seeds = st.integers(0, 2**32 - 1)


def examples(count: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return materials.records(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return materials.sweep(tmp_path_factory.mktemp("sweep") / "sweep")


@pytest.fixture(scope="module")
def audio() -> list[bytes]:
    return materials.audio()


@pytest.fixture(scope="module")
def page() -> bytes:
    return materials.page()


@examples(25)
@given(seed=seeds)
def test_a_damaged_record_is_refused_or_judged_and_shown(
    seed: int, tmp_path: Path, records: list[Path]
) -> None:
    random = Random(seed)
    directory = damage.copy(random.choice(records), tmp_path / "run")
    promises.record(random, directory, records[0])


@examples(1)
@given(seed=seeds)
def test_a_damaged_record_that_can_be_read_has_its_page(seed: int, tmp_path: Path, records: list[Path]) -> None:
    random = Random(seed)
    promises.pictures(random, damage.copy(random.choice(records), tmp_path / "run"))


@examples(100)
@given(seed=seeds)
def test_a_damaged_record_can_be_watched_or_is_refused(seed: int, tmp_path: Path, records: list[Path]) -> None:
    random = Random(seed)
    promises.watched(random, damage.copy(random.choice(records), tmp_path / "run"))


@examples(15)
@given(seed=seeds)
def test_a_damaged_run_is_left_out_of_the_history_or_counted(
    seed: int, tmp_path: Path, records: list[Path]
) -> None:
    for name, source in zip("abc", records[-3:], strict=True):
        damage.copy(source, tmp_path / "runs" / name)
    promises.history(Random(seed), tmp_path / "runs")


@examples(150)
@given(seed=seeds)
def test_any_text_is_a_scenario_or_refused(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    promises.scenario(random, random.choice(materials.scenarios()), tmp_path / "x.toml")


@examples(200)
@given(seed=seeds)
def test_any_text_is_a_setting_or_refused(seed: int) -> None:
    promises.setting(Random(seed))


@examples(500)
@given(seed=seeds)
def test_any_text_is_a_quantity_or_refused(seed: int) -> None:
    promises.quantity(Random(seed))


@examples(500)
@given(seed=seeds)
def test_any_text_is_an_expectation_or_refused(seed: int) -> None:
    promises.expected(Random(seed))


@examples(100)
@given(seed=seeds)
def test_any_table_is_ingested_or_refused(seed: int, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    damage.emptied(folder)
    random = Random(seed)
    promises.table(random, random.choice((materials.CSV, materials.JSON_LINES)), folder)


LOGS = sorted(path for path in (Path(__file__).parents[1] / "data" / "logs").rglob("*") if path.is_file())


@examples(60)
@given(seed=seeds)
def test_any_log_of_a_tool_is_read_or_refused(seed: int, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    damage.emptied(folder)
    promises.log(Random(seed), LOGS, folder)


@examples(150)
@given(seed=seeds)
def test_any_audio_file_is_a_source_or_refused(seed: int, tmp_path: Path, audio: list[bytes]) -> None:
    random = Random(seed)
    promises.audio(random, random.choice(audio), tmp_path / "input")


@examples(60)
@given(seed=seeds)
def test_a_damaged_plan_of_a_sweep_is_refused_or_stays_in_its_directory(
    seed: int, tmp_path: Path, sweep: Path
) -> None:
    promises.plan(Random(seed), damage.copy(sweep, tmp_path / "sweep"))


def test_a_fuzzer_s_bytes_are_its_choices() -> None:
    assert [Chance(bytes([n])).randrange(8) for n in (0, 3, 7)] == [0, 3, 7]
    assert Chance(b"\x01\x02").choice("abcd") == "b"
    assert Chance(b"").sample(range(9), 3) == Chance(b"").sample(range(9), 3)
    assert 0 <= Chance(b"\xff" * 7).random() < 1


@examples(200)
@given(seed=seeds)
def test_any_file_is_a_page_or_refused(seed: int, tmp_path: Path, page: bytes) -> None:
    promises.page(Random(seed), page, tmp_path / "page.bin")
