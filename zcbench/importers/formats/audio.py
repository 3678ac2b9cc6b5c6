"""Messages that tell of losses, as audio servers, players and capture programs print them; pw-top."""

from __future__ import annotations

import re

from zcbench.importers.blocks import TIME, has_header, header_of, stamped_lines, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import CERTAIN, LIKELY, POSSIBLE, Head, Rows, reads
from zcbench.importers.losses import loss, tell, told_in
from zcbench.importers.text import SEARCHED, Text
from zcbench.importers.words import words

_DEVICE = re.compile(
    r"JackEngine::XRun|alsa_pcm: xrun|(?:over|under)run!!!|^\S.*\b(?:XRun|xrun)\b.*(?:msecs|usecs|us|ms)\b"
    r"|\(snd_pcm_recover\) (?:over|under)run"
)


def _sniff(head: Head) -> float:
    """Likely where an audio server reports an xrun; possible where any message tells of a loss."""
    lines = [line[:SEARCHED] for line in head]
    if any(_DEVICE.search(line) for line in lines):
        return LIKELY + 0.02  # less than of lines with readings, whose reader counts losses too
    return POSSIBLE + 0.15 if any(loss(Clock().prefix(line)[1]) for line in lines) else 0.0


@reads(
    "xruns", "messages that tell of losses: xruns, overflows, dropped packets", _sniff, {TIME: "elapsed_s:time"}
)
def read(text: Text) -> Rows:
    """A row of each line with a time: what was lost so far. Of a log without times one row, of all of it."""
    losses = told_in(text)
    if losses is None:
        return
    timeless = 0
    for number, now, line in stamped_lines(text):
        found = losses.see(line)
        if found is not None:
            tell(text, found, number)
        if now is not None:
            yield number, timed(now, dict(losses.counts))
        elif found is not None:
            timeless = timeless or number
    if timeless and now is None:
        yield timeless, dict(losses.counts)


HEADS = words("S ID QUANT RATE WAIT BUSY W/Q B/Q ERR NAME FORMAT")


@reads(
    "pw-top",
    "pw-top -b in a loop, with dates between",
    has_header(HEADS, 7, CERTAIN, "QUANT", "ERR"),
    {TIME: "elapsed_s:time", "ERR": "engine.xruns"},
    labels=("node",),
)
def nodes(text: Text) -> Rows:
    """A row of each node each time; ERR counts its xruns."""
    header: list[str] = []
    for number, now, line in stamped_lines(text):
        words_of = header_of(line, HEADS, 7)
        if words_of is not None:
            header = words_of
            continue
        cells = line.replace(" + ", "   ").split()
        if not header or len(cells) < 9 or not cells[1].isdigit():
            continue
        error = cells[header.index("ERR")]
        if error.isdigit():
            yield number, timed(now, {"ERR": error, "node": f"{cells[1]}:{cells[-1]}"})
