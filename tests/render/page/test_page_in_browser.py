"""The HTML report as a reader has it, in a browser."""

from __future__ import annotations

import base64
import json
import re

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.render.page.axe import audit
from tests.render.page.conftest import HOSTILE, Page

TIMELINES = {f"figure-{name}" for name in ("memory", "pool", "latency", "rate", "cost", "resources")}


def shown(page: Page) -> str:
    return page.browser.find_element(By.ID, "shown").text


def wheel(page: Page, figure: str, turns: int = 3) -> None:
    """Turn the wheel over the middle of ``figure`` with Ctrl held, as a trackpad's pinch does."""
    svg = page.browser.find_element(By.CSS_SELECTOR, f"#{figure} .drawing svg")
    page.run("arguments[0].scrollIntoView({block: 'center'})", svg)
    chain = ActionChains(page.browser).key_down(Keys.CONTROL)
    for _ in range(turns):
        chain.scroll_from_origin(ScrollOrigin.from_element(svg), 0, -120)
    chain.key_up(Keys.CONTROL).perform()


def test_every_figure_is_drawn_and_nothing_is_complained_of(unopened: Page) -> None:
    page = unopened
    page.open()
    drawn = page.run(
        "return [...document.querySelectorAll('figure')].filter((f) => f.querySelector('.drawing svg path'))"
        ".map((f) => f.id)"
    )
    assert set(drawn) == TIMELINES | {"figure-percentiles"}
    assert page.browser.get_log("browser") == []


def test_it_asks_no_host_for_anything(unopened: Page) -> None:
    page = unopened
    page.open()
    page.run("document.querySelector('[data-move=closer]').click()")
    sent = [
        message["params"]["request"]["url"]
        for entry in page.browser.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
    ]
    assert page.url in sent  # the log does see requests
    assert {url.partition(":")[0] for url in sent} <= {"file", "data", "about"}
    assert [url for url in sent if url.startswith("file") and url != page.url] == []


def test_the_security_policy_holds_off_what_is_not_of_the_page(page: Page) -> None:
    # given a script, a style and a request that somebody got into the page
    page.run(
        """const script = document.createElement("script");
           script.textContent = "window.broken = true";
           const style = document.createElement("style");
           style.textContent = "h1 { color: rgb(1, 2, 3) }";
           document.head.append(script, style);
           fetch("https://example.org/").catch(() => { window.refused = true; });
           setTimeout("window.evil = true", 0);
           window.added = [script, style];"""
    )
    page.wait("return window.refused")
    # then none of them has an effect
    assert page.run("return window.broken") is None
    assert page.run("return window.evil") is None
    assert page.run("return getComputedStyle(document.querySelector('h1')).color") != "rgb(1, 2, 3)"
    page.run("window.added.forEach((node) => node.remove())")


def test_zooming_one_figure_moves_all_others(page: Page) -> None:
    before = page.times()
    assert set(before) == TIMELINES
    # when one is zoomed with the wheel
    wheel(page, "figure-pool")
    page.wait("return document.getElementById('shown').textContent !== '0:00 to 1:00'")
    # then all show the same, other time
    page.comes(lambda: len(set(page.times().values())) == 1)
    zoomed = page.times()
    assert set(zoomed) == TIMELINES
    assert all(zoomed[name] != before[name] for name in TIMELINES)
    # and the whole run comes back with one button
    page.browser.find_element(By.CSS_SELECTOR, "[data-move=whole]").click()
    page.wait("return document.getElementById('shown').textContent === '0:00 to 1:00'")
    page.comes(lambda: page.times() == before)


def test_dragging_moves_the_time(page: Page) -> None:
    # given a figure that is zoomed in
    for _ in range(2):
        page.browser.find_element(By.CSS_SELECTOR, "[data-move=closer]").click()
    page.wait("return document.getElementById('shown').textContent === '0:23 to 0:38'")
    # when it is dragged to the left
    svg = page.browser.find_element(By.CSS_SELECTOR, "#figure-rate .drawing svg")
    page.run("arguments[0].scrollIntoView({block: 'center'})", svg)
    chain = ActionChains(page.browser).move_to_element_with_offset(svg, 0, -60)
    chain.click_and_hold().move_by_offset(-200, 0).release().perform()
    page.wait("return document.getElementById('shown').textContent !== '0:23 to 0:38'")
    # then later times come into view, of the same length, in all figures
    start, end = (int(t.rpartition(":")[2]) for t in shown(page).split(" to "))
    assert start > 23
    assert end - start in (14, 15, 16)
    page.comes(lambda: len(set(page.times().values())) == 1)


