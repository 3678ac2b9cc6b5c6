"""axe-core 4.14.1 as npm has it (``npm pack axe-core``; MPL-2.0, ``axe.min.js``): rules of accessibility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selenium.webdriver.remote.webdriver import WebDriver

SCRIPT = Path(__file__).with_name("axe.min.js")


def audit(browser: WebDriver) -> dict[str, Any]:
    """Each rule under ``passes``, ``violations``, ``incomplete`` or ``inapplicable``, with its nodes."""
    browser.execute_script(SCRIPT.read_text(encoding="utf-8"))
    browser.set_script_timeout(60)
    found: dict[str, Any] = browser.execute_async_script(
        "const done = arguments[0]; axe.run().then(done, (error) => done({ error: String(error) }))"
    )
    assert "error" not in found, found
    return found
