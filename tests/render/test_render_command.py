"""A report of any program reads as if made for it: what it does not count is nowhere asked for."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from rich.console import Console

from tests.records import Row, command_row, make_command_record
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import unit_of
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending, Result
from zcbench.render import figures, github, html, junit, markdown
from zcbench.render.heartbeat import Heartbeat
from zcbench.render.live import LiveView
from zcbench.render.openmetrics import about
from zcbench.render.progress import UNICODE
from zcbench.render.summary import summary
from zcbench.verdict import judge
from zcbench.verdict.readiness import Campaign, Judged, assess

OF_ENGINES = (
    "packet", "pool", "slot", "lease", "buffer", "latency", "hit rate", "tone", "consumer", "engine",
    "tracemalloc", "not measured: ", "scoreboard",
)  # fmt: skip


def live(record: Record, _result: Result) -> str:
    view = LiveView()
    view.on_start(record.run)
    view.on_sample(command_row(5, 6.0))
    view.on_end(record.end)
    out = io.StringIO()
    Console(file=out, width=100).print(view.picture())
    return out.getvalue()


def heartbeat(record: Record, _result: Result) -> str:
    out = io.StringIO()
    said = Heartbeat(stream=out)
    said.on_start(record.run)
    said.on_sample(command_row(5, 6.0))
    said.on_end(record.end)
    return out.getvalue()


def page(record: Record, result: Result) -> str:
    """The HTML report's text, without style, script and drawings' paths."""
    text = html.render(record, result)
    text = re.sub(r"(?s)<(style|script)\b.*?</\1>", "", text)
    return re.sub(r"<[^>]*>", " ", text)


OUTPUTS: Mapping[str, Callable[[Record, Result], str]] = {
    "markdown": markdown.render,
    "html": page,
    "junit": junit.render,
    "github": lambda record, result: "\n".join(github.workflow_commands(record, result)),
    "summary": lambda record, result: "\n".join(
        line.plain for line in summary(record, result, [Path("report.md")], 100, UNICODE)
    ),
    "live": live,
    "heartbeat": heartbeat,
    "openmetrics": lambda record, _: str(about(record.run)),
}


def of_reports(text: str) -> str:
    """What is said of the subject: without the machine's and the scenario's tables."""
    return text.partition("Environment")[0].replace("zcbench", "").lower()


@pytest.mark.parametrize("output", OUTPUTS)
def test_what_a_program_does_not_count_is_not_asked_for(tmp_path: Path, output: str) -> None:
    record = make_command_record(tmp_path / "run")
    said = of_reports(OUTPUTS[output](record, judge(record)))
    assert "sleep 60" in said or output in ("html", "markdown", "github")
    assert not [word for word in OF_ENGINES if word in said]
    assert "–, –" not in said


def test_no_section_and_no_table_of_it_is_empty(tmp_path: Path) -> None:
    record = make_command_record(tmp_path / "run")
    text = markdown.render(record, judge(record))
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "## Test results",
        "## Memory profile",
        "## Memory behaviour",
        "## Environment",
        "## What the harness cost",
        "## How to reproduce",
    ]
    assert "| – |" not in text
    assert "| Subject | sleep 60 |" in text
    assert [figure.name for figure in figures.draw(record, judge(record))] == ["memory", "cost", "resources"]


def test_no_figure_of_it_speaks_of_engines(tmp_path: Path) -> None:
    record = make_command_record(tmp_path / "run")
    drawn = figures.draw(record, judge(record))
    words = " ".join(
        text for figure in drawn for panel in figure.panels for text in (panel.title, panel.subtitle)
    )
    assert "CPU of the subject" in words
    assert not [word for word in OF_ENGINES if word in words]


def test_both_sections_with_the_cpu_of_a_program_say_the_same(tmp_path: Path) -> None:
    # given a program whose CPU time, half a core, could be read in the first half of the run alone
    record = make_command_record(
        tmp_path / "run",
        counts=lambda index: {"cpu_user_s": 0.5 * index if index < 30 else None, "cpu_system_s": 0.0},
    )
    text = markdown.render(record, judge(record))
    assert "| CPU, of one core | 50 % |" in text
    assert "| Subject CPU, of one core | 50 % |" in text


def test_the_profile_names_what_was_counted_and_has_private_memory(tmp_path: Path) -> None:
    names = ("malloc.live_bytes", "anonymous_bytes", "swap_bytes")
    record = make_command_record(
        tmp_path / "run",
        counts=lambda _: {"malloc.live_bytes": 2 << 20, "anonymous_bytes": 3 << 20, "swap_bytes": 1 << 20},
        brought=[VOCABULARY[name] for name in names],
    )
    profile = markdown.render(record, judge(record)).partition("## Memory profile")[2].partition("##")[0]
    assert "| Time | malloc | Private memory | RSS |" in profile
    assert "| 2.00 MiB | 4.00 MiB |" in profile
    assert "malloc: bytes that malloc has given out and not got back." in profile


def test_a_line_on_where_the_run_is_calls_malloc_malloc(tmp_path: Path) -> None:
    out = io.StringIO()
    said = Heartbeat(stream=out)
    said.on_start(make_command_record(tmp_path / "run").run)
    said.on_sample(command_row(5, 6.0) | {"malloc.live_bytes": 2 << 20})
    assert "malloc 2.00 MiB, RSS" in out.getvalue()
    assert "heap" not in out.getvalue()


def test_how_it_ended_is_said_in_the_programs_words(tmp_path: Path) -> None:
    for number, (end, sentence) in enumerate(
        (
            (End(ending=Ending.FINISHED, message="exited normally"), "the process exited normally"),
            (
                End(ending=Ending.FINISHED, signal="SIGTERM", message="ended by SIGTERM, as it was asked to"),
                "it ended by SIGTERM, as it was asked to",
            ),
            (
                End(ending=Ending.CRASHED, signal="SIGSEGV", message="the command died of SIGSEGV"),
                "the subject crashed: the command died of SIGSEGV",
            ),
        )
    ):
        record = make_command_record(tmp_path / str(number), ending=end)
        life = judge(record).findings[0]
        assert life.sentence == sentence
        assert "faulthandler" not in (life.remedy or "")


def pooled(index: int) -> Row:
    """A program that publishes a sound pool's counters, 100 acquires a second."""
    taken = 100 * (index + 1)
    return {
        "engine.captured": taken,
        "engine.delivered": taken,
        "engine.drops": 0,
        "pool.slots": 10,
        "pool.hits": taken,
        "pool.misses": 0,
        "pool.refused": 0,
        "pool.returns": taken - 3,
        "pool.in_flight": 3,
        "pool.high_water": 4,
    }


