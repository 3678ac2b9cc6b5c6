"""A renderer that dies costs a figure and a sentence, not the process that asked for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcbench.render import conversion
from zcbench.render.conversion import SCRIPT, SVG, ConversionError, Order, convert

SPEC = {"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {"x": {"field": "a"}}}
# A renderer that draws "fine" and does otherwise what it is asked for.
RENDERER = """
import os, signal, sys
def vegalite_to_svg(spec):
    match spec:
        case "fine": return "<svg/>"
        case "exit 0": sys.exit(0)
        case "leave": os._exit(0)
        case "trap": os.kill(os.getpid(), signal.SIGABRT)
        case "panic": raise type("PanicException", (BaseException,), {})("at the \\x1b[31mdisco")
        case "prints": print("noise", flush=True); return "<svg/>"
        case "hang": import time; time.sleep(600)
"""


@pytest.fixture
def renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vl_convert.py").write_text(RENDERER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def made(*whats: str) -> list[str]:
    return [
        one.decode() if isinstance(one, bytes) else f"lost: {one}"
        for one in convert([Order(SVG, what) for what in whats])
    ]


def test_the_real_renderer_draws_and_bundles() -> None:
    svg, script = convert([Order(SVG, SPEC), Order(SCRIPT, "window.vegaEmbed = vegaEmbed;")])
    assert isinstance(svg, bytes)
    assert svg.startswith(b"<svg")
    assert isinstance(script, bytes)
    assert b"vegaEmbed" in script


def test_what_is_not_drawable_is_an_error_and_the_others_are_drawn() -> None:
    good, bad, also = convert([Order(SVG, SPEC), Order(SVG, {"mark": 1}), Order(SVG, SPEC)])
    assert isinstance(bad, ConversionError)
    assert isinstance(good, bytes)
    assert isinstance(also, bytes)


@pytest.mark.usefixtures("renderer")
@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("leave", "lost: the renderer left with exit code 0"),
        ("trap", "lost: the renderer died of SIGABRT"),
        ("exit 0", "lost: it called sys.exit(0)"),
        ("panic", "lost: PanicException: at the \N{REPLACEMENT CHARACTER}[31mdisco"),
        ("prints", "<svg/>"),
    ],
)
def test_a_renderer_that_ends_loses_that_figure_alone(what: str, says: str) -> None:
    assert made("fine", what, "fine") == ["<svg/>", says, "<svg/>"]


@pytest.mark.usefixtures("renderer")
def test_a_renderer_that_dies_of_everything_is_not_started_for_each() -> None:
    assert made(*["leave"] * 9) == ["lost: the renderer left with exit code 0"] * 9


@pytest.mark.usefixtures("renderer")
def test_a_renderer_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "PATIENCE_S", 0.5)
    monkeypatch.setattr(conversion, "MOST_CHILDREN", 1)
    assert made("hang") == ["lost: the renderer was not done after 0.5 s"]
