"""A figure that cannot be drawn costs itself and a sentence, not the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.records import make_record
from zcbench.render import figures, html
from zcbench.render.figures.figure import Axis, Figure, Panel
from zcbench.render.figures.layers import Plot
from zcbench.render.figures.scales import Range
from zcbench.render.formats import write_reports
from zcbench.render.pictures import pictures
from zcbench.verdict import judge


class Broken:
    """A layer that cannot be drawn."""

    def svg(self, _plot: Plot) -> Iterator[str]:
        """Nothing but an error."""
        raise ArithmeticError("at the \x1b[31mdisco")


def figure(name: str, *layers: Broken) -> Figure:
    axis = Axis(Range(0.0, 1.0))
    return Figure(name, name, [Panel("", axis, axis, layers)])


def test_one_that_fails_is_named_and_the_others_are_drawn() -> None:
    drawn, lost = pictures([figure("a"), figure("b", Broken()), figure("c")])
    assert list(drawn) == ["a", "c"]
    assert lost == {"b": "ArithmeticError: at the \N{REPLACEMENT CHARACTER}[31mdisco"}


def test_the_reports_say_which_figure_they_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a run whose figure of memory cannot be drawn
    record = make_record(tmp_path / "run")
    monkeypatch.setattr(figures, "draw", lambda _record, _result: [figure("memory", Broken()), figure("rate")])
    write_reports(("md",), record, judge(record), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    page = html.render(record, judge(record))
    # then report and page have the other, and it is said where this one would be, and on stderr
    assert "could not be drawn: ArithmeticError" in text
    assert "figures/rate.svg" in text
    assert "figures/memory.svg" not in text
    assert 'id="figure-rate"' in page
    assert 'id="figure-memory"' not in page
    assert "the figure 'memory' could not be drawn" in capsys.readouterr().err
