"""What somebody else measured becomes a record: columns, units, totals, and clear errors."""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from zcbench.analysis.rate import nominal_per_s
from zcbench.analysis.totals import totals
from zcbench.importers.columns import Column, columns_of
from zcbench.importers.ingest import Foreign, Story, survey, write_record
from zcbench.importers.mapping import metric_named, read_mapping, totals_of
from zcbench.importers.series import only_one
from zcbench.importers.table import open_table
from zcbench.record.reader import Record, read_record
from zcbench.record.schema import Finding, Result
from zcbench.record.writer import RecordError
from zcbench.verdict import judge

ORIGINAL = Path(__file__).parents[1] / "data" / "original-5min-pool10.csv"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "soak.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def foreign(path: Path, *maps: str, story: Story | None = None, **totals: float) -> Foreign:
    table = only_one(open_table(path))
    known = {name.replace("__", "."): value for name, value in totals.items()}
    return Foreign(table, columns_of(maps, table).columns, known, story or Story("soak"))


def ingested(path: Path, directory: Path, *maps: str, story: Story | None = None, **totals: float) -> Record:
    directory.mkdir()
    theirs = foreign(path, *maps, story=story, **totals)
    write_record(directory, theirs, survey(theirs), ["zcbench", "ingest"])
    return read_record(directory)


def column(folder: Path, spec: str, theirs: str) -> Column:
    """What ``--map spec`` makes of the one column of a table."""
    path = folder / "one.csv"
    path.write_text(f"{theirs}\n7\n", encoding="utf-8")
    return columns_of([spec], open_table(path)).columns[0]


def read(path: Path, maps: tuple[str, ...]) -> None:
    survey(foreign(path, *maps))


def named(result: Result, check: str) -> Finding:
    return next(found for found in result.findings if found.check == check)


# -- the original


def test_the_original_five_minutes_are_told_the_truth(tmp_path: Path) -> None:
    # given the table of the original add-on's 5-minute test, and its closing totals
    record = ingested(
        ORIGINAL,
        tmp_path / "run",
        "elapsed_s",
        "engine.delivered=packets",
        "heap_bytes=heap_mib:MiB",
        story=Story("original", duration_s=300.0, rate_per_s=100.0),
        pool__hits=10,
        pool__misses=30_001,
        pool__slots=10,
        engine__captured=30_011,
    )
    result = judge(record)
    # then the pool's failure is named, with its numbers
    recycling = named(result, "pool.recycling")
    assert (recycling.outcome, recycling.cause) == ("fail", "never_recycled")
    assert "10 hits = 10 slots, 30,001 misses" in recycling.sentence
    # and the leak question is open, with what could have been seen: some hundreds of bytes a packet
    memory = named(result, "memory")
    assert memory.outcome == "inconclusive"
    assert memory.detection_limit is not None
    assert 100 <= float(memory.detection_limit.split(" B a packet")[0].split()[-1]) <= 1000
    # and the requests that do not add up are named
    assert "30,011 against 30,001" in named(result, "conservation").sentence
    assert (result.verdict, result.exit_code) == ("fail", 1)


def test_what_was_not_measured_neither_passes_nor_decides(tmp_path: Path, write: Write) -> None:
    # given a table of nothing but resident memory
    rows = "\n".join(f"{t},{50}" for t in range(0, 300, 5))
    path = write(f"time,rss_mib\n{rows}\n")
    record = ingested(path, tmp_path / "run", "elapsed_s=time", "rss=rss_mib")
    result = judge(record)
    assert record.samples["rss_bytes"][0] == 50 * 2**20  # the unit at the name's end
    assert not [f.check for f in result.findings if f.outcome in ("pass", "fail")]
    assert result.verdict == "inconclusive"


def test_what_was_not_measured_is_the_remedy(tmp_path: Path, write: Write) -> None:
    text = "elapsed_s,fds,engine_captured\n1,4,100\n2,4,200\n"
    result = judge(ingested(write(text), tmp_path / "run"))
    assert named(result, "timing").remedy == "measure delivery_max_ns"
    assert named(result, "resources").remedy == "measure threads, children"


