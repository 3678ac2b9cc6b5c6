"""ffmpeg -stats, -progress: frames written, those doubled and dropped to keep the rate."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_STATS = re.compile(r"\bframe=\s*(?P<frame>\d+)\s.*?\btime=\s*(?P<time>-?[\d:.]+|N/A)")
_FIELD = re.compile(r"\b(dup|drop)=\s*(\d+)")
_PROGRESS = re.compile(r"^(frame|dup_frames|drop_frames|out_time_us|out_time_ms|progress)=\s*(\S+)\s*$")
_COLUMNS = {
    TIME: "elapsed_s:time",
    "media": "elapsed_s:time",
    "frame": "engine.delivered",
    "dup": "consumer.duplicates",
    "drop": "engine.drops",
}


@reads("ffmpeg", "ffmpeg -stats (what it prints as it goes)", matching(_STATS), _COLUMNS)
def read(text: Text) -> Rows:
    """A row of each status line; its time is the log's, else the media's, which a live source keeps.

    Where that is not told ("N/A") it is the last one that was: what was dropped until then counts.
    """
    media: str | None = None
    for number, line in text.short_lines():
        moment, rest = Clock().prefix(line)
        match = _STATS.search(rest)
        if match is None:
            continue
        row: dict[str, Any] = {"frame": match["frame"], **dict(_FIELD.findall(rest))}
        media = media if match["time"] == "N/A" else match["time"].lstrip("-")
        if moment is not None:
            row[TIME] = moment
        elif media is not None:
            row["media"] = media
        if TIME in row or "media" in row:
            yield number, row


@reads("ffmpeg-progress", "ffmpeg -progress", matching(r"^out_time_(?:us|ms)=", r"^drop_frames="), _COLUMNS)
def progress(text: Text) -> Rows:
    """A row of each block of key=value lines, which "progress=" closes."""
    row: dict[str, Any] = {}
    media: str | None = None  # the last that was told: the last block may say N/A
    for number, line in text.short_lines():
        match = _PROGRESS.match(line)
        if match is None:
            continue
        key, value = match.groups()
        if key == "progress":
            if media is not None:
                yield number, {"media": media, **row}
            row = {}
        elif key.startswith("out_time"):  # out_time_ms is in microseconds too
            if value.isdigit():
                media = f"{float(value) / 1e6:.6f}s"
        else:
            row[{"dup_frames": "dup", "drop_frames": "drop"}.get(key, key)] = value
