"""The rows a figure draws, beside its chart: what lies inside of one, altair copies and checks many times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import altair as alt

DIGITS = 6  # of a drawn value: of 100 MiB, 100 B

Row = dict[str, float | int | str | None]


class Datasets:
    """Collects the rows of one figure; a chart refers to each set of them by the name given back."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def add(self, rows: Sequence[Row], name: str = "") -> alt.NamedData:
        """``rows``, as the data of a chart. A ``name`` must be new, and is one that a reader may see."""
        import altair as alt

        name = name or f"data{len(self.rows)}"
        assert name not in self.rows, name
        self.rows[name] = list(rows)
        return alt.NamedData(name=name)

    def points(
        self, times_s: NDArray[np.float64], values: NDArray[np.float64], name: str = ""
    ) -> alt.NamedData:
        """A series as rows of ``t`` (ms) and ``v``; NaN is null and breaks a line."""
        return self.add(
            [
                {"t": round(t * 1000), "v": None if v != v else float(f"{v:.{DIGITS}g}")}
                for t, v in zip(times_s.tolist(), values.tolist(), strict=True)
            ],
            name,
        )
