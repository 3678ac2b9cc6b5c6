"""Tables as people write them: units, decimal marks, times, series, restarts; each read as it is meant."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.importers.conftest import Ingest
from zcbench.importers.columns import columns_of
from zcbench.importers.ingest import Foreign, Story, Survey, survey
from zcbench.importers.reading import Sample
from zcbench.importers.series import only_one
from zcbench.importers.spool import ROWS_AT_ONCE, Spool
from zcbench.importers.table import open_table
from zcbench.record.writer import RecordError

MIB = 2**20
T = range(0, 100, 10)
AT = datetime(2026, 10, 25, 23, 59, 30, tzinfo=UTC)
When = Callable[[int], object]


def at(form: str) -> When:
    """The time ``t`` seconds after half a minute to midnight, as ``form`` writes it."""
    return lambda t: (AT + timedelta(seconds=t)).strftime(form)


def read(
    folder: Path, text: str, *maps: str, every: float | None = None, deltas: bool = False
) -> tuple[list[Sample], Survey]:
    """The samples of a log, and what was noticed."""
    path = folder / "log"
    path.write_text(text, encoding="utf-8", newline="")
    table = only_one(open_table(path))
    mapped = columns_of(maps, table, deltas=deltas)
    foreign = Foreign(table, mapped.columns, {}, Story("log", every_s=every), mapped.ignored, mapped.map_line)
    seen = survey(foreign)
    return [sample for _, sample in foreign.reading().samples()], seen


def lines(header: str, row: Callable[[int], str]) -> str:
    return "\n".join([header, *map(row, T)]) + "\n"


# -- units


@pytest.mark.parametrize(
    ("header", "cell", "size"),
    [
        ("Memory (MB)", "50.5", 50_500_000),
        ("mem [KB]", "51200", 51_200 * 1024),
        ("rss_mb", "50.5", 50_500_000),
        ("rssMB", "50.5", 50_500_000),
        ("rss_mib", "50", 50 * MIB),
        ("VmRSS, kB", "51200", 51_200 * 1024),
        ("RSS in MiB", "50", 50 * MIB),
        ("resident_bytes", "52428800", 50 * MIB),
        ("rss", "50.5 MB", 50_500_000),
        ("rss", "50MiB", 50 * MIB),
        ("rss", "51200K", 51_200 * 1024),
        ("rss", '"51,200 K"', 51_200 * 1024),
        ("rss", "52428800", 50 * MIB),
        ("mem.rss", "52428800", 50 * MIB),
        ("Working Set (Memory)", "52428800", 50 * MIB),
        ("WorkingSet64", "52428800", 50 * MIB),
    ],
)
def test_a_unit_stands_in_the_header_or_in_the_cell(
    tmp_path: Path, header: str, cell: str, size: float
) -> None:
    name = f'"{header}"' if "," in header else header
    samples, _ = read(tmp_path, lines(f"t,{name}", lambda t: f"{t},{cell}"))
    assert samples[-1]["rss_bytes"] == pytest.approx(size)


def test_resident_sizes_without_a_unit_are_whole_pages(tmp_path: Path) -> None:
    # given what ps prints, in KiB: multiples of 4, of which not all are of 4,096
    samples, seen = read(tmp_path, lines("t,rss", lambda t: f"{t},{87_884 + 4 * t}"))
    assert samples[0]["rss_bytes"] == 87_884 * 1024
    assert "rss_bytes=rss:kib" in seen.remarks[0]


@pytest.mark.parametrize(("cell", "unit"), [("100", "MiB"), ("0.5", "MiB"), ("3000", "KiB")])
def test_a_resident_size_below_a_page_is_refused_with_the_likely_unit(
    tmp_path: Path, cell: str, unit: str
) -> None:
    with pytest.raises(RecordError, match=f"less than a page.*--map rss_bytes=rss:{unit}"):
        read(tmp_path, lines("t,rss", lambda t: f"{t},{cell}"))


@pytest.mark.parametrize("shorten", [lambda n: f"{n:_}", lambda n: str(n) if n < 1000 else f"{n / 1000:.2f} K"])
def test_a_count_above_a_thousand_is_read_however_it_is_written(
    ingest: Ingest, shorten: Callable[[int], str]
) -> None:
    # given descriptors that climb by one every 20 s, from 980 on
    rows = [f"{t},{shorten(980 + t // 20)}" for t in range(0, 3600, 10)]
    answer = ingest("\n".join(["elapsed_s,fds", *rows]) + "\n")
    assert answer.failures() == {"resources"}
    assert "from 980 to 1,1" in answer.sentence("resources")


def test_an_underscore_that_groups_nothing_makes_no_number(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"1_2.*not a number"):
        read(tmp_path, lines("t,fds", lambda t: "90,1_2" if t == 90 else f"{t},8"))


@pytest.mark.parametrize(
    ("columns", "check"), [("overruns,underruns", "xruns"), ("drops,frames_skipped", "delivery")]
)
@pytest.mark.parametrize("first", [True, False])
def test_of_two_columns_of_one_fault_the_one_that_counted_some_is_heard(
    ingest: Ingest, columns: str, check: str, first: bool
) -> None:
    rows = [
        f"{t},{t * 100},{t * 100}," + (f"{t // 10},0" if first else f"0,{t // 10}") for t in range(0, 600, 5)
    ]
    answer = ingest("\n".join([f"t,due,delivered,{columns}", *rows]) + "\n")
    assert check in answer.failures()
    assert "59" in answer.sentence(check)


def test_words_in_a_column_of_faults_do_not_hide_those_that_it_counts(ingest: Ingest) -> None:
    rows = [f"{t},{t * 100},{t * 100},{'ok' if t < 590 else 7}" for t in range(0, 600, 5)]
    answer = ingest("\n".join(["t,due,delivered,drops", *rows]) + "\n")
    assert answer.exit_code == 2
    assert "drops is 'ok', not a number" in answer.stderr


# -- decimal marks


@pytest.mark.parametrize(
    ("header", "cells", "last"),
    [
        ("t;mem (MB)", ["0;100,5", "1;1.100,5"], 1_100_500_000),
        ("t;mem (MB)", ["0;100,250", "1;100,500"], 100_500_000),
        ("t\tmem (MB)", ["0\t1,100.5", "1\t1,200.5"], 1_200_500_000),
        ("t\tmem (KB)", ["0\t51,200 K", "1\t51,204 K"], 51_204 * 1024),
        ("t;mem (KB)", ["0;51 200", "1;51 204"], 51_204 * 1024),
        ("t,mem (KB)", ["0,51'200", "1,51'204"], 51_204 * 1024),
        ("t;mem (KB)", ["0;51.200", "1;51.204"], 51_204 * 1024),
        ("t;mem (KB)", ["0;999.204", "1;51204.125"], 51_204.125 * 1024),
    ],
)
def test_decimal_marks_and_groups_are_told_apart_by_the_whole_column(
    tmp_path: Path, header: str, cells: list[str], last: float
) -> None:
    samples, _ = read(tmp_path, "\n".join([header, *cells]) + "\n")
    assert samples[-1]["rss_bytes"] == pytest.approx(last)


def test_a_mark_that_may_be_either_is_asked_for(ingest: Ingest) -> None:
    table = "t\tmem (MB)\n0\t1,100\n10\t1,200\n"
    refused = ingest(table)
    assert refused.exit_code == 2
    assert "--decimal comma or --decimal point" in refused.stderr
    assert ingest(table, "--decimal", "comma").exit_code == 4


# -- times


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("t", lambda t: t),
        ("elapsed_ms", lambda t: t * 1000),
        ("t_min", lambda t: t / 60),
        ("elapsed", lambda t: f"{t // 60:02d}:{t % 60:02d}"),
        ("time", lambda t: f"{23 + (t + 30) // 60}:{(t + 30) % 60:02d}"),
        ("Time (h)", lambda t: f"{t / 3600:.9f}"),
        ("ts", lambda t: 1_795_836_602 + t),
        ("ts", lambda t: (1_795_836_602 + t) * 1000),
        ("ts", lambda t: (1_795_836_602 + t) * 10**6),
        ("ts", lambda t: (1_795_836_602 + t) * 10**9),
        ("time", at("%Y-%m-%dT%H:%M:%S+01:00")),
        ("time", at("%Y-%m-%d %H:%M:%S.000")),
        ("time", at("%Y/%m/%d %H:%M:%S")),
        ("time", at("%H:%M:%S")),
        ("time", at("%I:%M:%S %p")),
        ("time", at("%d.%m.%Y %H:%M:%S")),
        ("time", at("%m/%d/%y %H:%M:%S")),
        ("time", at("%d/%b/%Y:%H:%M:%S +0000")),
        ("time", at("%b %d %H:%M:%S")),
        ("time", at("%a %b %d %H:%M:%S UTC %Y")),
        ("time", at("%a %d %b %Y %I:%M:%S %p UTC")),
        ("time", at("%Y%m%dT%H%M%S")),
        ("elapsed", lambda t: f"{t // 3600}:{t // 60 % 60:02}:{t % 60:02}"),
        ("elapsed", lambda t: f"{t // 60:02}:{t % 60:02}.0"),
        ("ELAPSED", lambda t: f"1-00:{t // 60:02}:{t % 60:02}"),
        ("uptime", lambda t: f"{t // 60}m{t % 60}s"),
    ],
)  # fmt: skip
def test_times_of_many_forms_are_seconds(tmp_path: Path, name: str, when: When) -> None:
    samples, _ = read(tmp_path, lines(f"{name}|fds", lambda t: f"{when(t)}|9"))
    elapsed = [sample["elapsed_s"] for sample in samples]
    start = elapsed[0] or 0.0
    assert [(one or 0.0) - start for one in elapsed] == pytest.approx(list(T), abs=1e-4)


def test_a_date_and_a_time_of_day_may_stand_in_two_columns(tmp_path: Path) -> None:
    when = at("%d.%m.%Y;%H:%M:%S")
    samples, seen = read(tmp_path, lines("Datum;Uhrzeit;fds", lambda t: f"{when(t)};9"))
    assert samples[-1]["elapsed_s"] == 90
    assert "elapsed_s=Datum+Uhrzeit" in seen.remarks[0]
    again, _ = read(tmp_path, lines("a;b;fds", lambda t: f"{when(t)};9"), "elapsed_s=a+b")
    assert again[-1]["elapsed_s"] == 90


def test_a_clock_that_steps_back_is_bridged_and_named(tmp_path: Path) -> None:
    # given the end of summer time, an hour back after 50 s
    when: When = lambda t: (AT + timedelta(seconds=t - 3600 * (t >= 50))).strftime("%F %T")  # noqa: E731
    samples, seen = read(tmp_path, lines("time,fds", lambda t: f"{when(t)},9"))
    assert samples[-1]["elapsed_s"] == 90
    assert "the clock stepped back by 3,590 s" in " ".join(seen.remarks)


def test_rows_of_one_minute_are_spread_over_it(tmp_path: Path) -> None:
    # given a reading each 10 s, and times without seconds
    rows = [f"{(AT + timedelta(seconds=10 * n)):%F %H:%M},9" for n in range(3, 63)]
    samples, _ = read(tmp_path, "\n".join(["time,fds", *rows]) + "\n")
    assert [sample["elapsed_s"] for sample in samples] == pytest.approx([10 * n for n in range(60)])


def test_rows_without_a_time_need_their_pace(tmp_path: Path) -> None:
    text = lines("rss_kb", lambda t: f"{51_200 + t}")
    samples, _ = read(tmp_path, text, every=5.0)
    assert samples[-1]["elapsed_s"] == 45
    with pytest.raises(RecordError, match="--every"):
        read(tmp_path, text)


# -- series, lives, deltas


@pytest.mark.parametrize("label", ["pid", "container", "Name", "host", "instance"])
def test_several_series_are_never_one(tmp_path: Path, label: str) -> None:
    rows = [f"{who},{t},{9 + t * (who == 7)}" for t in T for who in (7, 8)]
    with pytest.raises(RecordError, match=f"2 series.*{label}=7.*--where {label}=[78].*--by {label}"):
        read(tmp_path, "\n".join([f"{label},t,fds", *rows]) + "\n")


@pytest.mark.parametrize("label", ["pid", "container"])
def test_series_one_after_the_other_are_not_one_either(tmp_path: Path, label: str) -> None:
    # given a table that is sorted by process, so that its times begin again
    rows = [f"{who},{1_795_836_602 + t},9" for who in (7, 8) for t in T]
    with pytest.raises(RecordError, match=f"2 series.*{label}=7"):
        read(tmp_path, "\n".join([f"{label},ts,fds", *rows]) + "\n")


def test_targets_of_one_answer_of_prometheus_are_not_one(tmp_path: Path) -> None:
    name = "process_open_fds"
    result = [
        {"metric": {"__name__": name, "instance": who}, "values": [[1_795_836_602 + t, "9"] for t in T]}
        for who in ("a", "b")
    ]
    with pytest.raises(RecordError, match=r"2 series.*instance=a"):
        read(tmp_path, json.dumps({"data": {"resultType": "matrix", "result": result}}))


LIVES: dict[str, tuple[str, Callable[[int, int], str]]] = {
    "pid": ("pid,t,fds", lambda life, t: f"{100 + life},{life * 200 + t},9"),
    "start time": ("started,t,fds", lambda life, t: f"12:{life:02}:00,{life * 200 + t},9"),
    "a counter": ("t,captured", lambda life, t: f"{life * 200 + t},{t * 100}"),
    "its uptime": ("t,uptime_s,fds", lambda life, t: f"{life * 200 + t},{t},9"),
    "its uptime in words": ("t,uptime,fds", lambda life, t: f"{life * 200 + t},0:{t // 60:02}:{t % 60:02},9"),
    "its own time": ("uptime_s,fds", lambda life, t: f"{t},9"),
}


@pytest.mark.parametrize("how", LIVES)
def test_a_restart_is_found_and_named(tmp_path: Path, how: str) -> None:
    header, row = LIVES[how]
    rows = [row(life, t) for life in range(3) for t in T]
    samples, seen = read(tmp_path, "\n".join([header, *rows]) + "\n")
    assert len(seen.restarts) == 2
    assert seen.restarts[0].place.line == 12
    # and time goes on, and so do totals
    elapsed = [sample["elapsed_s"] or 0.0 for sample in samples]
    assert elapsed == sorted(elapsed)
    assert seen.closing.get("engine.captured", 27_000.0) == 27_000.0


def test_a_heap_that_is_collected_is_no_restart(tmp_path: Path) -> None:
    _, seen = read(tmp_path, lines("t,rss_kb", lambda t: f"{t},{51_200 + t % 50 * 1000}"))
    assert not seen.restarts


def test_what_each_row_added_is_summed(tmp_path: Path) -> None:
    text = lines("t,captured,dropped", lambda t: f"{t},1000,{t // 10 % 3}")
    with pytest.raises(RecordError, match="say --deltas"):
        read(tmp_path, text)
    samples, _ = read(tmp_path, text, deltas=True)
    assert (samples[-1]["engine.captured"], samples[-1]["engine.drops"]) == (10_000, 9)


# -- shapes


RSS = [50 * MIB + 4096 * t for t in T]
ROWS = list(zip(T, RSS, strict=True))
SHAPES = {
    "objects": "".join(json.dumps({"t": t, "mem": {"rss": r}}) + "\n" for t, r in ROWS),
    "array": json.dumps([{"t": t, "rss": r} for t, r in ROWS], indent=1),
    "columns": json.dumps({"t": list(T), "rss": RSS}),
    "wrapped": json.dumps({"host": "a", "samples": [{"t": t, "rss": r} for t, r in ROWS]}),
    "log": "".join(f'{at("%FT%TZ")(t)} INFO {{"rss": {r}}}\n' for t, r in ROWS),
    "logfmt": "".join(f'{at("%F %T")(t)} msg="hello" rss={r}\n' for t, r in ROWS),
    "long": "time,metric,value\n" + "".join(f"{t},rss_bytes,{r}\n{t},fds,9\n" for t, r in ROWS),
    "spaces": "# by me\n  t      rss_bytes\n" + "".join(f"{t:5} {r:12}\n" for t, r in ROWS),
    "hash header": "# t rss_bytes\n" + "".join(f"{t} {r}\n" for t, r in ROWS),
    "header again": "".join(f"t,rss_bytes\n{t},{r}\n" for t, r in ROWS),
    "markdown": "|t|rss_bytes|\n|--|--:|\n" + "".join(f"| {t} | {r} |\n" for t, r in ROWS),
    "psql": " t | rss_bytes \n---+-----------\n" + "".join(f" {t} | {r}\n" for t, r in ROWS),
    "crlf": "t;rss_bytes\r\n" + "".join(f"{t};{r}\r\n" for t, r in ROWS),
    "a stray line": "t,rss_bytes\n" + "".join(f"{t},{r}\n" + "WARN x\n" * (t == 50) for t, r in ROWS),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_table_of_any_shape_is_read(tmp_path: Path, shape: str) -> None:
    samples, _ = read(tmp_path, SHAPES[shape])
    assert [sample["rss_bytes"] for sample in samples] == RSS
    assert samples[-1]["elapsed_s"] == 90


@pytest.mark.parametrize("cell", ["—", "-", "N/A", "", "nan", "?", "--", "[N/A]"])
def test_what_is_no_reading_is_missing(tmp_path: Path, cell: str) -> None:
    samples, _ = read(tmp_path, lines("t;fds", lambda t: f"{t};{9 if t else cell}"))
    assert [sample["fds"] for sample in samples[:2]] == [None, 9]


@pytest.mark.parametrize(
    "header",
    [
        "max_rss", "mem_free", "memory_limit", "rss (%)", "fd_limit", "available_mem",
        "hit_rate", "free_handles", "mem_total_kb", "Total Memory (MB)",
    ],
)  # fmt: skip
def test_what_a_name_only_resembles_is_not_taken(tmp_path: Path, header: str) -> None:
    with pytest.raises(RecordError, match="none of its columns is known"):
        read(tmp_path, lines(f"t;{header}", lambda t: f"{t};{50_000_000 + t}"))


@pytest.mark.parametrize(
    ("header", "row"),
    [("captured,buffers", lambda t: f"{t * 100},8"), ("rss_kb,frames", lambda t: f"{51_200 + t},8")],
)
def test_a_level_is_not_taken_for_what_was_delivered(
    tmp_path: Path, header: str, row: Callable[[int], str]
) -> None:
    samples, _ = read(tmp_path, lines(f"t,{header}", lambda t: f"{t},{row(t)}"))
    assert "engine.delivered" not in samples[0]


def test_two_columns_that_may_be_one_quantity_are_asked_for(tmp_path: Path) -> None:
    text = lines("t,total_fds,num_fd", lambda t: f"{t},9,9")
    with pytest.raises(RecordError, match=r"which column is fds.*--map fds=.*--map ignore="):
        read(tmp_path, text.replace("num_fd", "count_fds"))


def test_the_map_line_that_is_told_reads_the_same(tmp_path: Path) -> None:
    text = lines("Zeit;Speicher (MB);Handles", lambda t: f"{t};50,{t % 10};9")
    samples, seen = read(tmp_path, text)
    option = seen.remarks[0].partition("--map ")[2]
    again, _ = read(tmp_path, text, *option.split(","))
    assert again == samples


def test_a_format_of_a_user_s_own_is_read(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a module that marks a reader
    (tmp_path / "their_format.py").write_text(
        "from zcbench.importers.format import matching, reads\n"
        "@reads('theirs', 'their log', matching('^mine'), columns={'f': 'fds', 'at': 'elapsed_s'})\n"
        "def read(text):\n"
        "    for number, line in text.lines():\n"
        "        _, at, fds = line.split()\n"
        "        yield number, {'at': at, 'f': fds}\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    log = "".join(f"mine {t} {40 + t}\n" for t in range(0, 300, 5))
    assert ingest(log, "--format", "their_format:read").failures() == {"resources"}
    # and what it stumbles over is an error of one line
    refused = ingest("mine\n", "--format", "their_format:read")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "their log" in refused.stderr


# -- loops whose columns only their numbers tell


@pytest.mark.parametrize(
    "row",
    [
        lambda t: f"{1_795_836_602 + t} 90000 {12_800 + t} 1234 1 0 8000 0",  # /proc/PID/statm
        lambda t: f"{at('%Y-%m-%dT%H:%M:%S')(t)} {(12_800 + t) * 4096}",  # memory.current
        lambda t: f"  ELAPSED   RSS\n{t // 60:02d}:{t % 60:02d} {(12_800 + t) * 4}",  # ps -o etime,rss
        lambda t: f"ELAPSED RSS NLWP\n{t} {(12_800 + t) * 4} 8",  # ps -o etimes,rss,nlwp
        lambda t: f"{at('%H:%M:%S')(t)} rss: {(12_800 + t) * 4} KiB, heapTotal: 60.00 MB",
        lambda t: f"{at('%H:%M:%S')(t)} pmem(rss={(12_800 + t) * 4096}, vms=99999744)",  # psutil's print
    ],
    ids=["statm", "memory.current", "etime", "etimes", "unit", "psutil"],
)
def test_a_loop_s_resident_size_is_what_the_tool_means(tmp_path: Path, row: Callable[[int], str]) -> None:
    samples, _ = read(tmp_path, "\n".join(map(row, T)) + "\n")
    assert [sample["rss_bytes"] for sample in samples] == [(12_800 + t) * 4096 for t in T]
    assert [sample["elapsed_s"] - samples[0]["elapsed_s"] for sample in samples] == list(T)


def test_a_compressed_log_that_ends_too_early_is_read_to_its_end(ingest: Ingest, tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(lines("t,rss", lambda t: f"{t},{50 * MIB + t}").encode())[:-12])
    read_on = ingest(path)
    assert read_on.exit_code == 4
    assert "the compressed file ends too early" in read_on.stderr


def test_a_number_of_json_that_no_float_holds_is_refused(ingest: Ingest) -> None:
    refused = ingest(f'{{"t": 0, "rss": {10**400}}}\n{{"t": 5, "rss": {10**400}}}\n')
    assert refused.exit_code == 2


def test_podman_s_megabytes_are_a_million_bytes(tmp_path: Path) -> None:
    header = "ID            NAME   CPU %   MEM USAGE / LIMIT   MEM %   PIDS"
    samples, _ = read(
        tmp_path, f"{header}\n7a4cba1d7c41  eng    0.10%   50.5MB / 16.5GB    0.5%    8\n" * 2, every=5
    )
    assert samples[0]["cgroup_bytes"] == pytest.approx(50_500_000)


# -- what cannot be true, and what nobody reads


@pytest.mark.parametrize(
    ("header", "cell", "step", "words"),
    [
        ("hit_rate", "3000", 0, "3,000, and no share is above 100 percent; it is likely a count"),
        ("hit rate (%)", "995", 0, "likely permille"),
        ("mem_percent", "101", 0, "no share is above 100"),
        ("rss_kb", str(50 * MIB), 4096, "--map rss_bytes=rss_kb:bytes, or :KiB"),
        ("rss_kb", "-4", 0, "rss_bytes cannot be that"),
    ],
)
def test_an_absurd_reading_is_refused_with_what_it_likely_is(
    tmp_path: Path, header: str, cell: str, step: int, words: str
) -> None:
    with pytest.raises(RecordError, match=re.escape(words)):
        read(
            tmp_path,
            lines(f"t,drops,{header}", lambda t: f"{t},0,{int(cell) + (t * 4096 if len(cell) > 4 else 0)}"),
        )


def test_a_share_that_is_left_out_or_of_several_cores_is_none(tmp_path: Path) -> None:
    text = lines("t,drops,hit_rate,cpu_percent", lambda t: f"{t},0,3000,180")
    samples, _ = read(tmp_path, text, "ignore=hit_rate")
    assert samples[-1]["cpu_percent"] == 180


def test_one_time_that_lies_far_ahead_is_put_between_its_neighbours(tmp_path: Path) -> None:
    # given a row whose clock was a day ahead: a leak over a day would be none
    when: When = lambda t: (AT + timedelta(seconds=t + 86_400 * (t == 50))).strftime("%F %T")  # noqa: E731
    samples, seen = read(tmp_path, lines("time,fds", lambda t: f"{when(t)},9"))
    assert [sample["elapsed_s"] for sample in samples] == list(T)
    assert "86,390 s ahead of the next" in " ".join(seen.remarks)


def test_what_is_odd_or_unread_is_told(tmp_path: Path) -> None:
    header = "time,rss_mb,queue_depth,pid"
    _, seen = read(tmp_path, lines(header, lambda t: f"2095-01-01 00:00:{t // 10:02},{51200 + 4 * t} KB,{t},7"))
    told = " ".join(seen.remarks)
    assert "nothing reads queue_depth;" in told
    assert "rss_mb says mb, its cells kb" in told
    assert "yet to come" in told


def test_zombies_that_pile_up_fail_where_children_were_not_counted(ingest: Ingest) -> None:
    rows = [f"{t},20,{t // 60}" for t in range(0, 3600, 10)]
    answer = ingest("\n".join(["t,fds,zombies", *rows]) + "\n")
    assert answer.failures() == {"resources"}
    assert answer.findings["resources"]["cause"] == "zombies"
    assert "nobody waited for climb from 0 to 59" in answer.sentence("resources")


def test_closing_totals_are_exact(ingest: Ingest) -> None:
    # given a table whose last row may have packets on their way, and totals that may not
    table = "t,delivered\n" + "".join(f"{t},{t * 100 - 7 * (t > 600)}\n" for t in range(0, 1196, 5))
    totals = ("--total", "engine.captured=119500", "--total", "engine.delivered=119493")
    assert "delivery" in ingest(table, *totals).failures()
    assert "delivery" not in ingest(table, *totals[:2]).failures()


def test_resident_memory_that_climbs_within_a_flat_band_is_not_flat(ingest: Ingest) -> None:
    # given 4 MiB a day of 500 MiB, which is less than one percent
    table = "t,rss_bytes\n" + "".join(
        f"{t},{500 * MIB + t * 50 // 4096 * 4096}\n" for t in range(0, 86_400, 300)
    )
    found = ingest(table, "--accept", "rss").findings["memory"]
    assert found["outcome"] == "inconclusive"
    assert "steadily" in found["sentence"]


@pytest.mark.parametrize("names", [("a", "b"), ("a",)])
def test_what_two_readers_got_is_not_added_up(ingest: Ingest, names: tuple[str, ...]) -> None:
    scrapes = "".join(
        f"expected_frames_total {100 * t} {1.7e9 + t}\n"
        + "".join(f'frames_delivered_total{{sink="{name}"}} {100 * t}\n' for name in names)
        for t in range(0, 600, 5)
    )
    answer = ingest(scrapes)
    assert not answer.failures()
    assert ("has 2 series, which are not added up" in answer.stderr) == (len(names) == 2)


def test_columns_whose_names_do_not_show_it_are_read_in_long_tables_too(ingest: Ingest) -> None:
    # given more rows than are looked at whole, one column that is named by hand and one that others explain
    rows = "".join(f"{t},4,5,{9 + t // 100},{7 + t // 50},words\n" for t in range(2400))
    answer = ingest("t_s,socket,pipe,total,zahl,note\n" + rows, "--map", "threads=zahl", name="log.csv")
    assert answer.failures() == {"resources"}
    with (answer.directory / "samples.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert (last["fds"], last["threads"]) == ("32", "54")


def test_a_spool_gives_back_every_row_as_often_as_asked() -> None:
    rows: list[dict[str, float | None]] = [
        {"a": at * 0.1, "b": None if at % 3 else float(at)} for at in range(3 * ROWS_AT_ONCE // 2)
    ]
    spool = Spool()
    for row in rows:
        spool.add(row)
    assert list(spool.rows()) == rows
    assert list(spool.rows()) == rows
