"""Figures become SVG, in this process and by Python alone: what goes wrong is an exception, and costs one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zcbench.foreign import of_error

if TYPE_CHECKING:
    from zcbench.render.figures import Figure


def pictures(figures: Sequence[Figure], *, on_page: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """The SVG of each figure by its name, and why there is none of the others."""
    drawn, lost = {}, {}
    for figure in figures:
        try:
            drawn[figure.name] = figure.svg(on_page=on_page)
        except Exception as error:
            lost[figure.name] = of_error(error)
    return drawn, lost


def tell_lost(lost: Mapping[str, str]) -> None:
    """Say on stderr which figures a report does without, and why."""
    for name, why in lost.items():
        print(f"zcbench: the figure {name!r} could not be drawn: {why}", file=sys.stderr)