def test_what_a_table_is_not_about_is_not_asked(tmp_path: Path, write: Write) -> None:
    # given a table without packets and pool
    result = judge(ingested(write("elapsed_s,fds\n1,4\n2,4\n"), tmp_path / "run"))
    # then those checks are skipped, and people are not shown them
    for name, lacks in (("delivery", "packets"), ("timing", "packets"), ("pool.hit_rate", "pool")):
        assert (named(result, name).outcome, named(result, name).lacks) == ("skipped", lacks)
    assert "resources" in [finding.check for finding in result.asked]
    assert not {"delivery", "timing", "pool.recycling"} & {finding.check for finding in result.asked}


@pytest.mark.parametrize(("corrupt", "outcome"), [(0, "pass"), (3, "fail")])
def test_bytes_that_others_compared_are_judged(
    tmp_path: Path, write: Write, corrupt: int, outcome: str
) -> None:
    counters = "received checked rechecked corrupt_on_delivery corrupt_before_return aliased wrong_size"
    known = dict.fromkeys((f"consumer__{name}" for name in counters.split()), 0.0)
    known |= {f"consumer__{name}": 100.0 for name in ("received", "checked", "rechecked")}
    known |= {"pool__guard_violations": 0.0, "pool__poison_violations": 0.0}
    known["consumer__corrupt_on_delivery"] = corrupt
    record = ingested(write("elapsed_s\n1\n"), tmp_path / "run", **known)
    assert named(judge(record), "integrity").outcome == outcome


@pytest.mark.parametrize("rate", [None, 44_100 / 512, 2.0])
def test_the_pace_is_theirs_and_none_if_they_have_none(
    tmp_path: Path, write: Write, rate: float | None
) -> None:
    # what a packet's period is decides how late is late: it must not be our engine's 10 ms
    record = ingested(write("elapsed_s\n1\n10\n"), tmp_path / "run", story=Story("x", rate_per_s=rate))
    nominal = nominal_per_s(record, totals(record))
    assert nominal == (None if rate is None else pytest.approx(rate, abs=1e-6))
    assert record.run.due_packets == (None if rate is None else round(10 * rate))


def test_a_leak_that_others_measured_is_a_leak(tmp_path: Path, write: Write) -> None:
    # given a heap read right after each of 60 collections, that rises by 2 KB/s
    rows = "\n".join(f"{t},{4_000_000 + 2000 * t},{n + 1}" for n, t in enumerate(range(0, 300, 5)))
    header = "elapsed_s,heap,gc_forced_collections\n"
    record = ingested(write(header + rows), tmp_path / "run", "heap_bytes=heap")
    assert named(judge(record), "memory").outcome == "fail"


# -- formats


@pytest.mark.parametrize(
    "text",
    [
        "elapsed_s,rss_bytes\n1,40960\n2,81920\n",
        "elapsed_s;rss_bytes\n1;40960\n2;81920\n",
        "\ufeffelapsed_s\trss_bytes\n1\t40960\n\n2\t81920\n",
        '{"elapsed_s": 1, "rss_bytes": 40960}\n{"elapsed_s": 2, "rss_bytes": 81920}\n',
    ],
)
def test_commas_semicolons_tabs_and_json_lines_are_read(tmp_path: Path, write: Write, text: str) -> None:
    record = ingested(write(text), tmp_path / "run")
    assert record.samples["elapsed_s"].tolist() == [1.0, 2.0]
    assert record.samples["rss_bytes"].tolist() == [40960.0, 81920.0]


@pytest.mark.parametrize("cell", ["", " ", "nan", "NA", "n/a", "null", "-inf", "-"])
def test_what_says_that_there_is_no_reading_is_missing(tmp_path: Path, write: Write, cell: str) -> None:
    record = ingested(write(f"elapsed_s,rss_bytes\n1,{cell}\n3,8192\n"), tmp_path / "run")
    assert str(record.samples["rss_bytes"].tolist()) == "[nan, 8192.0]"


def test_a_reading_that_only_some_json_lines_hold_is_a_column(tmp_path: Path, write: Write) -> None:
    # given USS read at every other row, and not in the first
    path = write('{"elapsed_s": 1}\n{"elapsed_s": 2, "uss_bytes": 8192}\n{"elapsed_s": 3}\n')
    record = ingested(path, tmp_path / "run")
    assert str(record.samples["uss_bytes"].tolist()) == "[nan, 8192.0, nan]"


