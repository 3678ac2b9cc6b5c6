"""Forms in which tools and people write resident memory, each read as what it is: the same 60 readings."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.importers.test_variants import read
from zcbench.importers.series import only_one
from zcbench.importers.table import open_table
from zcbench.record.writer import RecordError

MIB = 2**20
T = range(0, 600, 10)
BEGIN = datetime(2026, 10, 25, 22, 58, 30, tzinfo=UTC)  # an hour before midnight
EPOCH = 1_795_836_602
Row = Callable[[int], str]


def at(form: str, t: int) -> str:
    """The time of a reading as ``form`` writes it."""
    return (BEGIN + timedelta(seconds=t)).strftime(form)


def kib(t: int) -> int:
    """Resident KiB, ``t`` seconds after the start."""
    return 51_200 + 100 * t


def size(t: int) -> int:
    """The same in bytes."""
    return kib(t) * 1024


def iso(t: int) -> str:
    """A time as most logs write it."""
    return at("%F %T", t)


def dotted(t: int) -> str:
    """The same size as Germans write it."""
    return f"{kib(t):,}".replace(",", ".")


def loop(row: Row, header: str = "") -> str:
    """A log of a row each 10 s."""
    return header + "".join(row(t) + "\n" for t in T)


# Each with its header, "" for none; what a row is at a time.
LOOPS: dict[str, tuple[str, Row]] = {
    # lines that name their readings
    "date in brackets": ("", lambda t: f"[{at('%a %b %d %H:%M:%S UTC %Y', t)}] RSS: {kib(t)} KB"),
    "level and name": ("", lambda t: f"{at('%FT%TZ', t)} INFO worker RSS: {kib(t)} kB"),
    "logging": ("", lambda t: f"{iso(t)},123 - INFO - Memory usage: {kib(t)} KiB"),
    "glued": ("", lambda t: f"{at('%T', t)} [INFO] memory: rss={kib(t)}KB open_fds=12"),
    "syslog": ("", lambda t: f"{at('%b %d %T', t)} host eng[4411]: stats: rss={kib(t)}kB fds=12"),
    "pid in brackets": ("", lambda t: f"[{iso(t)}] [pid 4411] Current memory usage: {kib(t)} KiB"),
    "without a sign": ("", lambda t: f"{iso(t)} iteration {t}: using memory {kib(t)} KiB of 8 GiB"),
    "seconds in brackets": ("", lambda t: f"[{t}s] RSS: {kib(t)} KB"),
    "seconds before": ("", lambda t: f"{t:.1f} sec: RSS={kib(t)} KB fds=9"),
    "kernel's clock": ("", lambda t: f"[{t + 17:12.6f}] eng: rss {kib(t)} kB"),
    "German date": ("", lambda t: f"{at('%d.%m.%Y %H:%M:%S', t)} RSS: {kib(t)} KB"),
    "German month": ("", lambda t: f"Mi 25. Okt {at('%T', t)} CET 2026 RSS: {kib(t)} KB"),
    "French month": ("", lambda t: f"dim. 25 oct. 2026 {at('%T', t)} RSS: {kib(t)} Ko"),
    "American clock": ("", lambda t: f"{at('%m/%d/%Y %I:%M:%S %p', t)} - RSS: {kib(t)} KB"),
    "under a banner": ("", lambda t: f"=== {at('%a, %d %b %Y %T +0000', t)} ===\nRSS: {kib(t)} KB\nFDs: 7"),
    "Python's dict": ("", lambda t: f"{iso(t)} {{'rss': {size(t)}, 'vms': 900000000}}"),
    "level after the time": ("", lambda t: f"{at('%T', t)}[ERROR]RSS: {kib(t)}KB, Growth: +1952MB (>1GB)"),
    "after is": ("", lambda t: f"{at('%T', t)} Current memory usage is {kib(t)}KiB; Peak was 200.5MiB"),
    "value before name": ("", lambda t: f"{iso(t)} {kib(t)} KB RSS, 12 fds"),
    "parentheses": ("", lambda t: f"{at('%Y/%m/%d (%T)', t)} | INFO: RSS: {kib(t)} KB"),
    "compact date": ("", lambda t: f"{at('%Y%m%d-%H%M%S', t)} RSS={kib(t)}kB"),
    "glog": ("", lambda t: f"I{at('%m%d %T', t)}.123456  4411 mon.cc:12] rss={kib(t)}KB"),
    "logcat": ("", lambda t: f"{at('%m-%d %T', t)}.123  4411  4412 I Mon     : rss={kib(t)}kB"),
    "Ruby's logger": ("", lambda t: f"I, [{at('%FT%T', t)}.1234 #4411]  INFO -- : RSS: {kib(t)} KB"),
    "YAML": ("", lambda t: f"- time: {at('%FT%TZ', t)}\n  rss: {size(t)}\n  fds: 12"),
    "Node's print, quoted": (
        "", lambda t: f"{iso(t)} begin {{\n  rss: '{kib(t)} KiB',\n  heapTotal: '4 MB',\n  heapUsed: '2 MB'}}",
    ),
    # process tables
    "statm": ("", lambda t: f"90000 {kib(t) // 4} 1234 1 0 8000 0"),
    "memory.current under a date": ("", lambda t: f"{iso(t)}\n{size(t)}"),
    "prstat": (
        "",
        lambda t: "   PID USERNAME  SIZE   RSS STATE   PRI NICE      TIME  CPU PROCESS/NLWP\n"
        f"  4411 root      900M  {kib(t)}K sleep   59    0   0:00:10 0.1% java/35\n"
        "Total: 1 processes, 35 lwps, load averages: 0.1, 0.1, 0.1",
    ),
    "procrank": (
        "", lambda t: f"{iso(t)}\n  PID       Vss      Rss      Pss\n 4411  1262052K   {kib(t)}K   45000K",
    ),
    "ConvertTo-Json": ("", lambda t: json.dumps([{"Id": 4411, "WS": size(t)}], indent=2)),
    # Windows
    "tasklist": ("", lambda t: f"{at('%T', t)}\neng.exe    4411 Console    1  {kib(t):,} K"),
    "tasklist /fo list": ("", lambda t: f"{at('%T', t)}\n\nPID:   4411\nMem Usage:   {kib(t):,} K"),
    "tasklist, German": ("", lambda t: f"{at('%T', t)}\nPID: 4411\nSpeichernutzung: {dotted(t)} K"),
    "wmic": ("", lambda t: f"{at('%T', t)}\nName   ProcessId  WorkingSetSize  \na.exe  4411  {size(t)}  \n"),
    "wmic, one column": ("", lambda t: f"{at('%T', t)}\nWorkingSetSize  \n{size(t)}   \n"),
    "wmic /format:csv": ("", lambda t: f"{at('%T', t)}\n\nNode,ProcessId,WorkingSetSize\nHOST,4411,{size(t)}"),
    "wmic /value": ("", lambda t: f"{at('%T', t)}\n\nHandleCount=123\nWorkingSetSize={size(t)}\n"),
    "Format-List": (
        "", lambda t: f"\nTime : {at('%m/%d/%Y %I:%M:%S %p', t)}\nId : 4411\nWorkingSet64 : {size(t)}\n",
    ),
    "Format-Table": (
        "Time                   Name    WorkingSet64 HandleCount\n----                   ----    ---- ---\n",
        lambda t: f"{at('%m/%d/%Y %I:%M:%S %p', t)} engine  {size(t)}   123",
    ),
    "Export-Csv": (
        '#TYPE Selected.System.Diagnostics.Process\n"Time","Name","Id","WS","PM"\n',
        lambda t: f'"{at("%m/%d/%Y %I:%M:%S %p", t)}","engine","4411","{size(t)}","{40 * MIB}"',
    ),
    "Export-Csv, German": (
        '"Zeit";"Id";"WorkingSet64"\n', lambda t: f'"{at("%d.%m.%Y %T", t)}";"4411";"{size(t)}"',
    ),
    "Performance Monitor, German": (
        '"(PDH-CSV 4.0)";"\\\\HOST\\Prozess(eng)\\Arbeitsseiten"\n',
        lambda t: f'"{at("%d.%m.%Y %T", t)}";"{size(t)},0"',
    ),
    "typeperf, TSV": (
        '"(PDH-TSV 4.0)"\t"\\\\HOST\\Process(eng)\\Working Set"\n',
        lambda t: f'"{at("%m/%d/%Y %T.000", t)}"\t"{size(t)}"',
    ),
    # tables
    "a comma at the end of rows": ("t,rss\n", lambda t: f"{t},{size(t)},"),
    "Excel's separator": ("sep=;\nt;rss\n", lambda t: f"{t};{size(t)}"),
    "dates between": ("", lambda t: f"{iso(t)}\nfds,rss\n7,{size(t)}"),
    "dates under any name": ("Messung;RSS (KB)\n", lambda t: f"{at('%d.%m.%Y %T', t)};{kib(t)}"),
    "Grafana": (
        '"Time","process_resident_memory_bytes{instance=""a""}"\n', lambda t: f'"{iso(t)}","{kib(t)} KiB"',
    ),
    "Grafana, series as rows": (
        "sep=;\nSeries;Time;Value\n",
        lambda t: f"process_resident_memory_bytes;{at('%FT%T+00:00', t)};{size(t)}",
    ),
    "Datadog": ("time,avg:process.mem.rss,tags\n", lambda t: f"{at('%FT%T.000Z', t)},{size(t)},host:a"),
    "Flux": (
        "#group,false,false,true,true\n#datatype,string,long,dateTime:RFC3339,long,string\n"
        ",result,table,_time,_value,_field\n",
        lambda t: f",,0,{at('%FT%TZ', t)},{size(t)},memory_rss",
    ),
    "influx": (
        "name: procstat\ntime                memory_rss\n----                ----------\n",
        lambda t: f"{(EPOCH + t) * 10**9} {size(t)}",
    ),
    "line protocol without a time": ("", lambda t: f"procstat,pid=4411 memory_rss={size(t)}i,num_fds=12i"),
    # containers
    "docker --format table": ("NAME      MEM USAGE / LIMIT\n", lambda t: f"eng     {kib(t)}KiB / 7.6GiB"),
    "kubectl -A": (
        "NAMESPACE  NAME  CPU(cores)  MEMORY(bytes)\n",
        lambda t: f"{at('%T', t)}\nprod  rec-0  12m  {kib(t)}Ki",
    ),
    # JSON
    "answers of query": (
        "", lambda t: json.dumps({"data": {"resultType": "vector", "result": [
            {"metric": {"__name__": "process_resident_memory_bytes"}, "value": [EPOCH + t, str(size(t))]}]}}),
    ),
    "journald": (
        "",
        lambda t: json.dumps({"__REALTIME_TIMESTAMP": f"{EPOCH + t}000000", "MESSAGE": f"rss={kib(t)}kB"}),
    ),
    "docker's log driver": (
        "", lambda t: json.dumps({"log": json.dumps({"rss": size(t)}) + "\n", "time": at("%FT%T.123456Z", t)}),
    ),
    "dates and objects": ("", lambda t: f"{iso(t)}\n" + json.dumps({"rss": size(t), "n": [1]}, indent=1)),
}  # fmt: skip
COUNTED = ("rss_bytes", "cgroup_bytes")


def shown(text: str, folder: Path) -> tuple[list[float | None], list[float | None]]:
    """The times and the sizes that are read from a log."""
    samples, _ = read(folder, text, every=10.0)
    name = next(name for name in COUNTED if samples[0].get(name) is not None)
    return [one["elapsed_s"] for one in samples], [one[name] for one in samples]


@pytest.mark.parametrize("form", LOOPS)
def test_a_form_is_read_as_what_it_is(tmp_path: Path, form: str) -> None:
    header, row = LOOPS[form]
    times, sizes = shown(loop(row, header), tmp_path)
    start = times[0] or 0.0
    assert [(one or 0.0) - start for one in times] == pytest.approx(list(T))
    assert sizes == [size(t) for t in T]


def series(values: list[Any]) -> dict[str, Any]:
    """A series as Prometheus' API has it."""
    return {"metric": {"__name__": "process_resident_memory_bytes", "instance": "a"}, "values": values}


