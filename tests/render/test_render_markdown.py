"""The Markdown report: its figures reconcile, it says what is wrong with it, and a record cannot break it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_command_record, make_record, scenario
from zcbench.quantities.parsing import Duration
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import NS
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending, Event
from zcbench.render.markdown import render
from zcbench.render.paths import public
from zcbench.scenario import ConsumerTable, load
from zcbench.verdict import judge

GOLDEN = Path(__file__).parent / "golden"

SECTIONS = (
    "Test results",
    "Pool statistics",
    "Memory profile",
    "Memory behaviour",
    "Buffer lifecycle",
    "Environment",
    "What the harness cost",
    "How to reproduce",
)


def report_of(record: Record) -> str:
    return render(record, judge(record))


def holding() -> object:
    return scenario(consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))


def cells(line: str) -> list[str]:
    """The cells of a table's row; an escaped bar is part of its cell."""
    return [part.strip() for part in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def tables(report: str) -> list[list[list[str]]]:
    """Every table outside code blocks, as rows of cells, header first, without the rule."""
    found: list[list[list[str]]] = []
    before = code = False
    for line in report.splitlines():
        code ^= line.startswith("```")
        is_row = line.startswith("|") and not code
        if is_row and not before:
            found.append([])
        if is_row:
            found[-1].append(cells(line))
        before = is_row
    return [[table[0], *table[2:]] for table in found]


def figure(report: str, label: str) -> str:
    return next(row[1] for t in tables(report) for row in t if row[0].startswith(label))


def number(report: str, label: str) -> int:
    return int(figure(report, label).replace(",", ""))


# -- figures


@pytest.mark.parametrize("name", ["clean", "pool-too-small"])
def test_the_report_of_a_fixed_record_does_not_change_unnoticed(tmp_path: Path, name: str) -> None:
    """Set ZCBENCH_UPDATE_GOLDEN=1 to write the files anew; then read the difference."""
    # given a record in which every byte is fixed
    plan = scenario() if name == "clean" else holding()
    events = (
        Event(elapsed_s=0.25, kind="phase", message="running"),
        Event(elapsed_s=30.25, kind="phase", message="draining"),
    )
    report = report_of(make_record(tmp_path / "20260101T000000Z-synthetic", plan, events=events))
    # then its report is the one that was read and found good
    file = GOLDEN / f"{name}.md"
    if os.environ.get("ZCBENCH_UPDATE_GOLDEN"):
        file.write_bytes(report.encode())
    assert report == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["immediate", "hold"])
def test_the_numbers_of_every_table_reconcile(tmp_path: Path, kind: str) -> None:
    # given a sound run
    plan = scenario(consumer=ConsumerTable(kind=kind, hold=Duration(1.0)))
    report = report_of(make_record(tmp_path / "run", plan))
    # then what the tables show adds up, table against table
    requests = number(report, "Requests")
    assert requests == number(report, "Hits") + number(report, "Misses")
    assert requests == number(report, "Returns") + number(report, "In flight at the end")
    assert requests == number(report, "Packets delivered")
    assert number(report, "Packets due") - number(report, "Packets delivered") == number(
        report, "Packets missing"
    )
    (profile,) = (t for t in tables(report) if t[0][:2] == ["Time", "Packets"])
    assert profile[-1][1] == figure(report, "Packets delivered")
    (stages,) = (t for t in tables(report) if t[0][0] == "Stage")
    assert stages[1][1] == f"{requests:,}"
    laws = next(t for t in tables(report) if t[0][0] == "Law")
    assert all(left == right and at_end == "holds" for _, left, right, at_end, _ in laws[1:])


def test_data_and_rate_are_those_of_the_packets(tmp_path: Path) -> None:
    # given 3,000 packets of 3,840 bytes in 30 s
    report = report_of(make_record(tmp_path / "run"))
    # then it is 10.99 MiB at 100 packets a second
    assert figure(report, "Data delivered") == "10.99 MiB"
    assert figure(report, "Average rate") == "100/s"


def test_every_section_is_there_in_order(tmp_path: Path) -> None:
    report = report_of(make_record(tmp_path / "run"))
    found = [line.removeprefix("## ") for line in report.splitlines() if line.startswith("## ")]
    assert [heading.split(",")[0] for heading in found] == list(SECTIONS)


@pytest.mark.parametrize("ending", ["finished", "partial"])
def test_every_table_has_as_many_cells_in_each_row_as_in_its_header(tmp_path: Path, ending: str) -> None:
    # given a run, or one of which hardly anything is known
    def bend(_index: int, row: Row) -> None:
        if ending == "partial":
            for name in list(row):
                if name not in ("elapsed_s", "settled"):
                    row[name] = None

    partial = ending == "partial"
    record = make_record(tmp_path / "run", bend=bend, partial=partial, board=not partial)
    # then no table is ragged
    for table in tables(report_of(record)):
        assert {len(row) for row in table} == {len(table[0])}, table[0]


