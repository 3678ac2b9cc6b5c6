"""The rows a figure draws, beside its chart: what lies inside of one, altair copies and checks many times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import altair as alt

Row = dict[str, float | int | str | None]


class Datasets:
    """Collects the rows of one figure; a chart refers to each set of them by the name given back."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def add(self, rows: Sequence[Row]) -> alt.NamedData:
        """``rows``, as the data of a chart."""
        import altair as alt

        name = f"data{len(self.rows)}"
        self.rows[name] = list(rows)
        return alt.NamedData(name=name)

    def points(
        self, times_s: NDArray[np.float64], values: NDArray[np.float64], digits: int = 5
    ) -> alt.NamedData:
        """A series as rows of ``t`` (ms) and ``v`` (``digits`` significant; NaN is null and breaks a line)."""
        return self.add(
            [
                {"t": round(t * 1000), "v": None if v != v else float(f"{v:.{digits}g}")}
                for t, v in zip(times_s.tolist(), values.tolist(), strict=True)
            ]
        )