def test_what_it_does_count_is_shown_as_an_engines_is(tmp_path: Path) -> None:
    record = make_command_record(tmp_path / "run", counts=pooled)
    result = judge(record)
    asked = {finding.check for finding in result.asked}
    assert {"delivery", "conservation", "pool.recycling", "pool.hit_rate"} <= asked
    assert not {"integrity", "claims"} & asked
    text = markdown.render(record, result)
    assert "## Pool statistics" in text
    assert "| Hits | 6,000 |" in text
    assert "| Packets delivered | 6,000 |" in text
    said = OUTPUTS["summary"](record, result)
    assert "6,000 delivered" in said
    assert "hit rate 100 %" in said


def test_an_attached_process_is_called_by_its_number(tmp_path: Path) -> None:
    subject = SubjectInfo(kind="attached", pid=4242, title="nginx")
    record = make_command_record(tmp_path / "run", subject=subject)
    assert record.run.about == "process 4242 (nginx)"
    assert "process 4242 (nginx)" in OUTPUTS["markdown"](record, judge(record))


def test_what_it_publishes_under_names_of_its_own_is_a_table(tmp_path: Path) -> None:
    jitter = Quantity("jitter.depth", unit_of("packets"), Kind.GAUGE, Origin.SUBJECT, "packets that wait")
    requests = Quantity("http.requests", unit_of("requests"), Kind.TOTAL, Origin.SUBJECT, "requests served")
    brought = (jitter, requests, VOCABULARY["malloc.live_bytes"], VOCABULARY["fds.socket"])
    record = make_command_record(
        tmp_path / "run",
        brought=brought,
        counts=lambda index: {
            "jitter.depth": index % 5,
            "http.requests": 1000 * index,
            "malloc.live_bytes": 65_536,
            "fds.socket": 12,
        },
    )
    text = markdown.render(record, judge(record))
    said = text.partition("## What else was measured")[2]
    assert "| jitter.depth | 0 | 4 | 0 | 4 |" in said
    assert "| http.requests | 0 | 59,000 |" in said
    assert "| malloc | 64.00 KiB | 64.00 KiB |" in text.partition("## Memory behaviour")[2]
    assert "brought" not in text


def test_a_campaign_of_programs_has_the_items_that_they_can_answer(tmp_path: Path) -> None:
    lengths = {"a": 60.0, "b": 90.0}
    records = [make_command_record(tmp_path / name, duration_s=length) for name, length in lengths.items()]
    campaign = Campaign(tuple(Judged(r.path.name, r, judge(r)) for r in records))
    found = assess(campaign)
    titles = [item.title for item in found.items]
    assert "Memory does not grow" in titles
    assert "It held for an hour in one piece" in titles
    said = " ".join(f"{item.title} {item.why} {item.step}" for item in found.items).lower()
    for word in ("packet", "pool", "slot", "audio", "device", "stability-5min"):
        assert word not in said
    assert "`zcbench run --duration 1h -- sleep 60`" in found.steps