def test_a_table_in_utf_16_is_read(tmp_path: Path) -> None:
    # given what PowerShell's > writes
    path = tmp_path / "soak.csv"
    path.write_text("elapsed_s,rss_bytes\r\n1,40960\r\n", encoding="utf-16")
    assert ingested(path, tmp_path / "run").samples["rss_bytes"].tolist() == [40960.0]


def test_a_quoted_name_may_hold_what_separates(tmp_path: Path, write: Write) -> None:
    path = write('"time, since start, of the run";rss_bytes\n1;40960\n')
    record = ingested(path, tmp_path / "run", "elapsed_s=time, since start, of the run")
    assert record.samples["rss_bytes"].tolist() == [40960.0]


def test_a_table_is_never_held_in_memory(tmp_path: Path) -> None:
    # given 50,000 rows, 1.3 MB
    path = tmp_path / "soak.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("elapsed_s,rss_bytes,fds\n")
        file.writelines(f"{n},{50 * 2**20 + n},{12}\n" for n in range(50_000))
    theirs = foreign(path)
    # when it is looked at
    tracemalloc.start()
    seen = survey(theirs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # then far less than its size was ever in memory
    assert seen.rows == 50_000
    assert peak < path.stat().st_size / 3


@pytest.mark.parametrize(
    ("unit", "cells"),
    [
        ("iso", ("2026-03-01T10:00:00+01:00", "2026-03-01T09:00:01.500Z", "2026-03-01T09:00:03+00:00")),
        ("unix", ("1772355600", "1772355601.5", "1772355603")),
        ("unix_ms", ("1772355600000", "1772355601500", "1772355603000")),
        ("unix_ns", ("1772355600000000000", "1772355601500000000", "1772355603000000000")),
        ("ms", ("0", "1500", "3000")),
    ],
)  # fmt: skip
def test_a_date_becomes_the_time_since_the_first(
    tmp_path: Path, write: Write, unit: str, cells: tuple[str, ...]
) -> None:
    record = ingested(write("\n".join(("at", *cells))), tmp_path / "run", f"elapsed_s=at:{unit}")
    assert record.samples["elapsed_s"].tolist() == pytest.approx([0.0, 1.5, 3.0], abs=1e-5)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is Unix's")
def test_a_date_without_a_zone_is_not_this_machine_s(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a machine whose clock goes from 2 to 3 o'clock that night, and somebody's whose does not
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        path = write("at\n2026-03-29 01:59:59\n2026-03-29 03:00:00\n")
        record = ingested(path, tmp_path / "run", "elapsed_s=at:iso")
    finally:
        monkeypatch.undo()
        time.tzset()
    # then their hour passed
    assert record.samples["elapsed_s"].tolist() == [0.0, 3601.0]


def test_one_row_at_no_time_is_a_record_that_says_nothing(tmp_path: Path, write: Write) -> None:
    record = ingested(write("elapsed_s,rss_bytes\n0,40960\n"), tmp_path / "run")
    assert judge(record).verdict == "inconclusive"


def test_a_closing_total_goes_before_the_last_reading(tmp_path: Path, write: Write) -> None:
    path = write("elapsed_s,pool_hits,pool_misses\n1,5,7\n2,6,\n")
    found = judge(ingested(path, tmp_path / "run", pool__hits=9)).totals
    assert (found["pool.hits"], found["pool.misses"]) == (9, 7)
    assert found["pool.returns"] is None  # and what nobody gave is not 0


def test_a_mapping_file_says_the_same_as_the_flags(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('rate = "100/s"\n[map]\nelapsed_s = "time"\n[totals]\n"pool.hits" = 10\n')
    told = read_mapping(path)
    assert (told["map"], told["totals"]) == ({"elapsed_s": "time"}, {"pool.hits": 10})


# -- names and units


@pytest.mark.parametrize(
    ("name", "metric"),
    [("rss", "rss_bytes"), ("time", "elapsed_s"), ("pool_hits", "pool.hits"), ("heap", "native_heap_bytes")],
)  # fmt: skip
def test_short_names_and_columns_are_understood(name: str, metric: str) -> None:
    assert metric_named(name).name == metric


@pytest.mark.parametrize(
    ("spec", "factor"),
    [("rss=r:MiB", 2**20), ("rss=r:KB", 1000), ("elapsed_s=r:ms", 1e-3), ("hold_p50_ns=r:us", 1e3)],
)
def test_units_are_converted(tmp_path: Path, spec: str, factor: float) -> None:
    assert column(tmp_path, spec, "r").factor == pytest.approx(factor)


# -- errors


@pytest.mark.parametrize(
    ("text", "maps", "words"),
    [
        ("", (), ("empty",)),
        ("a,b\n", (), ("no row",)),
        ("a,b\n1,2\n", (), ("--map elapsed_s=COLUMN", "a (1), b (2)")),
        ("a,a\n1,2\n", (), ("'a' is there twice",)),
        ("elapsed_s,b\n1,2\n1\n2\n3,4\n", (), (":3:", "1 cells, the header has 2")),
        ("elapsed_s,rss\n1,x\n", ("rss_bytes=rss",), (":2:", "'x', not a number")),
        ("elapsed_s\n1\n", ("rss=heap",), ("no column 'heap'",)),
        ("elapsed_s,h\n1,1\n", ("rrs=h",), ("no metric 'rrs'", "did you mean")),
        ("elapsed_s,h\n1,1\n", ("rss=h:furlong",), ("no unit 'furlong'", "mib")),
        ("elapsed_s,h\n1,1\n", ("rss=h", "rss_bytes=h"), ("mapped twice",)),
        ("1,2\n3,4\n", (), ("which column is the time", "column1, column2")),
        ("elapsed_s,rss_bytes\n1,-1\n", (), (":2:", "rss_bytes cannot be that")),
        ("elapsed_s,rss_bytes\n,1\n", (), (":2:", "no time")),
        ("t,p\n1,100\n2,99\n", ("elapsed_s=t", "packets=p"), (":3:", "falls", "running total")),
        ("t\n1772355600\n", ("elapsed_s=t:s",), (":2:", "elapsed_s=COLUMN:unix")),
        ("t\nnoon\n", ("elapsed_s=t:iso",), (":2:", "'noon'", "ISO 8601")),
        ("elapsed_s,rss_percent\n1,3\n", ("rss=rss_percent",), ("looks like percent", "bytes")),
        ("elapsed_s,cpu_percent\n1,3\n", ("cpu_s=cpu_percent",), ("looks like percent", "in s")),
        ("elapsed_s,h\n1,1\n", ("rss=h:iso",), ("no unit 'iso'",)),
        ('{"elapsed_s": 1}\n[1]\n', (), (":2:", "not an object")),
        ('{"elapsed_s": 1}\n{"ela\n', (), (":2:", "not a JSON line")),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_says_where_and_why(
    write: Write, text: str, maps: tuple[str, ...], words: tuple[str, ...]
) -> None:
    with pytest.raises(RecordError) as error:
        read(write(text), maps)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "spec",
    [
        "pool.hits", "pool.hits=many", "pool.hits=-1", "pool.hits=1.5", "pool.hots=1", "pool.hits=nan",
        "pool.hits=inf", "pool.hits=1e30", "rss_bytes=5",
    ],
)  # fmt: skip
def test_a_total_that_makes_no_sense_is_refused(spec: str) -> None:
    with pytest.raises(RecordError, match=r"--total|did you mean pool\.hits, pool\.slots"):
        totals_of([spec])


def test_a_total_given_twice_is_refused() -> None:
    with pytest.raises(RecordError, match="given twice"):
        totals_of(["pool.hits=1", "pool_hits=2"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('durration = "5m"', "did you mean 'duration'"),
        ('map = "elapsed_s=t"', "write [map]"),
        ("map = ", "not TOML"),
    ],
)
def test_a_mapping_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=re.escape(words)):
        read_mapping(tmp_path / "map.toml")


def test_what_may_be_a_unit_or_not_is_not_guessed(tmp_path: Path) -> None:
    # "min" may be a minimum, and "b" a second one: neither is taken for a unit
    assert column(tmp_path, "hold_p50_ns=hold_min", "hold_min").factor == 1.0


def test_a_record_says_where_it_came_from_and_opens_again(tmp_path: Path, write: Write) -> None:
    record = ingested(write("elapsed_s,rss_bytes\n1,40960\n2,81920\n"), tmp_path / "run")
    assert record.run.subject.called == "soak.csv"
    assert record.run.subject.kind == "imported"
    assert record.run.subject.capabilities == ("processes",)  # of a table with RSS alone
    assert json.loads((tmp_path / "run" / "run.json").read_text())["environment"]["cores"] is None
    assert record.problems == ()
