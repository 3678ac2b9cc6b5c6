"""The figures of a run: what each shows, and that there is none where nothing was measured."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import Row, make_record, scenario
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.parsing import Duration
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending
from zcbench.render import figures
from zcbench.render.figures import Figure, theme
from zcbench.render.figures.figure import Axis, Key, Panel
from zcbench.render.figures.layers import Marks, Moments, Name
from zcbench.render.figures.lines import spread
from zcbench.render.figures.percentiles import curve
from zcbench.render.figures.scales import Range, round_ticks
from zcbench.render.figures.times import length_label, time_ticks
from zcbench.verdict import judge

Kind = TypeVar("Kind")
ALL = ["memory", "pool", "percentiles", "latency", "rate", "cost", "resources"]


def drawn(record: Record) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures.draw(record, judge(record))}


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter() if node.tag.endswith("text")]


def layers(figure: Figure, kind: type[Kind]) -> list[Kind]:
    return [layer for panel in figure.panels for layer in panel.layers if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    plan = scenario(warmup=Duration(5.0))
    return drawn(make_record(tmp_path_factory.mktemp("sound") / "run", plan))


def test_a_measured_run_has_every_figure_in_order(sound: dict[str, Figure]) -> None:
    assert list(sound) == ALL


@pytest.mark.parametrize("name", ALL)
def test_each_figure_is_an_svg_with_title_units_and_white_paper(sound: dict[str, Figure], name: str) -> None:
    svg = sound[name].svg()
    said = texts(svg)
    assert sound[name].title in said
    # then every y axis has a unit, and the x axis says what it is
    units = {"MiB", "leases", "acquires/s", "%", "time (log)", "packets/s", "packets",
             "% of a core", "number"}  # fmt: skip
    assert units & set(said)
    assert {"time into the run (min:s)", "percentile"} & set(said)
    # and it has its own paper, so that it can be read on a dark page, and nothing from elsewhere
    assert re.search(rf'<rect width="\d+" height="\d+" fill="{theme.PAPER}"/>', svg)
    assert "href=" not in svg
    assert "<script" not in svg


@pytest.mark.parametrize("name", ALL)
def test_nothing_of_a_figure_lies_outside_of_its_paper(sound: dict[str, Figure], name: str) -> None:
    root = ET.fromstring(sound[name].svg())
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    drawn = 0
    for panel in root.iter("{http://www.w3.org/2000/svg}g"):
        if panel.get("class") != "panel":
            continue
        left, top = map(float, re.findall(r"[\d.]+", panel.attrib["transform"]))
        for path in panel.iter("{http://www.w3.org/2000/svg}path"):
            for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.attrib["d"]):
                drawn += 1
                assert 0 <= left + float(x) <= width
                assert 0 <= top + float(y) <= height
    assert drawn > 10
    assert not re.search(r"\b(nan|inf)\b", sound[name].svg())


@given(st.text())
def test_whatever_text_is_drawn_the_figure_is_xml(text: str) -> None:
    across = Range(0.0, 1.0)
    said = Name(0.5, 0.5, text, theme.INK)
    panel = Panel(text, Axis(across), Axis(across, [(0.5, text)]), [said], subtitle=text)
    svg = Figure("name", text, [panel], legend=[Key(text, theme.INK)]).svg()
    ET.fromstring(svg)


def test_ticks_stand_at_round_values_and_times() -> None:
    assert [label for _, label in round_ticks(Range(0.0, 11.8))] == ["0", "2", "4", "6", "8", "10"]
    assert [label for _, label in round_ticks(Range(7.79, 8.33))][:2] == ["7.8", "7.9"]
    assert [label for _, label in time_ticks(31.0)] == [f"0:{s:02}" for s in range(0, 31, 5)]
    assert [label for _, label in time_ticks(28_800.0)] == [f"{h}:00" for h in range(9)]
    assert [label for _, label in time_ticks(90 * 86_400.0)][1] == "216:00"
    assert [length_label(s) for s in (2e-9, 1e-4, 0.01, 1.0, 1e4)] == [
        "2 ns", "100 µs", "10 ms", "1 s", "10,000 s",
    ]  # fmt: skip


def test_a_png_is_twice_as_large_as_the_svg(sound: dict[str, Figure]) -> None:
    png = sound["rate"].png()
    assert png.startswith(b"\x89PNG")
    width = int.from_bytes(png[16:20], "big")
    (in_svg,) = re.findall(r'^<svg[^>]* width="([\d.]+)"', sound["rate"].svg())
    assert width == pytest.approx(2 * float(in_svg), abs=2)


def test_warm_up_collections_and_trend_are_in_the_memory_figure(sound: dict[str, Figure]) -> None:
    said = texts(sound["memory"].svg())
    assert {"RSS", "Python heap", "native heap", "warm-up"} <= set(said)
    assert any(re.search(r"trend [+-][\d.,]+ ± [\d.,]+ B/s", text) for text in said)
    assert any("full gc" in text for text in said)


def test_the_trend_of_a_leak_rises_as_the_heap_does(tmp_path: Path) -> None:
    # given a heap that grows by a MiB a second
    def bend(index: int, row: Row) -> None:
        row["python_heap_bytes"] = 2**20 * (10 + index)

    figure = drawn(make_record(tmp_path / "run", bend=bend))["memory"]
    # then the line drawn over it does, too
    slopes = [re.search(r"trend \+([\d,.]+) ±", text) for text in texts(figure.svg())]
    fastest = max(float(found[1].replace(",", "")) for found in slopes if found)
    assert fastest == pytest.approx(2**20, rel=0.05)


def test_a_pool_too_small_shows_its_misses(tmp_path: Path) -> None:
    # given 100 packets held, and 10 slots
    from zcbench.scenario import ConsumerTable

    plan = scenario(consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))
    figure = drawn(make_record(tmp_path / "run", plan))["pool"]
    assert {"slots", "high water", "in flight", "hits", "misses"} <= set(texts(figure.svg()))
    # then the leases reach 101, and the misses most of 100/s
    highest = max(np.nanmax(curve.y) for curve in figure.curves if curve.name == "high water")
    assert highest == 101


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("consumer.gaps", "gap"),
        ("engine.drops", "drop"),
        ("engine.xruns", "xrun"),
        ("consumer.reordered", "out of order"),
        ("consumer.aliased", "wrong bytes"),
    ],
)
def test_what_went_wrong_is_marked_when_it_did(tmp_path: Path, column: str, name: str) -> None:
    # given one fault, at the twentieth sample
    def bend(index: int, row: Row) -> None:
        row[column] = int(index >= 20)

    record = make_record(tmp_path / "run", bend=bend)
    figure = drawn(record)["rate"]
    assert name in texts(figure.svg())
    # then its mark is at that sample's time, and no other kind is marked
    (mark,) = layers(figure, Marks)
    assert mark.x.tolist() == [record.samples["elapsed_s"][20]]
    others = {"gap", "drop", "xrun", "out of order", "wrong bytes"} - {name}
    assert not others & set(texts(figure.svg()))


def test_a_crash_is_a_line_at_its_time(tmp_path: Path) -> None:
    end = End(ending=Ending.CRASHED, elapsed_s=1.4, signal="SIGSEGV", received=111)
    record = make_record(tmp_path / "run", packets=111, rows=2, ending=end)
    for name, figure in drawn(record).items():
        if figure.timeline:
            assert "crashed" in texts(figure.svg()), name
            assert all(1.4 in line.x for line in layers(figure, Moments) if line.names), name


def test_what_was_not_measured_has_no_figure(tmp_path: Path) -> None:
    # given a record of nothing but times
    def bend(_index: int, row: Row) -> None:
        for name in list(row):
            if name not in ("elapsed_s", "settled"):
                row[name] = None

    record = make_record(tmp_path / "run", bend=bend, partial=True, board=False)
    assert drawn(record) == {}
    # and a single gauge that was measured has one, with one panel
    only = make_record(
        tmp_path / "heap",
        bend=lambda i, row: (bend(i, row), row.update(rss_bytes=2**25)),
        partial=True,
        board=False,
    )
    (figure,) = drawn(only).values()
    assert figure.name == "memory"
    assert len(figure.panels) == 1


def test_a_record_without_a_sample_has_no_figure(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    file = record.path / "samples.csv"
    file.write_text(file.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    from zcbench.record.reader import read_record

    found = drawn(read_record(record.path))
    assert set(found) <= {"percentiles"}


def test_the_percentile_curve_ends_at_the_slowest_packet() -> None:
    # given 900 readings of 1 µs, 99 of 1 ms and one of 1 s
    board = Scoreboard.create()
    for value, times in ((1_000, 900), (1_000_000, 99), (1_000_000_000, 1)):
        for _ in range(times):
            board.record("delivery_ns", value)
    x, y = curve(board.histogram("delivery_ns"))
    # then p90 is where 1 ms begins, p99.9 where 1 s does, and the last x is the count
    assert x.tolist() == pytest.approx([1, 10, 1000, 1000])
    assert y.tolist() == pytest.approx([1e-6, 1e-3, 1, 1], rel=1 / 16)
    assert y[-1] == 1.0


@pytest.mark.parametrize("wanted", [[0, 0, 0], [100, 100], [50, 51, 10, 99], [5.0]])
def test_names_of_lines_do_not_lie_on_one_another(wanted: list[float]) -> None:
    places = spread(wanted, 13, 100)
    assert all(b - a >= 13 - 1e-9 for a, b in zip(sorted(places), sorted(places)[1:], strict=False))
    assert max(places) <= 100
    assert np.argsort(places, kind="stable").tolist() == np.argsort(wanted, kind="stable").tolist()


@pytest.mark.parametrize("colour", [c for c in theme.DARK if c not in (theme.PAPER, theme.GRID, theme.SHADE)])
def test_every_ink_has_contrast_on_light_and_on_dark_paper(colour: str) -> None:
    assert contrast(colour, theme.PAPER) >= 4.5
    assert contrast(theme.DARK[colour], theme.DARK[theme.PAPER]) >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours "#rrggbb"."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else math.pow((c + 0.055) / 1.055, 2.4) for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
