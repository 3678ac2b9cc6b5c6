"""``zcbench ingest`` and ``zcbench metrics`` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Invoke

ORIGINAL = Path(__file__).parents[1] / "data" / "original-5min-pool10.csv"
TOTALS = ("pool.hits=10", "pool.misses=30001", "pool.slots=10", "engine.captured=30011")


def test_the_original_s_table_is_judged_by_one_command(invoke: Invoke, here: Path) -> None:
    # given the original add-on's 5 minutes
    totals = [part for total in TOTALS for part in ("--total", total)]
    maps = "elapsed_s,engine.delivered=packets,heap_bytes=heap_mib:MiB"
    done = invoke("ingest", ORIGINAL, "--map", maps, *totals, "--rate", "100", "--out", "run")
    # then the verdict is fail, and the report says why, from what, and what was not measured
    assert done.exit_code == 1
    report = Path(done.stdout.strip()).read_text(encoding="utf-8")
    assert "the pool never recycled: 10 hits = 10 slots, 30,001 misses" in report
    assert "original-5min-pool10.csv" in report
    assert "30,011 against 30,001" in report
    # and the report can be made again from the directory alone
    invoke("report", "run", "--report-dir", "again")
    assert Path("again", "report.md").read_text(encoding="utf-8") == report


def test_the_report_lists_what_to_measure_next(invoke: Invoke, here: Path) -> None:
    # given a table that holds descriptors, and neither threads nor child processes
    Path("soak.csv").write_text("elapsed_s,fds\n0,5\n10,5\n", encoding="utf-8")
    report = Path(invoke("ingest", "soak.csv", "--out", "run").stdout.strip()).read_text("utf-8")
    # then those two are listed, with what they are, and the descriptors are not
    section = report.partition("## Not measured\n")[2].partition("\n## ")[0]
    assert "threads of the subject" in section
    assert "child processes of the subject" in section
    assert "open file descriptors" not in section


def test_slots_are_a_total_and_a_rate_need_not_be_whole(invoke: Invoke, here: Path) -> None:
    Path("soak.csv").write_text("elapsed_s,packets\n0,0\n100,8613\n", encoding="utf-8")
    arguments = ("--map", "packets=packets", "--slots", "12", "--rate", "86.13/s")
    result = json.loads(invoke("ingest", "soak.csv", *arguments, "--out", "run", "--json").stdout)
    assert result["totals"]["pool.slots"] == 12
    delivery = next(f for f in result["findings"] if f["check"] == "delivery")
    assert (delivery["outcome"], delivery["evidence"]["due"]) == ("pass", 8613)


def test_a_mapping_file_replaces_the_flags(invoke: Invoke, here: Path) -> None:
    Path("map.toml").write_text(
        'name = "mine"\nduration = "10s"\nended = "finished"\n[map]\nelapsed_s = "t:ms"\n',
        encoding="utf-8",
    )
    Path("soak.csv").write_text("t,rss_bytes\n0,8192\n10000,8192\n", encoding="utf-8")
    done = invoke("ingest", "soak.csv", "--mapping", "map.toml", "--out", "run", "--json")
    result = json.loads(done.stdout)
    assert result["end"]["ending"] == "finished"
    assert result["end"]["elapsed_s"] == 10.0
    assert json.loads(Path("run/run.json").read_text())["scenario"]["name"] == "mine"


def test_a_mistake_is_one_line_and_nothing_is_written(invoke: Invoke, here: Path) -> None:
    Path("soak.csv").write_text("when_t,rss\n0,8192\n10,8192\n", encoding="utf-8")
    Path("end.toml").write_text('ended = "well"', encoding="utf-8")
    for arguments, words in (
        (("ingest", "none.csv"), "none.csv: cannot be read"),
        (("ingest", "soak.csv"), "--map elapsed_s=COLUMN"),
        (("ingest", "soak.csv", "--map", "elapsed_s=when_t,rsss=rss"), "did you mean"),
        (("ingest", "soak.csv", "--map", "elapsed_s=when_t", "--total", "pool.hits"), "METRIC=NUMBER"),
        (("ingest", "soak.csv", "--map", "elapsed_s=when_t", "--rate", "fast"), "fast"),
        (("ingest", "soak.csv", "--map", "elapsed_s=when_t", "--total", "rss=5"), "no closing total"),
        (("ingest", "soak.csv", "--map", "elapsed_s=when_t", "--slots", "ten"), "pool.slots=ten"),
        (("ingest", "soak.csv", "--map", "elapsed_s=when_t", "--mapping", "end.toml"), "finished"),
        (("ingest", "soak.csv", "--map", "elapsed_s=when_t", "--mapping", "no.toml"), "no.toml"),
    ):
        done = invoke(*arguments, "--out", "run")
        assert done.exit_code == 2, arguments
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
        assert not Path("run").exists()


def test_every_metric_is_listed_with_unit_and_meaning(invoke: Invoke) -> None:
    text = invoke("metrics").stdout
    assert "rss_bytes" in text
    assert "(rss)" in text
    rows = json.loads(invoke("metrics", "--json").stdout)
    assert len(rows) == len(text.splitlines())
    assert all(row["meaning"] and row["unit"] and row["kind"] for row in rows)


SERIES = "elapsed_s,PID,consumer.gaps\n0,1,0\n0,2,0\n10,1,5\n10,2,0\n"  # the first fails, the last does not


def test_of_several_series_a_job_is_told_the_worst(invoke: Invoke, here: Path) -> None:
    Path("soak.csv").write_text(SERIES, encoding="utf-8")
    told = {"GITHUB_OUTPUT": str(here / "outputs"), "GITHUB_STEP_SUMMARY": str(here / "summary")}
    done = invoke("ingest", "soak.csv", "--by", "PID", "--out", "runs", "--github", **told)
    assert done.exit_code == 1
    # then the output that the runner keeps, the last of its name, is that of the failure
    lines = Path("outputs").read_text(encoding="utf-8").splitlines()
    values = {line.partition("<<")[0]: lines[at + 1] for at, line in enumerate(lines) if "<<" in line}
    assert (values["verdict"], values["exit-code"]) == ("fail", "1")
    assert Path(values["run"]) == Path("runs", "soak-1")


def test_reports_of_several_series_are_not_written_over(invoke: Invoke, here: Path) -> None:
    Path("soak.csv").write_text(SERIES, encoding="utf-8")
    whole = ("ingest", "soak.csv", "--by", "PID", "--report-dir", "reports")
    assert invoke(*whole, "--out", "first").exit_code == 1
    again = invoke(*whole, "--out", "second")
    assert again.exit_code == 2
    assert "soak-1: holds a report.md already" in again.stderr
    assert not Path("second").exists()


def test_each_series_is_compared_with_its_own_earlier_run(invoke: Invoke, here: Path) -> None:
    # given a log of two series that both pass, and the runs that an earlier one made
    rows = "".join(f"{t},{pid},{3 * pid}\n" for t in range(0, 600, 10) for pid in (1, 9))
    Path("soak.csv").write_text(f"elapsed_s,PID,fds\n{rows}", encoding="utf-8")
    whole = ("ingest", "soak.csv", "--by", "PID", "--require", "resources", "--ended", "finished")
    assert invoke(*whole, "--out", "first").exit_code == 0
    # then neither is compared with the other's
    assert invoke(*whole, "--out", "second", "--baseline", "first").exit_code == 0
    for name in ("soak-1", "soak-9"):
        compared = json.loads(Path("second", name, "comparison.json").read_text(encoding="utf-8"))
        assert compared["comparisons"][0]["base"]["scenario"] == name


def test_series_whose_names_would_be_one_keep_apart(invoke: Invoke, here: Path) -> None:
    # given a name as long as one may be, and labels that differ in what no name may have
    name = "n" * 64
    rows = "".join(f"{t},{who},5\n" for t in (0, 10) for who in ("a b", "a+b", "c"))
    Path("soak.csv").write_text(f"elapsed_s,who,fds\n{rows}", encoding="utf-8")
    done = invoke("ingest", "soak.csv", "--by", "who", "--name", name, "--out", "runs")
    assert done.exit_code == 4, done.stderr
    # then each has a folder, and no two a name
    assert {path.name for path in Path("runs").iterdir()} == {
        "n" * 60 + "-a-b", "n" * 60 + "-a-2", "n" * 62 + "-c",
    }  # fmt: skip
