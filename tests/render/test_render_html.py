"""The HTML report as a file: whole in itself, escaped, and small. How it behaves is in tests/render/page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.records import Row, make_record, scenario
from zcbench.record.reader import Record, read_record
from zcbench.record.schema import End, Ending, Event
from zcbench.render import html, markdown
from zcbench.verdict import judge

RENDERING = Path(__file__).parents[2] / "benchmarks" / "rendering.py"
LARGEST = 1_000_000
HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> {{ 7 * 7 }} ' \" &amp;"


class Page(HTMLParser):
    """Elements, with the text of scripts and styles, and of everything else."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open][-1] += data
        else:
            self.text += data


def rendered(record: Record) -> Page:
    return Page(html.render(record, judge(record)))


def told(page: Page) -> dict[str, Any]:
    """What the page's script draws from."""
    found: dict[str, Any] = json.loads(page.inside["script"][0])
    return found


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return rendered(make_record(tmp_path_factory.mktemp("sound") / "run"))


def test_nothing_in_it_is_from_elsewhere(sound: Page) -> None:
    addresses = [
        value or ""
        for _, attributes in sound.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "poster", "data")
    ]
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert "url(" not in sound.inside["style"][0]
    # then what a drawing refers to is in it
    clips = {attributes["clip-path"] or "" for _, attributes in sound.elements if "clip-path" in attributes}
    there = {attributes["id"] for tag, attributes in sound.elements if tag == "clippath"}
    assert clips == {f"url(#{name})" for name in there} != set()
    assert not {tag for tag, _ in sound.elements} & {"link", "iframe", "object", "embed", "base"}


def test_its_security_policy_allows_its_own_scripts_and_style_by_digest_only(sound: Page) -> None:
    (policy,) = (
        attributes["content"] or ""
        for tag, attributes in sound.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = {name: values for name, *values in (rule.split() for rule in policy.split(";"))}

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == [digest(text) for text in sound.inside["script"][1:]]
    assert rules["style-src"] == [digest(text) for text in sound.inside["style"]]
    assert "unsafe" not in policy
    # then nothing is left that such a policy would refuse
    inline = {name for _, attributes in sound.elements for name in attributes if name.startswith("on")}
    assert inline == set()
    assert not any("style" in attributes for _, attributes in sound.elements)


def test_verdict_and_findings_come_before_every_figure(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", packets=2937)
    page = rendered(record)
    assert page.text.index("FAIL") < page.text.index("Findings") < page.text.index("Test results")
    tags = [tag for tag, _ in page.elements]
    assert tags.index("table") < tags.index("figure")


def test_every_finding_leads_to_a_figure_that_is_there(sound: Page) -> None:
    figures = {attributes["id"] for tag, attributes in sound.elements if tag == "figure"}
    links = [a["href"] or "" for tag, a in sound.elements if tag == "a"]
    to_figures = [link.removeprefix("#") for link in links if link.startswith("#figure-")]
    assert len(to_figures) == sum(a.get("class") == "check" for _, a in sound.elements)
    assert set(to_figures) <= figures
    assert len(set(to_figures)) > 4


def test_its_tables_say_what_the_markdown_says(tmp_path: Path) -> None:
    # given one record in both formats
    record = make_record(tmp_path / "run")
    result = judge(record)
    page, text = Page(html.render(record, result)), markdown.render(record, result)
    # then every heading and every cell of the Markdown is on the page
    flat = " ".join(page.text.split())
    for line in text.splitlines():
        if line.startswith("## "):
            assert line.removeprefix("## ") in flat
        if line.startswith("| ") and " | " in line:
            for cell in re.split(r"(?<!\\)\|", line)[1:-1]:
                plain = re.sub(r"\\(.)", r"\1", cell).strip(" *✅❔❌⚠️–")
                assert plain in flat


def test_text_of_the_record_is_text(tmp_path: Path, sound: Page) -> None:
    # given a record that tries to be a page, wherever it holds text
    events = (Event(elapsed_s=1.0, kind=f"1 {HOSTILE}", message=f"2 {HOSTILE}"),)
    tags = {f"3 {HOSTILE}": f"4 {HOSTILE}"}
    end = End(ending=Ending.FAILED, traceback=f"5 {HOSTILE}", message=f"6 {HOSTILE}", received=3000)
    plan = scenario(description=f"7 {HOSTILE}")
    record = make_record(tmp_path / "run", plan, tags=tags, events=events, ending=end)
    page = rendered(record)
    # then it is shown as it was written
    shown = " ".join(page.text.split())
    for number in range(1, 8):
        assert f"{number} {' '.join(HOSTILE.split())}" in shown
    # and there is no element that an ordinary record does not have
    assert len(page.inside["script"]) == 2
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in sound.elements}
    assert not any(attributes.get("src") == "x" for _, attributes in page.elements)


def test_what_the_script_reads_cannot_end_its_element() -> None:
    text = html._json({"name": HOSTILE, "line": "\u2028"})
    assert "<" not in text
    assert json.loads(text) == {"name": HOSTILE, "line": "\u2028"}


def test_no_folder_of_the_machine_is_on_the_page(tmp_path: Path) -> None:
    end = End(ending=Ending.FAILED, traceback='  File "/srv/private/take.py", line 3', received=1)
    record = make_record(tmp_path / "run", ending=end, command=["zcbench", "--out", "/srv/private/x"])
    page = rendered(record)
    shown = page.text + str(page.elements) + page.inside["script"][0]
    assert "take.py" in shown
    for folder in ("/srv", "private", str(tmp_path)):
        assert folder not in shown, folder


def test_a_record_of_which_nothing_is_known_has_a_page(tmp_path: Path) -> None:
    def bend(_index: int, row: Row) -> None:
        for name in list(row):
            if name not in ("elapsed_s", "settled"):
                row[name] = None

    page = rendered(make_record(tmp_path / "run", bend=bend, partial=True, board=False))
    assert "This report is partial." in page.text
    assert told(page)["figures"] == []
    assert "figure" not in {tag for tag, _ in page.elements}


def test_a_night_of_28_800_samples_stays_below_1_mb(tmp_path: Path) -> None:
    # given eight hours, a sample a second
    record = read_record(runpy.run_path(str(RENDERING))["write_night"](tmp_path / "night"))
    assert record.rows == 28_800
    text = html.render(record, judge(record))
    # then the page is small enough to be mailed, and its axis of time ends when the run did
    assert len(text.encode()) < LARGEST
    page = Page(text)
    assert told(page)["end_ms"] == 28_800_000
    # and the longest delivery of the night is in it
    longest = float(record.samples["delivery_max_ns"].max()) / 1e9
    (latency,) = (f for f in told(page)["figures"] if f["name"] == "latency")
    (drawn,) = (line["v"] for line in latency["lines"] if line["name"] == "delivery max")
    assert max(value for value in drawn if value is not None) == pytest.approx(longest, rel=1e-5)
    assert len(drawn) < 2000