def test_the_heap_is_called_by_its_name(tmp_path: Path) -> None:
    # given one run with a traced heap and one without
    traced = make_record(tmp_path / "traced")
    plan = scenario()
    plain = msgspec.structs.replace(plan, sampling=msgspec.structs.replace(plan.sampling, tracemalloc=False))
    # then each report says which heap its figures are
    assert "Python heap" in report_of(traced)
    assert "Final heap (native heap)" in report_of(make_record(tmp_path / "plain", plain))


def test_memory_is_shown_and_not_called_stable(tmp_path: Path) -> None:
    # given a heap that grows by a MiB a second
    def bend(index: int, row: Row) -> None:
        row["python_heap_bytes"] = 2_000_000 + index * 2**20

    report = report_of(make_record(tmp_path / "run", bend=bend))
    # then the growth is there to see, and no word calls it anything
    assert "+29.00 MiB" in report
    assert "stable" not in report.lower()


def test_refused_and_dropped_packets_are_in_the_tables(tmp_path: Path) -> None:
    # given a pool under policy drop that refused ten packets
    counters = {
        "pool.hits": 2990,
        "pool.misses": 10,
        "pool.refused": 10,
        "engine.drops": 10,
        "engine.delivered": 2990,
        "pool.returns": 2990,
    }
    record = make_record(tmp_path / "run", scenario(policy="drop"), counters=counters)
    report = report_of(record)
    assert figure(report, "Refused") == "10"
    assert figure(report, "Drops") == "10, 0"


def test_the_scenario_in_the_report_runs_the_same_scenario_again(tmp_path: Path) -> None:
    # given a report
    plan = msgspec.structs.replace(holding(), engine="native")
    report = report_of(make_record(tmp_path / "run", plan))
    # when the scenario printed in it is saved and loaded
    (text,) = re.findall(r"```toml\n(.*?)```", report, re.DOTALL)
    file = tmp_path / "again.toml"
    file.write_text(text, encoding="utf-8")
    # then it is the one that was run
    assert load(file) == plan


# -- what is wrong is said at the top


def top(report: str) -> str:
    return report.partition("\n## ")[0]


def test_a_partial_report_says_so_before_any_figure(tmp_path: Path) -> None:
    report = report_of(make_record(tmp_path / "run", packets=1500, partial=True))
    assert "This report is partial" in top(report)
    assert "INCONCLUSIVE" in report.splitlines()[0]


def test_a_report_whose_numbers_do_not_reconcile_says_so_before_any_figure(tmp_path: Path) -> None:
    # given one packet that is nowhere
    report = report_of(make_record(tmp_path / "run", counters={"engine.delivered": 2999}))
    # then the box at the top and the table both say it
    assert "do not reconcile" in top(report)
    assert "**broken**" in report
    # and a sound one carries no such box
    assert "do not reconcile" not in report_of(make_record(tmp_path / "sound"))


def test_the_reason_for_a_failure_is_in_the_first_lines(tmp_path: Path) -> None:
    # given an hour with 63 packets missing
    plan = scenario(duration_s=3600)
    record = make_record(tmp_path / "run", plan, packets=360_000 - 63)
    # then it is what the report begins with
    head = report_of(record).splitlines()[:5]
    assert "FAIL" in head[0]
    assert "audio is lost" in head[2]
    assert "63 are missing" in head[4]


def test_a_crash_shows_the_packet_and_the_stack(tmp_path: Path) -> None:
    # given a crash with a stack from faulthandler
    end = End(
        ending=Ending.CRASHED,
        elapsed_s=1.4,
        signal="SIGSEGV",
        message="the worker died of SIGSEGV",
        traceback='Fatal Python error: Segmentation fault\n  File "worker.py", line 3 in main',
        last_sequence=110,
        received=111,
    )
    report = report_of(make_record(tmp_path / "run", packets=111, rows=2, ending=end))
    # then both are there
    assert "number 110" in top(report)
    assert "Fatal Python error: Segmentation fault" in report


# -- a record cannot break its report

HOSTILE = "a | b ` c < script > d\n| e | f |\r\n## g [x](y) *z* &lt; \\"


def test_text_from_the_record_stays_inside_its_cell(tmp_path: Path) -> None:
    # given an event and a tag that try to be Markdown
    events = (Event(elapsed_s=1.0, kind="error", message=HOSTILE),)
    record = make_record(tmp_path / "run", events=events, tags={"k|ey": HOSTILE})
    report = report_of(record)
    # then their tables have the columns they had, and no heading, tag or code was added
    for table in tables(report):
        assert {len(row) for row in table} == {len(table[0])}
    assert "\n## g" not in report
    assert "< script" not in report.replace("\\< script", "")
    (shown,) = (row[2] for t in tables(report) for row in t if row[1:2] == ["error"])
    assert re.search(r"(?<!\\)[|`<]", shown) is None


