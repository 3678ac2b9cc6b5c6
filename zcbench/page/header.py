"""Where the C and C++ header of the page lies: in the checkout, or beside the installed package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from zcbench.page.layout import PageError

HEADER_FILE = "zcpage.h"


def folder() -> Path:
    """The folder to name after ``-I``. Raises PageError if this installation lacks it."""
    checkout = Path(__file__).resolve().parents[2] / "include"
    installed = Path(str(resources.files("zcbench").joinpath("include")))
    for found in (checkout, installed):
        if (found / HEADER_FILE).is_file():
            return found
    raise PageError(f"{HEADER_FILE} is not part of this installation; reinstall zcbench")
