"""iperf and iperf3 over UDP: datagrams lost and sent each interval, as text and as --json."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from zcbench.importers.format import CERTAIN, Head, Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.record.writer import RecordError

_LINE = re.compile(
    r"\[\s*(?P<id>\d+|SUM)\]\s+(?P<from>\d+\.\d+)\s*-\s*(?P<to>\d+\.\d+)\s+sec\s.*?"
    r"(?P<lost>\d+)\s*/\s*(?P<total>\d+)\s+\([\d.e+-]+%\)(?P<end>.*)$"
)
_COLUMNS = {
    "end": "elapsed_s",
    "lost": "consumer.missing",
    "received": "engine.delivered",
    "total": "due",
    "out_of_order": "consumer.reordered",
}
# Of a test's length, that its first interval is at most, where there are two; a whole test's line is all of it,
# give or take what the last interval lacks.
MOST_FIRST = 2 / 3
_DELTAS = ("lost", "received", "total", "out_of_order")


@reads(
    "iperf",
    "iperf3 -u, iperf -u: text of the receiving side",
    matching(_LINE),
    _COLUMNS,
    labels=("stream",),
    deltas=_DELTAS,
)
def read(text: Text) -> Rows:
    """A row an interval; the closing line over all of it is left out, and so is a sum of several streams."""
    last: dict[str, float] = {}
    for number, line in text.short_lines():
        match = _LINE.search(line)
        if match is None:
            continue
        begin, end, stream = float(match["from"]), float(match["to"]), match["id"]
        # The last line is of the whole test: it begins again at 0. The first interval of a next test does too.
        whole = begin == 0.0 and end > MOST_FIRST * last.get(stream, math.inf)
        if stream == "SUM" or whole or end <= begin:
            continue
        last[stream] = end
        lost, total = int(match["lost"]), int(match["total"])
        yield number, {"end": end, "stream": stream, "lost": lost, "received": total - lost, "total": total}


def _is_json(head: Head) -> float:
    text = "\n".join(head[:60])
    return CERTAIN if '"intervals"' in text and '"start"' in text else 0.0


@reads("iperf-json", "iperf3 -u --json", _is_json, _COLUMNS, deltas=_DELTAS)
def document(text: Text) -> Rows:
    """A row an interval of the sum over all streams. Raises RecordError for TCP, which loses nothing."""
    try:
        whole = json.loads(text.whole())
        sums: list[dict[str, Any]] = [one["sum"] for one in whole["intervals"]]
        if sums and not any("lost_packets" in one for one in sums):
            # The sending side learns what was lost at the end.
            sums = [whole["end"]["sum"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(f"{text.name}: not what iperf3 --json writes ({error})") from error
    for number, one in enumerate(sums, 1):
        lost, total = one.get("lost_packets"), one.get("packets")
        if total is None:
            raise RecordError(f"{text.name}: no packets in its intervals; TCP loses none: measure with -u")
        received = None if lost is None else total - lost
        yield number, {"end": one.get("end"), "lost": lost, "received": received, "total": total}
