"""The final report of a campaign as a reader has it, in a browser."""

from __future__ import annotations

import pytest
from selenium import webdriver

from tests.records import make_record, scenario
from tests.render.page.axe import audit
from tests.render.page.conftest import HOSTILE, Page
from zcbench.quantities.parsing import Duration
from zcbench.render.html import render_campaign
from zcbench.scenario import ConsumerTable
from zcbench.verdict import judge
from zcbench.verdict.readiness import Campaign, Judged, assess


@pytest.fixture(scope="module")
def campaign_page(browser: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of two runs with pools of two sizes, and of one that lost packets before them."""
    folder = tmp_path_factory.mktemp("campaign")

    def judged(name: str, slots: int, packets: int) -> Judged:
        plan = scenario(slots=slots, consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))
        record = make_record(folder / f"{slots}-{packets}", plan, packets=packets, run_id=name)
        return Judged(name, record, judge(record))

    campaign = Campaign(
        runs=(judged(HOSTILE, 10, 3000), judged("large", 150, 3000)),
        before=(judged("lossy", 10, 2937),),
    )
    path = folder / "report.html"
    page = render_campaign("Capture", campaign, assess(campaign), has_reports=True)
    path.write_text(page, encoding="utf-8")
    return Page(browser, path.as_uri())


def test_its_figures_are_drawn_and_nothing_is_complained_of(campaign_page: Page) -> None:
    campaign_page.open()
    drawn = campaign_page.run(
        "return [...document.querySelectorAll('figure')].filter((f) => f.querySelector('.drawing svg path'))"
        ".map((f) => f.id)"
    )
    assert drawn == ["figure-pool_sizes", "figure-growth"]
    assert campaign_page.browser.get_log("browser") == []
    # then there is no time to move through, and so no buttons for it
    assert not campaign_page.run("return document.querySelector('.toolbar').checkVisibility()")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("light", 390), ("dark", 1100), ("dark", 390)])
def test_axe_finds_nothing_to_complain_of(campaign_page: Page, scheme: str, width: int) -> None:
    campaign_page.open(scheme=scheme, width=width)
    found = audit(campaign_page.browser)
    assert [(one["id"], [n["html"] for n in one["nodes"]]) for one in found["violations"]] == []
    assert campaign_page.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_table_of_runs_side_by_side_keeps_its_order(campaign_page: Page) -> None:
    campaign_page.open()
    sortable = campaign_page.run("return [...document.querySelectorAll('#results table th button')].length")
    assert sortable == 0
    assert campaign_page.run("return document.querySelectorAll('#memory-behaviour th button').length")