@pytest.mark.parametrize("times", [3, 30])
def test_it_cannot_be_zoomed_out_of_the_run_nor_into_nothing(page: Page, times: int) -> None:
    for _ in range(times):
        page.run("document.querySelector('[data-move=closer]').click()")
    page.wait("return document.getElementById('shown').textContent === '0:25 to 0:35'")
    for _ in range(times):
        page.run("document.querySelector('[data-move=later]').click()")
        page.run("document.querySelector('[data-move=wider]').click()")
    assert shown(page).endswith("1:00")


def test_a_finding_leads_to_the_moment_that_shows_it(page: Page) -> None:
    # given the finding of the late packet
    link = page.browser.find_element(By.CSS_SELECTOR, "a[href='#figure-latency'][data-from]")
    assert "at 0:21" in link.text
    # when its link is followed with the keyboard
    link.send_keys(Keys.ENTER)
    # then the figures show some seconds around it, and the page is at the right one
    page.wait("return document.getElementById('shown').textContent === '0:16 to 0:26'")
    assert page.run("return location.hash") == "#figure-latency"
    page.comes(lambda: len(set(page.times().values())) == 1)


def test_the_values_under_the_pointer_are_said(page: Page) -> None:
    svg = page.browser.find_element(By.CSS_SELECTOR, "#figure-memory .drawing svg")
    page.run("arguments[0].scrollIntoView({block: 'center'})", svg)
    ActionChains(page.browser).move_to_element_with_offset(svg, 0, -60).perform()
    out = page.browser.find_element(By.CSS_SELECTOR, "#figure-memory .readout")
    page.comes(lambda: out.text)
    assert re.fullmatch(
        r"0:\d\d: RSS 50(\.\d+)? MiB, Python heap 1\.9\d* MiB, native heap 5\.7\d* MiB", out.text
    )


def test_text_of_the_record_is_text(page: Page) -> None:
    # then the tag is shown as it was written, and no script of it ran
    body = page.browser.find_element(By.TAG_NAME, "body").text
    assert HOSTILE in body
    assert "<img src=x onerror=alert(2)>" in body
    assert page.run("return document.querySelectorAll('img[src=x]').length") == 0
    assert page.run("return document.querySelectorAll('script').length") == 2


def test_a_table_is_sorted_by_keyboard(page: Page) -> None:
    header = page.browser.find_element(By.XPATH, "//section[@id='memory-profile']//th[contains(., 'Packets')]")

    def column() -> list[int]:
        cells = page.browser.find_elements(By.CSS_SELECTOR, "#memory-profile tbody td:nth-child(2)")
        return [int(cell.text.replace(",", "")) for cell in cells]

    as_written = column()
    assert len(set(as_written)) > 5
    assert header.get_attribute("aria-sort") == "none"
    # when its header's button is pressed twice
    button = header.find_element(By.TAG_NAME, "button")
    button.send_keys(Keys.ENTER)
    assert header.get_attribute("aria-sort") == "ascending"
    assert column() == sorted(as_written)
    button.send_keys(Keys.SPACE)
    # then it falls, by number and not by text, and it says so
    assert header.get_attribute("aria-sort") == "descending"
    assert column() == sorted(as_written, reverse=True)


def test_findings_are_sorted_by_how_bad_they_are(page: Page) -> None:
    header = page.browser.find_element(By.XPATH, "//table[@class='findings']//th[contains(., 'Outcome')]")
    header.find_element(By.TAG_NAME, "button").click()
    cells = page.browser.find_elements(By.CSS_SELECTOR, ".findings .outcome")
    order = ["FAIL", "WARN", "INCONCLUSIVE", "PASS", "skipped"]
    places = [order.index(cell.text.strip()) for cell in cells]
    assert places == sorted(places)
    assert len(set(places)) > 1


