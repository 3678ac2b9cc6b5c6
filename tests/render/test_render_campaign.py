"""The final report of a campaign: it reconciles, escapes, and says no more than its runs show."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from tests.records import make_command_record, make_record, scenario
from tests.render.test_render_html import Page
from tests.render.test_render_markdown import tables
from tests.verdict.test_verdict_readiness import DIED, judged, kept
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import Event
from zcbench.render import campaign as content
from zcbench.render.campaign.written import Final, write_campaign
from zcbench.render.figures.layers import Marks, Segments
from zcbench.render.html import render_campaign as html_of
from zcbench.verdict import judge
from zcbench.verdict.readiness import Campaign, Judged, assess

HOSTILE = "<script>alert(1)</script>|`x`"


def final(campaign: Campaign, title: str = "Capture 1.0") -> Final:
    return Final(title, campaign, assess(campaign))


@pytest.fixture
def campaign(tmp_path: Path, hour: Judged) -> Campaign:
    """Two pools for an application that keeps packets, an hour, and the crash that came before."""
    return Campaign(
        runs=(
            judged(tmp_path, "small", scenario(slots=10, consumer=kept())),
            judged(tmp_path, "large", scenario(slots=150, consumer=kept())),
            hour,
        ),
        before=(judged(tmp_path, "crashed", packets=111, ending=DIED),),
    )


def row(found: list[list[list[str]]], title: str, *, has: str) -> list[str]:
    """The row ``title`` of the first table that has a column ``has``."""
    table = next(table for table in found if has in table[0])
    return next(line[1:] for line in table if line[0] == title)


def test_the_report_tells_the_whole_story_in_order(campaign: Campaign) -> None:
    report = final(campaign).markdown()
    assert report.startswith("# Capture 1.0: ✅ READY\n")
    assert re.findall(r"^## (.*)$", report, re.MULTILINE) == [
        "Executive summary",
        "Problem history",
        "Results",
        "Pool-size comparison",
        "Memory behaviour",
        "Findings and what they mean",
        "Readiness checklist",
        "Next steps",
        "Environment",
    ]
    found = tables(report)
    # then the crash stands beside what came after it, as in the original's table
    assert row(found, "Packets delivered", has="crashed") == ["111", "360,000"]
    assert row(found, "Packets delivered", has="small") == ["3,000", "3,000", "360,000"]
    assert "366,000 packets of 366,000 due" in report
    # then the pool that was too small is said to be, with the size that would do
    assert "small: 10 slots are too few" in report
    assert "127 would have served every packet" in report


def test_without_a_before_there_is_no_history(campaign: Campaign) -> None:
    report = final(Campaign(campaign.runs)).markdown()
    assert "Problem history" not in report
    assert "Before" not in report


@pytest.mark.parametrize(
    ("packets", "badge"),
    [(3000, "# Capture 1.0: ❔ NOT SHOWN\n"), (2937, "# Capture 1.0: ❌ NOT READY\n")],
)
def test_the_title_bears_the_answer(tmp_path: Path, packets: int, badge: str) -> None:
    campaign = Campaign((judged(tmp_path, "only", packets=packets),))
    assert final(campaign).markdown().startswith(badge)


def test_what_did_not_pass_is_told_once_with_its_runs_and_its_meaning(tmp_path: Path) -> None:
    lossy = [judged(tmp_path, name, packets=2937) for name in ("a", "b")]
    report = final(Campaign((*lossy, judged(tmp_path, "c")))).markdown()
    table = next(table for table in tables(report) if "What it means" in table[0])
    (delivery,) = (line for line in table if line[0] == "delivery")
    assert delivery[2] == "a and b"
    assert "audio is lost" in delivery[4]
    # then an open question means nothing yet
    (memory,) = (line for line in table if line[0] == "memory")
    assert memory[4] == "nothing yet"


def test_what_was_not_asked_is_not_said_to_have_passed(hour: Judged) -> None:
    # given a run without a failure, some of whose checks were not asked
    assert {finding.outcome for finding in hour.result.findings} == {"pass", "skipped"}
    report = final(Campaign((hour,))).markdown()
    assert "Every check that had an answer passed." in report
    # when none was asked
    skipped = [msgspec.structs.replace(finding, outcome="skipped") for finding in hour.result.findings]
    silent = replace(hour, result=msgspec.structs.replace(hour.result, findings=skipped))
    report = final(Campaign((silent,))).markdown()
    assert "No check had an answer." in report
    assert "passed." not in report.partition("## Findings")[2].partition("##")[0]


def test_a_log_is_not_said_to_come_from_where_it_was_read(tmp_path: Path) -> None:
    record = make_command_record(tmp_path / "log", subject=SubjectInfo(kind="imported", file="soak.csv"))
    where = record.run.environment
    report = final(Campaign((Judged("log", record, judge(record)),))).markdown()
    environments = report.partition("## Environment")[2]
    assert f"| {where.zcbench}, – |" in environments
    assert where.processor not in environments


def test_a_planted_fault_is_said_to_be_one(tmp_path: Path, hour: Judged) -> None:
    planted = judged(tmp_path, "p", scenario(fault="mixed-ownership"), packets=111, ending=DIED)
    report = final(Campaign((hour,), (planted,))).markdown()
    assert "planted on purpose: mixed-ownership" in report


def test_nothing_from_a_record_is_markup(tmp_path: Path) -> None:
    events = [Event(elapsed_s=1.0, kind="gc", message=HOSTILE)]
    record = make_record(tmp_path / "run", scenario(description=HOSTILE), events=events)
    result = judge(record)
    campaign = Campaign((Judged(HOSTILE, record, result),), (judged(tmp_path, "b", packets=2937),))
    told = final(campaign, title=HOSTILE)
    assert "<script>" not in told.markdown()
    assert "<script>alert" not in told.html()
    assert "&lt;script&gt;alert(1)" in told.html()
    assert json.loads(told.json())["title"] == HOSTILE


def test_a_directory_has_every_runs_report_and_no_dead_link(tmp_path: Path) -> None:
    out = tmp_path / "out"
    runs = (judged(tmp_path, "100 % sure", packets=300), judged(tmp_path, "b", packets=200))
    written = write_campaign(("md", "html", "json"), final(Campaign(runs[:1], runs[1:])), out)
    assert [path.name for path in written] == ["report.md", "report.html", "campaign.json"]
    links = re.findall(r"\]\(([^)#]+)\)", written[0].read_text(encoding="utf-8"))
    links += [
        str(attributes["href"])
        for _, attributes in Page(written[1].read_text(encoding="utf-8")).elements
        if not (attributes.get("href") or "#").startswith("#")
    ]
    assert len(links) == 6  # two figures, and each run's report in both formats
    assert [link for link in links if not (out / unquote(link)).is_file()] == []


def test_the_figures_show_each_run_once(campaign: Campaign) -> None:
    drawn = {figure.name: figure for figure in content.draw(campaign)}
    assert set(drawn) == {"pool_sizes", "growth"}
    (pools,) = drawn["pool_sizes"].panels
    assert [label for _, label in pools.y.ticks] == ["small", "large", "hour"]
    slots, *_ = (layer for layer in pools.layers if isinstance(layer, Segments))
    assert slots.x1.tolist() == [10, 150, 100]
    (heap,) = (panel for panel in drawn["growth"].panels if panel.title == "Python heap")
    assert [label for _, label in heap.y.ticks] == ["small", "large", "hour"]
    lines = [layer for layer in heap.layers if isinstance(layer, Segments)]
    slopes = [layer for layer in heap.layers if isinstance(layer, Marks)]
    for line, slope in zip(lines, slopes, strict=True):
        assert line.x0 <= slope.x <= line.x1
    for figure in drawn.values():
        assert figure.svg().startswith("<svg")


def test_names_that_are_cut_for_an_axis_stay_apart(tmp_path: Path) -> None:
    runs = tuple(
        Judged("x" * 40 + end, run.record, run.result)
        for end in "ab"
        for run in [judged(tmp_path, f"run{end}")]
    )
    (pools,) = content.draw(Campaign(runs))[0].panels
    assert len({label for _, label in pools.y.ticks}) == 2


def test_the_page_is_one_file_and_asks_nobody(campaign: Campaign) -> None:
    page = html_of("Capture 1.0", campaign, assess(campaign))
    assert "default-src &#39;none&#39;" in page
    for _, attributes in Page(page).elements:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert len(page) < 3_000_000
