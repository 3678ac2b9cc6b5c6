"""What many tools print, recorded from them or in their form: recognised by content, judged by one command.

The recorded ones are of programs that keep 65,536 bytes each half or quarter of a second; the others keep
131,072 B/s, with a reading every 5 s, and pass midnight after a minute.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importers.conftest import LOGS, Ingest
from zcbench.importers.format import builtins, recognise
from zcbench.importers.table import open_table
from zcbench.importers.text import Remarks, open_text
from zcbench.record.writer import RecordError

TOOLS = LOGS / "tools"
EVERY = ("--every", "2s")
LEAK = "by 131,072 B/s"

# File, its format, what it needs, the check that fails (None: none may), and words of its sentence.
CASES: dict[str, tuple[str, tuple[str, ...], str | None, str]] = {
    "alsa-syslog.log": ("xruns", (), "xruns", "20 times"),
    "aplay.txt": ("xruns", (), "xruns", "3 times"),
    "atop.txt": ("atop", (), "memory", "RSS by 129,385 B/s"),
    "candump.txt": ("xruns", (), "delivery", "15 packets were lost"),
    "cgtop.txt": ("cgtop", ("--every", "3s", "--where", "group=/process_api"), None, ""),
    "cloudwatch.json": ("cloudwatch", (), "memory", "RSS by 102,400 B/s"),
    "docker-api.jsonl": ("docker-api", (), "memory", "102,400 B/s"),
    "docker-bare.txt": ("docker-bare", (), "memory", "102,400 B/s"),
    "docker.jsonl": ("docker-json", (), "memory", LEAK),
    "docker.txt": ("docker", (), "memory", LEAK),
    "dstat.csv": ("dstat", (), "memory", "machine's memory by 65,536 B/s"),
    "dumpcap.txt": ("tcpdump", (), "delivery", "dropped 40"),
    "dumpsys.txt": ("dumpsys", (), "memory", "102,400 B/s"),
    "exposition.txt": ("exposition", (), "memory", LEAK),
    "ffmpeg-progress.txt": ("ffmpeg-progress", (), "delivery", "dropped 11"),
    "ffmpeg.txt": ("ffmpeg", (), "delivery", "dropped 11"),
    "free.log": ("free", (), None, ""),
    "gctrace-leak.log": ("gctrace", (), "memory", f"Go heap {LEAK}"),
    "g1-java8.log": ("jvm-gc", (), None, ""),
    "get-process.txt": ("get-process", (), "memory", LEAK),
    "glances.csv": ("glances", (), None, ""),
    "graphite.txt": ("graphite", (), "memory", "102,400 B/s"),
    "heapinfo.txt": ("heap-info", (), None, ""),
    "heaptrack.txt": ("heaptrack", (), None, ""),
    "influx.txt": ("influx", (), "memory", LEAK),
    "ip-link.txt": ("net-counters", (), "delivery", "87 packets were lost, the first by 5 s"),
    "iperf3-server.log": ("iperf", (), None, ""),
    "iperf3.json": ("iperf-json", (), None, ""),
    "jackd.txt": ("xruns", (), "xruns", "3 times"),
    "java8-gc.log": ("jvm-gc", (), "memory", LEAK),
    "jemalloc.txt": ("allocator", (), "memory", f"malloc {LEAK}"),
    "jstat.log": ("jstat", (), "memory", "by 264,313 B/s"),
    "jvm-gc-full.log": ("jvm-gc", (), "memory", LEAK),
    "jvm-gc.log": ("jvm-gc", (), "memory", "by 260,599 B/s"),
    "k6.csv": ("k6-csv", (), "delivery", "dropped 6"),
    "k6.json": ("k6-json", (), "delivery", "dropped 6"),
    "kubectl-bare.txt": ("kubectl-bare", (), "memory", "control group by 104,680 B/s"),
    "kubectl-raw.json": ("kubectl-raw", (), "memory", "102,400 B/s"),
    "kubectl.txt": ("kubectl", (), "memory", LEAK),
    "massif.out": ("massif", (), None, ""),
    "meminfo.txt": ("meminfo", (), None, ""),
    "nmon.nmon": ("nmon", (), None, ""),
    "messages.log": ("logfmt", (), "delivery", "60 packets were lost, the first by 5 min 3"),
    "nmt.txt": ("nmt", (), "memory", "private memory by 34,953 B/s"),
    "node-mixed.log": ("node", EVERY, None, ""),
    "node-print.log": ("node", ("--every", "5s"), "memory", f"V8 array buffers {LEAK}"),
    "nvidia-dmon.txt": ("nvidia-dmon", ("--every", "10s"), "memory", "GPU memory by 10"),
    "nvidia-smi.csv": ("nvidia-smi", (), "memory", "GPU memory by 340,787 B/s"),
    "nvidia-smi.txt": ("nvidia-table", (), "memory", "GPU memory by 10"),
    "obs.txt": ("obs", (), "delivery", "dropped 112"),
    "openmetrics.txt": ("exposition", (), "memory", f"V8 external {LEAK}"),
    "pidstat-grep.log": ("pidstat", (), "memory", "102,400 B/s"),
    "pidstat-h.log": ("pidstat", (), "memory", "RSS by 130,603 B/s"),
    "pidstat.log": ("pidstat", (), "memory", "RSS by 130,603 B/s"),
    "pfring.txt": ("capture-summary", (), "delivery", "57 packets were lost"),
    "ping.txt": ("ping", (), None, ""),
    "pmap-x.log": ("pmap", (), "memory", "RSS by 130,381 B/s"),
    "promtool.txt": ("promtool", (), "memory", "102,400 B/s"),
    "ps-aux-date.log": ("ps-aux", (), "memory", "RSS by 130,296 B/s"),
    "ps-aux.log": ("ps-aux", EVERY, "memory", "RSS by 13"),
    "ps-date.log": ("ps", (), "memory", "RSS by 130,873 B/s"),
    "ps-header.log": ("ps", EVERY, "memory", "RSS by 13"),
    "ps-rss.log": ("ps-bare", (), "memory", "RSS by 130,329 B/s"),
    "ps_rss-2026-11-28": ("collectd", (), None, ""),
    "pw-top.txt": ("pw-top", (), "xruns", "3 times"),
    "redis.log": ("redis", (), "memory", "malloc by 50,955 B/s"),
    "sar.log": ("sar", (), None, ""),
    "shenandoah.log": ("jvm-gc", (), "memory", "Java heap after collection by 1,048,576 B/s"),
    "smaps.log": ("proc", (), None, ""),
    "smem.log": ("smem", ("--where", "PID=3008"), "memory", "USS by 130,360 B/s"),
    "statsd.log": ("statsd", (), "memory", "102,400 B/s"),
    "status.log": ("proc", (), "memory", "private memory by 131,180 B/s"),
    "suricata.log": ("suricata", (), "delivery", "dropped 5"),
    "systemctl.txt": ("systemctl", (), "memory", "control group by 102,40"),
    "tasklist-fr.txt": ("tasklist", (), "memory", "102,400 B/s"),
    "tasklist.csv": ("tasklist", (), "memory", LEAK),
    "tasklist.txt": ("tasklist", (), "memory", LEAK),
    "tcpdump.txt": ("tcpdump", (), None, ""),
    "testpmd.txt": ("logfmt", ("--every", "1s"), "delivery", "228 packets were lost"),
    "top-grep.log": ("top", (), "memory", "102,400 B/s"),
    "top-macos.txt": ("top", (), "memory", LEAK),
    "top.log": ("top", (), "memory", "RSS by 130,755 B/s"),
    "typeperf-de.csv": ("typeperf", (), "memory", "102,400 B/s"),
    "typeperf.csv": ("typeperf", (), "memory", LEAK),
    "v8-gc.log": ("v8-gc", (), "memory", "V8 heap by 133,274 B/s"),
    "vlc-late.log": ("xruns", (), "delivery", "30 packets were lost"),
    "vmmap.txt": ("macos", (), "memory", LEAK),
    "vmstat.log": ("vmstat", (), None, ""),
    "wmic.txt": ("loop", (), "memory", "102,400 B/s"),
    "zeek.txt": ("capture-summary", (), "delivery", "1,200 packets were lost"),
}  # fmt: skip
# Formats whose sample stands beside these (tests/importers/test_logs.py).
ELSEWHERE = {"json", "markdown", "mprof", "prometheus", "psrecord", "table", "logfmt"}


@pytest.mark.parametrize("sample", CASES)
def test_a_tool_s_log_is_judged_as_it_is(ingest: Ingest, sample: str) -> None:
    form, arguments, check, words = CASES[sample]
    assert recognise(open_text(TOOLS / sample, Remarks())).name == form
    answer = ingest(TOOLS / sample, *arguments)
    assert answer.exit_code in (0, 1, 4), answer.stderr
    if check is None:
        assert not answer.failures()
    else:
        assert check in answer.failures()
        assert words in answer.sentence(check)


def test_every_sample_and_every_format_is_tried() -> None:
    assert {path.name for path in TOOLS.iterdir()} == set(CASES)
    assert {form for form, *_ in CASES.values()} | ELSEWHERE == {one.name for one in builtins()}


def test_the_document_has_a_line_for_every_format() -> None:
    # given what stands in a line of docs/logs.md for each format
    document = (LOGS.parents[2] / "docs" / "logs.md").read_text(encoding="utf-8")
    words = {
        "allocator": "jemalloc", "docker-json": "--format json", "exposition": "metrics endpoint",
        "ffmpeg-progress": "-progress", "get-process": "Get-Process", "influx": "Influx",
        "iperf-json": "--json",
        "json": "JSON Lines", "jvm-gc": "-Xlog:gc", "k6-csv": "csv=k6.csv", "k6-json": "json=k6.json",
        "logfmt": "`key=value`", "macos": "vmmap", "markdown": "Markdown", "node": "process.memoryUsage()",
        "proc": "/proc/", "prometheus": "Prometheus", "ps-aux": "ps aux", "ps-bare": "rss=,vsz=",
        "loop": "any command", "docker-bare": "{{.MemUsage}}", "docker-api": "/containers/", "statsd": "statsd",
        "kubectl-bare": "--no-headers", "kubectl-raw": "--raw", "cgtop": "systemd-cgtop",
        "systemctl": "systemctl status", "cloudwatch": "aws cloudwatch", "meminfo": "/proc/meminfo",
        "promtool": "promtool", "graphite": "Graphite", "nvidia-table": "nvidia-smi >", "nvidia-dmon": "dmon",
        "heap-info": "GC.heap_info", "nmt": "VM.native_memory", "net-counters": "ip -s link",
        "capture-summary": "Zeek", "suricata": "Suricata", "obs": "OBS", "tcpdump": "tcpdump",
        "redis": "redis-cli", "table": "CSV", "v8-gc": "--trace-gc", "xruns": "jackd", "jvm": "Java",
    }  # fmt: skip
    for one in builtins():
        assert words.get(one.name, one.name) in document, one.name


@pytest.mark.parametrize("form", [one.name for one in builtins()])
@pytest.mark.parametrize("text", ["\n", "hello\n", '{"a": 1'])
def test_a_format_that_is_forced_on_something_else_refuses_it(tmp_path: Path, form: str, text: str) -> None:
    path = tmp_path / "log"
    path.write_text(text, encoding="utf-8")
    try:
        assert list(open_table(path, form).rows())
    except RecordError as error:
        said = str(error)
    else:
        return
    assert str(path) in said
