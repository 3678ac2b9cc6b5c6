"""A history as a table, as CSV and as JSON: changes marked, and nothing of a record taken for markup."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

from zcbench.comparing.results import Row
from zcbench.quantities.registry import VOCABULARY
from zcbench.render import history
from zcbench.render.figures.history import draw

METRICS = [VOCABULARY["pool.hit_rate"], VOCABULARY["delivery.p99"]]


def runs(count: int = 12, *, scenario: str = "soak", bad_from: int = 8, name: str = "run") -> list[Row]:
    """Runs whose hit rate falls from ``bad_from`` on, with another commit."""
    return [
        Row(
            path=Path(f"runs/{name}-{i:02}"), id=f"{scenario}-{i}",
            started_at=f"2026-01-{i % 28 + 1:02}T00:00:00+00:00", scenario=scenario,
            commit="bbbbbbbbbbbb" if i >= bad_from else "aaaaaaaaaaaa", verdict="pass", ending="finished",
            values=(0.6 + 0.001 * (i % 2) if i >= bad_from else 0.99 - 0.001 * (i % 3), 1e6 + 1e3 * (i % 4)),
        )
        for i in range(count)
    ]  # fmt: skip


def test_a_change_is_marked_in_its_row_and_its_commit_named() -> None:
    text = history.markdown(history.stories(runs(), METRICS))
    (marked,) = [line for line in text.splitlines() if "◀" in line]
    assert "| run-08 | bbbbbbbbbbbb | pass | **60 %** ◀ |" in marked
    assert "- **pool.hit\\_rate** 98.9 % → 60.05 % from run-08 on, commit bbbbbbbbbbbb " in text
    assert "(before: aaaaaaaaaaaa)" in text


def test_steady_runs_have_no_change_and_say_so() -> None:
    text = history.markdown(history.stories(runs(bad_from=99), METRICS))
    assert "◀" not in text
    assert "No change of level." in text


def test_each_scenario_is_told_by_itself() -> None:
    # given one scenario that never changed, and another with other numbers
    rows = runs(6, bad_from=99) + runs(6, scenario="other", bad_from=0)
    told = history.stories(rows, METRICS)
    text = history.markdown(told)
    assert [story.scenario for story in told] == ["soak", "other"]
    assert "# soak: 6 runs" in text
    assert "◀" not in text


def test_of_many_runs_the_table_shows_the_newest_and_csv_all() -> None:
    told = history.stories(runs(100, bad_from=99), METRICS)
    text, rows = history.markdown(told), list(csv.DictReader(io.StringIO(history.table(told))))
    assert "| 60 earlier |" in text
    assert "run-59" not in text
    assert "run-60" in text
    assert len(rows) == 100


def test_csv_names_what_changed_and_keeps_numbers_whole() -> None:
    rows = list(csv.DictReader(io.StringIO(history.table(history.stories(runs(), METRICS)))))
    assert [row["run"] for row in rows if row["changed"]] == ["run-08"]
    assert rows[8]["changed"] == "pool.hit_rate"
    assert float(rows[0]["delivery.p99"]) == 1e6


def test_json_has_units_and_both_commits_of_a_change() -> None:
    (story,) = json.loads(history.json(history.stories(runs(), METRICS)))["scenarios"]
    assert story["units"] == {"pool.hit_rate": "ratio", "delivery.p99": "ns"}
    (change,) = story["changes"]
    assert (change["run"], change["commit_before"], change["commit"]) == (
        "soak-8", "aaaaaaaaaaaa", "bbbbbbbbbbbb",
    )  # fmt: skip


def test_text_of_a_record_is_neither_markup_nor_a_formula() -> None:
    told = history.stories(runs(2, scenario="=1|<b>", name="=cmd|x"), METRICS)
    text, sheet = history.markdown(told), history.table(told)
    assert "<b>" not in text
    assert "=cmd\\|x-00" in text
    assert all(row["run"].startswith("'=") for row in csv.DictReader(io.StringIO(sheet)))


def test_a_sparkline_has_one_character_a_run() -> None:
    assert history.sparkline([1, None, 3, 2]) == "▁ █▅"
    assert history.sparkline([5, 5]) == "▁▁"
    assert history.sparkline([None]) == ""


def test_the_figure_has_a_panel_for_each_metric_that_was_measured() -> None:
    rows = [replace(row, values=(row.values[0], None)) for row in runs()]
    figure = draw(history.stories(rows, METRICS))
    assert figure is not None
    svg = figure.svg()
    assert "pool.hit_rate, %" in svg
    assert "delivery.p99" not in svg
    assert "bbbbbbbbbbbb" in svg
    nothing = [replace(row, values=(None, None)) for row in rows]
    assert draw(history.stories(nothing, METRICS)) is None