@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("light", 360), ("dark", 1100), ("dark", 360)])
def test_axe_finds_nothing_to_complain_of(unopened: Page, scheme: str, width: int) -> None:
    unopened.open(scheme=scheme, width=width)
    found = audit(unopened.browser)
    assert found["passes"]
    assert "color-contrast" in {rule["id"] for rule in found["passes"]}
    complaints = {rule["id"]: [node["html"][:200] for node in rule["nodes"]] for rule in found["violations"]}
    assert complaints == {}


def test_everything_can_be_reached_by_keyboard(page: Page) -> None:
    # given the page's buttons and links
    page.run("document.body.tabIndex = -1; document.body.focus()")
    wanted = {"closer", "wider", "earlier", "later", "whole", "theme"}
    reached: set[str] = set()
    body = page.browser.switch_to.active_element
    for _ in range(12):
        body.send_keys(Keys.TAB)
        body = page.browser.switch_to.active_element
        reached.add(body.get_attribute("data-move") or body.get_attribute("id") or "")
    assert wanted <= reached


def test_dark_follows_the_system_and_the_button(unopened: Page) -> None:
    def paper() -> tuple[str, str]:
        return tuple(
            unopened.run(
                """return [getComputedStyle(document.body).backgroundColor,
                     getComputedStyle(document.querySelector(".drawing svg")).backgroundColor]"""
            )
        )

    unopened.open(scheme="dark")
    assert paper() == ("rgb(20, 25, 31)", "rgb(20, 25, 31)")
    # when the other is asked for
    unopened.browser.find_element(By.ID, "theme").click()
    # then page and figures are light
    assert paper() == ("rgb(255, 255, 255)", "rgb(255, 255, 255)")


@pytest.mark.parametrize("width", [320, 360, 1400])
def test_nothing_is_wider_than_the_screen(unopened: Page, width: int) -> None:
    unopened.open(width=width)
    assert unopened.run("return document.documentElement.scrollWidth") <= width
    # and the figures use what there is
    widest = unopened.run(
        """return Math.max(...[...document.querySelectorAll(".drawing svg")].map(
             (svg) => svg.getBoundingClientRect().width))"""
    )
    assert widest > 0.8 * min(width, 992) - 32


def test_no_column_is_cut_on_a_screen_of_1200_pixels(unopened: Page) -> None:
    unopened.open(width=1200)
    cut = """return [...document.querySelectorAll(".wide, pre")]
      .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.getAttribute("aria-label"))"""
    assert unopened.run(cut) == []


def test_on_paper_it_is_light_and_still(unopened: Page) -> None:
    # given a reader with a dark screen
    unopened.open(scheme="dark")
    unopened.command("Emulation.setEmulatedMedia", media="print")
    inks = unopened.run(
        """return [...document.querySelectorAll(".drawing svg")].map((svg) =>
             getComputedStyle(svg.querySelector("[fill='#1b2430']")).fill)"""
    )
    # then every figure is printed, in ink on white
    assert inks == ["rgb(27, 36, 48)"] * 7
    assert unopened.run("return getComputedStyle(document.body).color") == "rgb(27, 36, 48)"
    pdf = base64.b64decode(unopened.command("Page.printToPDF")["data"])
    assert pdf.startswith(b"%PDF")


def test_without_scripts_it_shows_pictures_and_tables(unopened: Page) -> None:
    unopened.open()
    unopened.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        unopened.browser.get(unopened.url)
        tree = unopened.command("DOMSnapshot.captureSnapshot", computedStyles=["display"])
        strings = tree["strings"]
        document = tree["documents"][0]
        names = [strings[index] for index in document["nodes"]["nodeName"]]
        laid_out = {names[node] for node in document["layout"]["nodeIndex"]}
        drawings = [
            bounds
            for node, bounds in zip(document["layout"]["nodeIndex"], document["layout"]["bounds"], strict=True)
            if names[node] == "svg"
        ]
    finally:
        unopened.command("Emulation.setScriptExecutionDisabled", value=False)
    assert "TABLE" in laid_out
    assert len(drawings) == 7
    assert all(width > 300 and height > 100 for _, _, width, height in drawings)
