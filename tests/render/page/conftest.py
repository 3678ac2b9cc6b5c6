"""A headless Chromium, and the page of a run in it.

Debian: ``apt-get install chromium chromium-driver``. Without them these tests fail: a page nobody looked at is
not known to work.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from tests.records import Row, make_record, scenario
from zcbench.quantities.parsing import Duration
from zcbench.record.schema import Event
from zcbench.render import html
from zcbench.verdict import judge

HOSTILE = "<script>alert(1)</script>"
PATIENCE_S = 30  # for a machine that is busy: what is waited for usually comes within one


# To load and draw it takes a second; most tests leave nothing behind but another time shown.
_AS_OPENED = """return location.href.split("#")[0] === arguments[0] && innerWidth === 1100
  && document.documentElement.dataset.drawn === "1"
  && !matchMedia("(prefers-color-scheme: dark)").matches && !matchMedia("print").matches"""


@dataclass(frozen=True)
class Page:
    """The report in the browser."""

    browser: webdriver.Chrome
    url: str

    def open(self, *, width: int = 1100, scheme: str = "light", anchor: str = "") -> None:
        """Load it at ``width`` CSS pixels, for a reader who prefers ``scheme``; return when all is drawn."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setEmulatedMedia", media="", features=features)
        self.command("Emulation.setDeviceMetricsOverride", **screen)
        for kind in ("browser", "performance"):
            self.browser.get_log(kind)
        self.browser.get("about:blank")
        self.browser.get(self.url + anchor)
        self.wait("return document.documentElement.dataset.drawn === '1'")

    def command(self, name: str, **arguments: Any) -> Any:
        """One of the DevTools protocol."""
        return self.browser.execute_cdp_cmd(name, arguments)

    def run(self, script: str, *arguments: Any) -> Any:
        """What ``script`` returns in the page."""
        return self.browser.execute_script(script, *arguments)

    def wait(self, script: str) -> None:
        """Until ``script`` returns something true."""
        WebDriverWait(self.browser, PATIENCE_S, 0.05).until(lambda b: b.execute_script(script), script)

    def comes(self, true: Callable[[], object]) -> None:
        """Wait until ``true()`` is."""
        WebDriverWait(self.browser, PATIENCE_S, 0.05).until(lambda _: true())

    def times(self) -> dict[str, tuple[str, ...]]:
        """The labels of the axis of time of each figure that has one."""
        found = self.run(
            """return Object.fromEntries([...document.querySelectorAll("figure")].map((figure) => [
                 figure.id,
                 [...figure.querySelectorAll(".drawing .x .label")]
                   .filter((text) => text.getAttribute("display") !== "none")
                   .map((text) => text.textContent)]))"""
        )
        # In whatever order they came to be.
        labels = {n: tuple(sorted(t for t in texts if ":" in t)) for n, texts in found.items()}
        return {name: times for name, times in labels.items() if times}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    assert None not in (chromium, driver), "no Chromium: apt-get install chromium chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("--headless=new", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's own refuses root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(driver)
    found = webdriver.Chrome(options=options, service=service)
    yield found
    found.quit()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a minute in which a packet was late at one time, and the pool too small at another."""
    folder = tmp_path_factory.mktemp("page")

    def bend(index: int, row: Row) -> None:
        row["pool.misses"] = 3 if index >= 20 else 0
        row["pool.hits"] = int(row["pool.hits"] or 0) - int(row["pool.misses"])
        if index == 40:
            row["delivery_max_ns"] = 800_000_000

    plan = scenario(duration_s=60, warmup=Duration(5.0))
    record = make_record(
        folder / "run", plan, rows=120, bend=bend, tags={"note": HOSTILE},
        events=(Event(elapsed_s=3.0, kind="error", message=f'"; {HOSTILE} <img src=x onerror=alert(2)>'),),
    )  # fmt: skip
    path = folder / "report.html"
    path.write_text(html.render(record, judge(record)), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: webdriver.Chrome, report: Path) -> Page:
    """The page, as it is when it was just opened (apart from the order of its tables)."""
    found = Page(browser, report.as_uri())
    if not found.run(_AS_OPENED, found.url):
        found.open()
    found.run("document.querySelector('[data-move=whole]').click(); scrollTo(0, 0)")
    found.comes(lambda: len(set(found.times().values())) == 1)
    return found


@pytest.fixture
def unopened(browser: webdriver.Chrome, report: Path) -> Page:
    """The page, for a test that opens it in its own way."""
    return Page(browser, report.as_uri())
