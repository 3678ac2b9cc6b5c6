"""Where a run may be written, and what is said when it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcbench.record.writer import RecordError, create_run_directory


def test_a_run_gets_a_directory_of_its_own_below_the_root(tmp_path: Path) -> None:
    made = create_run_directory(None, tmp_path / "runs", "nightly")
    assert made.is_dir()
    assert made.parent == tmp_path / "runs"
    assert made.name.endswith("-nightly")


def test_runs_started_in_the_same_second_do_not_share_a_directory(tmp_path: Path) -> None:
    made = {create_run_directory(None, tmp_path, "short") for _ in range(5)}
    assert len(made) == 5


def test_out_is_made_with_its_parents(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    assert create_run_directory(out, tmp_path / "runs", "short") == out
    assert out.is_dir()
    assert not (tmp_path / "runs").exists()


def test_an_empty_directory_is_taken_as_out(tmp_path: Path) -> None:
    assert create_run_directory(tmp_path, tmp_path / "runs", "short") == tmp_path


def test_out_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RecordError, match=r"not empty.*new directory") as refused:
        create_run_directory(tmp_path, tmp_path / "runs", "short")
    assert str(tmp_path) in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_out_that_is_a_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "thesis.txt"
    out.write_text("years of work")
    with pytest.raises(RecordError, match=r"is a file.*directory"):
        create_run_directory(out, tmp_path / "runs", "short")
    assert out.read_text() == "years of work"


def test_a_second_run_into_one_directory_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    create_run_directory(out, tmp_path, "short")
    with pytest.raises(RecordError, match="new directory"):
        create_run_directory(out, tmp_path, "short")


def test_out_below_a_file_is_refused_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="another --out"):
        create_run_directory(tmp_path / "file" / "run", tmp_path, "short")


def test_out_that_cannot_be_written_is_refused_with_the_fix(unwritable: Path) -> None:
    with pytest.raises(RecordError, match="another --out"):
        create_run_directory(unwritable / "run", unwritable, "short")