DOCUMENTS: dict[str, Any] = {
    "series alone": [series([[EPOCH + t, str(size(t))] for t in T])],
    "remote read": {"results": [{"timeseries": [{
        "labels": [{"name": "__name__", "value": "process_resident_memory_bytes"}],
        "samples": [{"value": size(t), "timestamp": (EPOCH + t) * 1000} for t in T]}]}]},
    "VictoriaMetrics' export": {
        **series([size(t) for t in T]), "timestamps": [(EPOCH + t) * 1000 for t in T]},
    "Graphite's render": [{"target": "host.proc.rss", "datapoints": [[size(t), EPOCH + t] for t in T]}],
    "InfluxDB's query": {"results": [{"series": [{
        "name": "procstat", "columns": ["time", "memory_rss"],
        "values": [[at("%FT%TZ", t), size(t)] for t in T]}]}]},
    "netdata": {"labels": ["time", "rss"], "data": [[EPOCH + t, size(t)] for t in reversed(T)]},
    "rows of an array": [["time", "rss"], *([EPOCH + t, size(t)] for t in T)],
    "CloudWatch, in no order": {"Label": "mem_used", "Datapoints": [
        {"Timestamp": at("%FT%TZ", t), "Average": size(t), "Unit": "Bytes"} for t in sorted(T, key=str)]},
}  # fmt: skip


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_document_is_read_as_what_it_is(tmp_path: Path, form: str) -> None:
    for indent in (None, 1):
        times, sizes = shown(json.dumps(DOCUMENTS[form], indent=indent), tmp_path)
        assert (times[-1], len(times)) == (590, 60)
        assert sizes == [size(t) for t in T]


