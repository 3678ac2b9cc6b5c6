"""Amazon CloudWatch: get-metric-statistics and get-metric-data, whose readings come in no order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zcbench.importers.blocks import TIME
from zcbench.importers.clocks import Clock
from zcbench.importers.documents import values
from zcbench.importers.format import CERTAIN, Head, Rows, reads
from zcbench.importers.text import Text
from zcbench.record.writer import RecordError

_STATISTICS = ("Average", "Maximum", "Sum", "Minimum", "SampleCount")
_UNITS = {"Bytes": "bytes", "Kilobytes": "KB", "Megabytes": "MB", "Gigabytes": "GB"}


def _is_answer(head: Head) -> float:
    text = "\n".join(head[:60])
    return CERTAIN if '"Datapoints"' in text or '"MetricDataResults"' in text else 0.0


@reads(
    "cloudwatch",
    "CloudWatch: aws cloudwatch get-metric-statistics, get-metric-data",
    _is_answer,
    {TIME: "elapsed_s:time"},
    guess=True,
)
def read(text: Text) -> Rows:
    """A row of each time, in the order of times; a column of each metric's label, or of its one statistic."""
    rows: dict[str, dict[str, Any]] = {}
    for number, answer in values(text):
        try:
            for label, at, value in _readings(answer):
                rows.setdefault(at, {TIME: at})[label] = value
        except (KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{text.where(number)}: not an answer of CloudWatch ({error!r})") from error
    clock = Clock()
    at_times = [(moment.seconds, row) for at, row in rows.items() if (moment := clock.moment(at)) is not None]
    for number, (_, row) in enumerate(sorted(at_times, key=lambda one: one[0]), 1):
        yield number, row


def _readings(answer: Any) -> Iterator[tuple[str, str, Any]]:
    for one in answer.get("Datapoints", ()):
        statistic = next(name for name in _STATISTICS if name in one)
        unit = _UNITS.get(one.get("Unit", ""))
        value = one[statistic]
        yield answer.get("Label", statistic), one["Timestamp"], f"{value} {unit}" if unit else value
    for one in answer.get("MetricDataResults", ()):
        for at, value in zip(one["Timestamps"], one["Values"], strict=True):
            yield one.get("Label") or one["Id"], at, value
