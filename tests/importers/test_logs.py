"""Logs that people have, each read as it is: the right answer to every one of them."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.importers.conftest import LOGS, Ingest
from zcbench.cli import cli
from zcbench.exit_codes import ExitCode
from zcbench.importers.format import names

# Each log, what it needs beside its name, the checks that must fail, and words that their sentences must have.
FAILING = {
    "15-cog-fds.csv": ((), {"resources": "descriptors climb from 625 to 1,825 during the stream, 2/s"}),
    "08-pmap.txt": (("--every", "10s"), {"memory": "VSZ by 18"}),
    "12-iperf.txt": ((), {"delivery": "4,957", "gaps": "4,957 missing"}),
    "12c-iperf-running.csv": ((), {"delivery": "5,044 of 10,001", "gaps": "4,957 missing"}),
    "14b-ffmpeg.csv": ((), {"delivery": "61"}),
    "16-obs.csv": ((), {"delivery": "dropped 23,500"}),
    "17-xruns.csv": ((), {"xruns": "3 times"}),
    "06-fds.csv": ((), {"resources": "descriptors of kind sync_file climb from 1 to 314"}),
    "06c-fds-5min.csv": ((), {"resources": "descriptors of kind sync_file climb from 1 to 314"}),
    "18-agentsjs.jsonl": (
        (),
        {"memory": "RSS by 319,099 B/s, V8 array buffers by 319,935 B/s (320 B a packet"},
    ),
    "24-node-mem.jsonl": ((), {"memory": "V8 array buffers by 130,869 B/s"}),
    "19-ic4.csv": ((), {"conservation": "2,001 against 2,000", "delivery": "1 is missing"}),
    "19b-ic4.csv": ((), {"conservation": "2,001 against 2,000", "delivery": "1 is missing"}),
    "20-psrecord.log": ((), {"memory": "RSS by 66,6"}),
    "21-mprofile.dat": ((), {"memory": "RSS by 66,5"}),
    "23-psloop.log": ((), {"memory": "RSS by 66,7"}),
    "42-restart.csv": ((), {"memory": "RSS by 297,300 B/s in each of 2 lives"}),
    "41-java.csv.gz": ((), {"memory": "RSS by 297,300 B/s"}),
    "46-comment.csv": ((), {"memory": "RSS by 297,300 B/s"}),
    "47-ntp.csv": ((), {"memory": "RSS by 297,300 B/s"}),
    "48-cut.csv": ((), {"memory": "RSS by 29"}),
    "60-falsepass.csv": ((), {"delivery": "1 of 4,000", "conservation": "4,000 against 1"}),
    "61-hour-false-pass.csv": (
        (),
        {
            "delivery": "1,080",
            "gaps": "1,080 missing, 360 duplicates",
            "xruns": "720 times",
            "resources": "descriptors climb from 40 to 760",
        },
    ),
    "64.csv": ((), {"memory": "RSS by 100,000 B/s"}),
    "13b-camilla-chunks.csv": (("--rate", "43.06640625/s"), {"rate": "\u2212340 ppm"}),
}


@pytest.mark.parametrize("log", FAILING)
def test_a_log_of_something_wrong_fails_by_it(ingest: Ingest, log: str) -> None:
    arguments, sentences = FAILING[log]
    answer = ingest(LOGS / log, *arguments)
    assert answer.exit_code == 1
    assert answer.failures() == set(sentences)
    for check, words in sentences.items():
        assert words in answer.sentence(check)


@pytest.mark.parametrize(
    "log",
    [
        "05-gctrace.log",
        "09-mirador.csv",
        "11-siphon.csv",
        "25-node-ok.jsonl",
        "26-node-trace-gc.log",
        "27-jstat.log",
        "45-prom.json",
    ],
)
def test_a_healthy_log_does_not_fail(ingest: Ingest, log: str) -> None:
    answer = ingest(LOGS / log)
    assert not answer.failures()
    assert answer.exit_code in (0, 4)
    # and nobody is told to run it for years
    for finding in answer.findings.values():
        assert not re.search(r"run for .* d\b", finding["remedy"] or "")


def test_buffers_that_a_runtime_keeps_are_the_cause(ingest: Ingest) -> None:
    for log in ("18-agentsjs.jsonl", "24-node-mem.jsonl"):
        assert ingest(LOGS / log).findings["memory"]["cause"] == "array_buffers"


def test_remedies_speak_of_the_runtime(ingest: Ingest) -> None:
    for log, words in (
        ("05-gctrace.log", "gctrace"),
        ("25-node-ok.jsonl", "global.gc()"),
        ("27-jstat.log", "jcmd"),
    ):
        assert words in ingest(LOGS / log).findings["memory"]["remedy"]


SAID = {
    "09-mirador.csv": "RSS flat within 80.00 KiB for 13 h 30 min after the first 1 h 30 min; growth of 45 B/s",
    "11-siphon.csv": "RSS rose by 35.10 MiB in 1 h, slowing: 24.41 MiB in the first third, 2.67 MiB in",
}


@pytest.mark.parametrize("log", SAID)
def test_resident_memory_alone_says_what_it_did(ingest: Ingest, log: str) -> None:
    assert SAID[log] in ingest(LOGS / log).sentence("memory")


def test_resident_memory_alone_passes_only_where_somebody_accepts_it_and_it_is_flat(ingest: Ingest) -> None:
    accepted = ingest(LOGS / "09-mirador.csv", "--accept", "rss")
    assert accepted.exit_code == 0
    assert "by resident memory alone" in accepted.findings["memory"]["detection_limit"]
    for log in ("11-siphon.csv", "45-prom.json", "20-psrecord.log"):
        assert ingest(LOGS / log, "--accept", "rss").findings["memory"]["outcome"] != "pass"


def test_a_restart_is_named_and_descriptors_are_judged_in_each_life(ingest: Ingest) -> None:
    # given two lives of a process, in each of which descriptors climb from the same number
    rows = [
        f"{life * 4000 + t},{pid},{8 + t // 5}" for life, pid in ((0, 17), (1, 99)) for t in range(0, 600, 5)
    ]
    answer = ingest("t,pid,fds\n" + "\n".join(rows) + "\n")
    assert answer.failures() == {"resources"}
    assert "pid changed from 17 to 99" in answer.stderr
    assert "began anew once, at 1 h 6 min" in answer.sentence("life")


def test_an_hour_of_false_passes_says_that_threads_climb_too(ingest: Ingest) -> None:
    answer = ingest(LOGS / "61-hour-false-pass.csv")
    assert "threads climb from 8 to 44" in answer.sentence("resources")


def test_counters_that_are_all_zero_keep_no_law(ingest: Ingest) -> None:
    header = "elapsed_s,engine.captured,engine.delivered,engine.drops,engine.queued\n"
    nothing = ingest(header + "".join(f"{t},0,0,0,0\n" for t in range(60)), "--ended", "finished")
    assert nothing.findings["conservation"]["outcome"] == "inconclusive"
    assert nothing.exit_code == ExitCode.INCONCLUSIVE
    # and of packets that moved they are held against each other
    moved = ingest(header + "".join(f"{t},{t},{t},0,0\n" for t in range(60)), "--ended", "finished")
    assert moved.findings["conservation"]["outcome"] == "pass"


@pytest.mark.parametrize(("files", "outcome"), [(0, "pass"), (1, "inconclusive")])
def test_files_without_their_bytes_are_not_within_a_budget_of_bytes(
    ingest: Ingest, files: int, outcome: str
) -> None:
    log = "elapsed_s,temporary_files,output_bytes\n" + "".join(f"{t},{files},0\n" for t in range(60))
    found = ingest(log, "--ended", "finished").findings["disk"]
    assert found["outcome"] == outcome


@pytest.mark.parametrize(("threads", "outcome"), [((10, 10, 10), "pass"), ((10, 80, 270), "inconclusive")])
def test_flat_descriptors_do_not_speak_for_threads_read_three_times(
    ingest: Ingest, threads: tuple[int, ...], outcome: str
) -> None:
    rows = (f"{t},20,{'' if t % 20 else threads[t // 20]}\n" for t in range(60))
    answer = ingest("elapsed_s,fds,threads\n" + "".join(rows), "--ended", "finished")
    assert answer.findings["resources"]["outcome"] == outcome
    assert "3 of threads" in answer.sentence("resources")


@pytest.mark.parametrize("misses", [0, 10])
def test_a_pool_whose_size_nobody_measured_is_not_called_one_of_0_slots(ingest: Ingest, misses: int) -> None:
    rows = "".join(f"{t},{t * 100},{misses}\n" for t in range(60))
    answer = ingest("elapsed_s,pool.hits,pool.misses\n" + rows, "--ended", "finished")
    said = "how many were in flight at once was not measured; how many slots there are was not measured"
    assert said in answer.sentence("pool.hit_rate")
    # nor is it too small for what was in flight at once
    log = "elapsed_s,pool.hits,pool.misses,pool.high_water\n" + rows.replace(f",{misses}\n", f",{misses},50\n")
    found = ingest(log, "--ended", "finished").findings["pool.hit_rate"]
    assert found["cause"] is None
    assert "0 slots" not in found["sentence"]


def test_a_baseline_with_which_nothing_can_be_compared_does_not_pass(ingest: Ingest) -> None:
    # given a log of memory, and one of packets
    memory = "elapsed_s,rss_bytes\n" + "".join(f"{t * 10},{50_000_000 + t % 3 * 4096}\n" for t in range(60))
    packets = "elapsed_s,engine.captured,engine.delivered\n"
    packets += "".join(f"{t * 10},{t * 1000},{t * 1000}\n" for t in range(60))
    base = [ingest(log, "--ended", "finished").directory for log in (memory, packets)]
    # then each is held against its like only
    outcomes = [
        ingest(packets, "--ended", "finished", "--baseline", str(one)).findings["baseline"]["outcome"]
        for one in base
    ]
    assert outcomes == ["skipped", "pass"]


def test_packets_whose_readers_nobody_counted_are_not_said_to_have_had_one_each(ingest: Ingest) -> None:
    names = ("received", "checked", "rechecked", "corrupt_on_delivery", "corrupt_before_return", "aliased")
    rows = [(t, t * 100, t * 100, t * 100, 0, 0, 0) for t in range(60)]
    for counted in (names, names[:-1]):
        log = ",".join(["elapsed_s", *(f"consumer.{name}" for name in counted)]) + "\n"
        log += "".join(",".join(map(str, row[: len(counted) + 1])) + "\n" for row in rows)
        answer = ingest(log, "--ended", "finished")
        lacking = ", ".join(f"consumer.{name}" for name in ("aliased", "wrong_size") if name not in counted)
        assert answer.findings["integrity"]["outcome"] == "pass"
        assert f"not counted: {lacking}" in answer.sentence("integrity")


@pytest.mark.parametrize(
    ("columns", "check"),
    [
        ("engine.xruns,engine.captured", "xruns"),
        ("engine.captured,engine.delivered", "delivery"),
        ("temporary_files,temporary_bytes,output_bytes", "disk"),
        ("fds,threads", "resources"),
        ("delivery_max_ns,engine.captured", "timing"),
    ],
)
def test_counters_that_fall_silent_before_the_end_of_a_log_pass_nothing(
    ingest: Ingest, columns: str, check: str
) -> None:
    def log(silent_from: int) -> str:
        moving = ("engine.captured", "engine.delivered")
        lines = [f"elapsed_s,rss_bytes,{columns}"]
        for t in range(60):
            values = (t * 100 if name in moving else 0 for name in columns.split(","))
            lines.append(f"{t},50000000,{','.join(str(v) if t < silent_from else '' for v in values)}")
        return "\n".join(lines) + "\n"

    whole, cut = (ingest(log(t), "--ended", "finished") for t in (60, 20))
    assert whole.findings[check]["outcome"] == "pass"
    assert cut.findings[check]["outcome"] == "inconclusive"
    assert "was not read after" in cut.sentence(check)
    assert cut.findings[check]["detection_limit"] is None


NOTICED = {
    "42-restart.csv": "42-restart.csv:41: a restart",
    "47-ntp.csv": "47-ntp.csv:21: the clock stepped back by 1.978 s",
    "48-cut.csv": "48-cut.csv:32: the last line is cut off",
    "09-mirador.csv": "--map elapsed_s=seconds:s,rss_bytes=rss_kb:kib",
    "11-siphon.csv": "elapsed_s=t_min:min,rss_bytes=rss_mb:mb",
    "42-restart.csv ": "elapsed_s=ts:unix_ms,rss_bytes=rss:kib",
}


@pytest.mark.parametrize("log", NOTICED)
def test_what_was_assumed_and_noticed_is_said(ingest: Ingest, log: str) -> None:
    answer = ingest(LOGS / log.strip())
    assert NOTICED[log] in answer.stderr
    assert NOTICED[log] in (answer.directory / "events.jsonl").read_text(encoding="utf-8")


REFUSED = {
    "44d-wazuh-two-iso.csv": ("2 series", "PID=4411", "PID=4390", "wazuh-agentd", "--where", "--by"),
    "53-markdown.md": (":3:", "less than a page", "--map rss_bytes=rss:MiB"),
    "08-pmap.txt": ("which column is the time", "--every 10s"),
}


@pytest.mark.parametrize("log", REFUSED)
def test_a_log_that_lacks_something_is_refused_by_what_to_say(ingest: Ingest, log: str) -> None:
    answer = ingest(LOGS / log)
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert not answer.directory.exists()
    for words in REFUSED[log]:
        assert words in answer.stderr


def test_two_processes_in_one_table_are_chosen_or_judged_each(ingest: Ingest) -> None:
    # given a daemon that grows, and one that does not
    log = LOGS / "44d-wazuh-two-iso.csv"
    chosen = ingest(log, "--where", "PID=4390")
    assert chosen.exit_code in (0, 4)
    both = ingest(log, "--by", "PID", "--out", str(chosen.directory.with_name("both")))
    assert both.exit_code != 2
    names = {path.name for path in chosen.directory.with_name("both").iterdir()}
    assert names == {"44d-wazuh-two-iso-4411", "44d-wazuh-two-iso-4390"}


def test_a_markdown_table_is_read_once_its_unit_is_said(ingest: Ingest) -> None:
    answer = ingest(LOGS / "53-markdown.md", "--map", "rss_bytes=rss:MiB")
    assert answer.exit_code in (0, 4)
    samples = (answer.directory / "samples.csv").read_text(encoding="utf-8")
    assert str(109 * 2**20) in samples


def test_the_same_log_comes_by_standard_input(ingest: Ingest) -> None:
    content = (LOGS / "12-iperf.txt").read_bytes()
    assert ingest(Path("-"), stdin=content).failures() == {"delivery", "gaps"}


@pytest.mark.parametrize(
    ("line", "known", "unknown"),
    [
        (
            "frame={n} fps=25 size=1kB time={time} bitrate=1kbits/s drop={drop} speed=1x",
            "00:00:{t:02d}.00",
            "N/A",
        ),
        ("frame={n}\ndrop_frames={drop}\nout_time_us={time}\nprogress=continue", "{t}000000", "N/A"),
    ],
)
def test_what_ffmpeg_dropped_counts_where_it_tells_no_time(
    ingest: Ingest, line: str, known: str, unknown: str
) -> None:
    # given reports of which the last, with the drops, has no time
    rows = [line.format(n=25 * t, time=known.format(t=t), drop=0) for t in range(1, 50)]
    rows.append(line.format(n=1225, time=unknown, drop=900))
    answer = ingest("\n".join(rows) + "\n", "--rate", "25")
    assert answer.failures() == {"delivery"}
    assert "900" in answer.sentence("delivery")


def test_the_first_interval_of_a_second_test_counts(ingest: Ingest) -> None:
    # given two runs of iperf in one log, of which the second lost packets in its first second alone
    def test(first_lost: int) -> list[str]:
        lost = [first_lost, 0, 0, 0]
        spans = [(float(at), at + 1.0, lost[at], 1000) for at in range(4)]
        spans.append((0.0, 4.04, first_lost, 4000))
        return [f"[  5]  {a:.2f}-{b:.2f} sec  128 KBytes  0.011 ms  {n}/{m} (0%)" for a, b, n, m in spans]

    answer = ingest("\n".join([*test(0), *test(700)]) + "\n")
    assert answer.failures() == {"delivery", "gaps"}
    assert "7,300 of 8,000" in answer.sentence("delivery")


@pytest.mark.parametrize("packed", [gzip.compress, lzma.compress, bz2.compress])
def test_a_log_may_be_compressed(ingest: Ingest, tmp_path: Path, packed: Callable[[bytes], bytes]) -> None:
    # given one of 120 rows, whose name says nothing
    path = tmp_path / "log"
    path.write_bytes(packed((LOGS / "20-psrecord.log").read_bytes()))
    assert ingest(path).failures() == {"memory"}


def _scraped(reason: str) -> str:
    """A stream whose drops a metrics endpoint counts by their reason; all others are 0."""
    scrape = (
        "expected_frames_total {due} {at}\nframes_delivered_total {due}\n# TYPE dropped_frames counter\n"
        'dropped_frames{{reason="full"}} 0\ndropped_frames{{reason="{reason}"}} {drops}\n# EOF\n'
    )
    times = range(0, 600, 5)
    return "".join(scrape.format(due=100 * t, at=1.7e9 + t, drops=t // 10, reason=reason) for t in times)


def _queried(reason: str) -> str:
    """The same as Prometheus answers it."""

    def series(values: Callable[[int], int], **labels: str) -> dict[str, Any]:
        return {"metric": labels, "values": [[1.7e9 + t, str(values(t))] for t in range(0, 600, 5)]}

    result = [
        series(lambda t: 100 * t, __name__="expected_frames_total"),
        series(lambda t: 100 * t, __name__="frames_delivered_total"),
        series(lambda _: 0, __name__="dropped_frames_total", reason="full"),
        series(lambda t: t // 10, __name__="dropped_frames_total", reason=reason),
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


@pytest.mark.parametrize("log", [_scraped, _queried])
def test_a_counter_with_labels_counts_for_all_of_them(ingest: Ingest, log: Callable[[str], str]) -> None:
    answer = ingest(log("late"))
    assert answer.failures() == {"delivery"}
    assert "dropped 59" in answer.sentence("delivery")


def test_a_log_of_another_tool_is_not_passed_over(ingest: Ingest, tmp_path: Path) -> None:
    # given a log in two files, of which the second is no log of that tool
    (tmp_path / "other.csv").write_text("t,drops\n0,5\n10,9\n", encoding="utf-8")
    answer = ingest(tmp_path / "other.csv", "--", str(LOGS / "12-iperf.txt"))
    assert answer.exit_code == 2
    assert "other.csv: no row of readings in what looks like iperf" in answer.stderr


def test_rotated_logs_are_one(ingest: Ingest, tmp_path: Path) -> None:
    # given a log in two files, each with its header
    header, *lines = (LOGS / "46-comment.csv").read_text(encoding="utf-8").splitlines()[1:]
    for name, part in (("a.csv", lines[:15]), ("b.csv", lines[15:])):
        (tmp_path / name).write_text("\n".join([header, *part]) + "\n", encoding="utf-8")
    for first, second in ("ab", "ba"):  # in whichever order they are named
        answer = ingest(tmp_path / f"{second}.csv", "--", str(tmp_path / f"{first}.csv"))
        assert answer.failures() == {"memory"}
        assert "RSS by 297,300 B/s" in answer.sentence("memory")


def test_every_format_is_listed_with_what_writes_it() -> None:
    listed = CliRunner().invoke(cli, ["ingest", "--list-formats"]).stdout
    assert len(listed.splitlines()) == len(names())
    assert "psrecord --log" in listed


def test_a_format_may_be_forced_and_must_exist(ingest: Ingest) -> None:
    assert ingest(LOGS / "20-psrecord.log", "--format", "psrecord").failures() == {"memory"}
    refused = ingest(LOGS / "20-psrecord.log", "--format", "psrecorder")
    assert refused.exit_code == 2
    assert "psrecord" in refused.stderr


def test_laws_expectations_and_a_baseline_are_taken_as_in_a_run(ingest: Ingest) -> None:
    table = "t,captured,delivered,drops\n" + "".join(
        f"{t},{100 * t},{90 * t},{10 * t}\n" for t in range(0, 100, 5)
    )
    law = "engine.captured == engine.delivered + engine.drops"
    kept = ingest(table, "--law", law, "--expect", "engine.drops < 5")
    assert kept.findings["laws"]["outcome"] == "pass"
    assert "expect: engine.drops < 5" in kept.failures()
    broken = ingest(table, "--law", law.replace("+", "-"), "--baseline", str(kept.directory))
    assert "laws" in broken.failures()
    for wrong in (
        ("--law", "captured ="),
        ("--expect", "rss <"),
        ("--set", "memory.bugdet=1"),
    ):
        refused = ingest(table, *wrong)
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1), wrong
        assert not refused.directory.exists()


def test_a_zstandard_log_is_refused_with_how_to_read_it(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a Python that can read none
    for name in ("compression.zstd", "backports.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    path = Path(ingest("t,fds\n").directory.parent) / "log.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    refused = ingest(path)
    assert refused.exit_code == 2
    assert "pip install 'zcbench[zstd]'" in refused.stderr
    assert "zstdcat" in refused.stderr


def test_a_job_of_github_is_told_of_the_log_and_of_the_worst_of_several(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, summary = tmp_path / "output", tmp_path / "summary"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    rows = [f"{t},{pid},{8 + (t // 5) * (pid == 7)}" for t in range(0, 600, 5) for pid in (7, 8)]
    answer = ingest("t,pid,fds\n" + "\n".join(rows) + "\n", "--github", "--by", "pid")
    assert answer.exit_code == ExitCode.FAIL
    # of outputs the last one told counts
    told = output.read_text(encoding="utf-8").rpartition("verdict<<")[2].splitlines()
    assert told[1] == "fail"
    assert summary.read_text(encoding="utf-8").count("descriptors climb") >= 1