@pytest.mark.parametrize("row", [lambda t: f"{iso(t)},{kib(t)}", lambda t: f"[{iso(t)}] RSS: {kib(t)} KB"])
def test_what_stands_newest_first_is_turned(tmp_path: Path, row: Row) -> None:
    rows = [row(t) for t in reversed(T)]
    text = "\n".join([*(["time,rss_kb"] if "," in rows[0] else []), *rows]) + "\n"
    samples, seen = read(tmp_path, text)
    assert [one["rss_bytes"] for one in samples] == [size(t) for t in T]
    assert samples[-1]["elapsed_s"] == 590
    assert any("newest row stands first" in remark for remark in seen.remarks)


@pytest.mark.parametrize(
    ("encoding", "space"), [("cp850", "\u00a0"), ("cp1252", "\u00a0"), ("utf-16", "\u2009")]
)
def test_a_log_may_be_in_a_code_page_of_windows(tmp_path: Path, encoding: str, space: str) -> None:
    header = "Nom de l'image                 PID Nom de la sessio Num\u00e9ro de s Utilisation \n"
    header += "========================= ======== ================ =========== ============\n"
    path = tmp_path / "log"
    row = "{}\n{}caf\u00e9.exe   4411 Console    1  {} Ko"
    text = loop(lambda t: row.format(at("%T", t), header, f"{kib(t):,}".replace(",", space)))
    path.write_bytes(text.encode(encoding))
    table = only_one(open_table(path))
    assert [(row["Image Name"], int(row["Mem Usage"])) for _, row in table.rows()] == [
        ("caf\u00e9.exe", kib(t)) for t in T
    ]