def test_a_traceback_cannot_close_its_code_block(tmp_path: Path) -> None:
    # given a traceback that holds a fence
    end = End(ending=Ending.FAILED, traceback="before\n```\n# not a heading\n````\nafter", received=0)
    report = report_of(make_record(tmp_path / "run", ending=end))
    # then the block around it is longer than any fence inside
    assert "`````text\nbefore\n```\n# not a heading\n````\nafter\n`````" in report


def test_many_events_are_cut_in_the_middle_and_counted(tmp_path: Path) -> None:
    # given a night full of events
    events = [Event(elapsed_s=float(i), kind="gc", message=f"number {i}") for i in range(1000)]
    report = report_of(make_record(tmp_path / "run", events=events))
    # then the first and the last are shown, and the table says how many are not
    shown = [row for t in tables(report) for row in t if row[1:2] == ["gc"]]
    assert len(shown) < 100
    assert shown[0][2] == "number 0"
    assert shown[-1][2] == "number 999"
    assert f"{1000 - len(shown):,} more" in report


def test_the_report_names_the_run_and_not_the_folder_it_lies_in(tmp_path: Path) -> None:
    report = report_of(make_record(tmp_path / "20260101T000000Z-synthetic"))
    assert "20260101T000000Z-synthetic" in report
    assert str(tmp_path) not in report


@pytest.mark.parametrize("folder", ["/srv/private/takes", "C:\\Users\\somebody\\takes"])
@pytest.mark.parametrize("where", ["--out", "--out=", "source.path", "traceback", "event"])
def test_no_folder_of_the_machine_is_in_the_report(tmp_path: Path, where: str, folder: str) -> None:
    # given a run whose command, source, traceback or event names a folder
    path = folder + ("\\" if "\\" in folder else "/") + "take.wav"
    plan, command, end = scenario(), ["zcbench", "run"], None
    events: tuple[Event, ...] = ()
    if where == "--out":
        command += ["--out", path]
    elif where == "--out=":
        command += [f"--out={path}"]
    elif where == "source.path":
        source = msgspec.structs.replace(plan.source, kind="file", path=path)
        plan = msgspec.structs.replace(plan, source=source)
    elif where == "traceback":
        text = f'  File "{path}", line 3, in main'
        end = End(ending=Ending.FAILED, traceback=text, received=3000, last_sequence=2999)
    else:
        events = (Event(elapsed_s=1.0, kind="error", message=f"cannot write {path}: disk full"),)
    record = make_record(tmp_path / "run", plan, command=command, ending=end, events=events)
    report = report_of(record)
    # then the file is named, and the folder is not
    assert "take.wav" in report
    assert "private" not in report
    assert "somebody" not in report


@pytest.mark.parametrize(
    "text",
    ["100/s and 2 w/o gaps", "see https://example.org/a/b/c", "a/b relative/path.py", "n / m"],
)
def test_what_only_looks_like_a_path_is_left_alone(text: str) -> None:
    assert public(text) == text


def test_an_argument_with_a_line_break_stays_inside_the_command(tmp_path: Path) -> None:
    # given an argument that tries to end the block and to be a heading
    command = ["zcbench", "run", "--tag", "note=a\n```\n\n## not a heading"]
    report = report_of(make_record(tmp_path / "run", command=command))
    # then it is still inside the command's code block, whose fence is longer than its own
    block = re.search(r"^(````+)sh\n(.*?)\n\1$", report, re.DOTALL | re.MULTILINE)
    assert block is not None
    assert "## not a heading" in block[2]


def test_which_probe_read_what_at_what_cost_stands_in_the_report(tmp_path: Path) -> None:
    # given a Node program whose probe takes a hundredth of a core in it, and a thousandth of ours
    ns = Kind.TOTAL, Origin.SUPERVISOR
    costs = [Quantity(f"probe.v8.{where}", NS, *ns, "cost") for where in ("cost_ns", "inside_ns")]
    brought = [VOCABULARY["v8.heap_bytes"], *costs]

    def counts(index: int) -> Row:
        spent: Row = {"probe.v8.cost_ns": 1_000_000 * index, "probe.v8.inside_ns": 10_000_000 * index}
        return spent | {"v8.heap_bytes": 5_000_000}

    report = report_of(make_command_record(tmp_path / "run", counts=counts, brought=brought))
    assert "| Probe | Read | In the supervisor, of one core | In the subject, of one core |" in report
    row = next(line for line in report.splitlines() if line.startswith("| v8 |"))
    assert row.replace("\\", "") == "| v8 | v8.heap_bytes | 0.1 % | 1 % |"
