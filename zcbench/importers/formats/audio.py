"""Messages of audio servers and players: each xrun they report is counted; pw-top counts them itself."""

from __future__ import annotations

import re

from zcbench.importers.blocks import TIME, has_header, header_of, stamped_lines, timed
from zcbench.importers.format import CERTAIN, LIKELY, Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

# jackd, ALSA's aplay and arecord, PulseAudio, PipeWire, PortAudio programs
_XRUN = re.compile(r"\b(?:xrun|x-run|overrun|underrun|buffer underflow|buffer overflow)s?\b", re.IGNORECASE)


@reads(
    "xruns",
    "messages of jackd, aplay, arecord, PulseAudio, PipeWire with their times",
    matching(
        r"JackEngine::XRun|alsa_pcm: xrun|(?:over|under)run!!!|^\S.*\b(?:XRun|xrun)\b.*(?:msecs|usecs|us|ms)\b",
        confidence=LIKELY + 0.05,
    ),
    {TIME: "elapsed_s:time", "xruns": "engine.xruns"},
)
def read(text: Text) -> Rows:
    """A row of each line with a time: how many xruns were reported so far."""
    xruns = 0
    for number, now, line in stamped_lines(text):
        xruns += _XRUN.search(line) is not None
        yield number, timed(now, {"xruns": xruns})


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