@pytest.mark.parametrize(
    "name",
    [
        "max RSS", "Maximum resident set size (kbytes)", "peak memory usage", "free memory", "heap memory",
        "RSS limit", "shared memory", "cache memory", "memory limit",
    ],
)  # fmt: skip
def test_a_reading_of_another_name_is_not_taken_for_resident_memory(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordError):
        read(tmp_path, loop(lambda t: f"[{iso(t)}] {name}: {kib(t)} KB"))


def test_a_table_without_a_header_asks_what_its_columns_are(tmp_path: Path) -> None:
    text = loop(lambda t: f"{iso(t)},{kib(t)},12")
    with pytest.raises(RecordError, match=r"say which is what: .*column2 \(51200\), column3 \(12\)"):
        read(tmp_path, text)
    samples, _ = read(tmp_path, text, "rss_bytes=column2:KiB", "fds=column3")
    assert (samples[-1]["rss_bytes"], samples[-1]["fds"]) == (size(590), 12)


@pytest.mark.parametrize("pid", ["4412", "4411"])
def test_of_a_bare_process_id_and_a_size_the_size_is_resident(tmp_path: Path, pid: str) -> None:
    # given an id that could be a size itself: a multiple of 4
    samples, seen = read(tmp_path, loop(lambda t: f"{iso(t)} {pid} {kib(t)}"))
    assert [one["rss_bytes"] for one in samples] == [size(t) for t in T]
    assert "column 2 is RSS" in " ".join(seen.remarks)


def test_processes_that_only_their_lines_tell_apart_are_not_one(tmp_path: Path) -> None:
    two = [{"Id": pid, "WS": 50 * MIB} for pid in (4411, 4412)]
    with pytest.raises(RecordError, match=r"2 series.*Id=4411"):
        read(tmp_path, loop(lambda _: json.dumps(two)), every=10)
    with pytest.raises(RecordError, match=r"2 series.*pid=4411"):
        read(tmp_path, loop(lambda t: f"{iso(t)} eng[4411]: rss={kib(t)}kB\n{iso(t)} eng[4412]: rss=60000kB"))


def test_of_two_times_the_one_that_goes_on_is_the_time(tmp_path: Path) -> None:
    # given JMeter's table, in which "elapsed" is how long a request took
    text = loop(lambda t: f"{(EPOCH + t) * 1000},{50 + t % 90},{t}", "timeStamp,elapsed,drops\n")
    samples, _ = read(tmp_path, text)
    assert samples[-1]["elapsed_s"] == 590


def test_a_machine_s_memory_is_not_a_process_s(tmp_path: Path) -> None:
    block = "MemTotal: 24684084 kB\nMemFree: {} kB\nMemAvailable: {} kB\nSwapTotal: 0 kB\nSwapFree: 0 kB"
    samples, _ = read(tmp_path, loop(lambda t: block.format(20_000_000, 22_000_000 - t)), every=10)
    assert samples[-1]["machine.used_bytes"] == (24_684_084 - 22_000_000 + 590) * 1024
    assert "rss_bytes" not in samples[-1]
