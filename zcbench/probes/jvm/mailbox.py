"""The page between the supervisor and what it has loaded into a JVM (``agent/Agent.java``)."""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from zcbench.page import layout
from zcbench.page.layout import UNSET, Entry, Kind
from zcbench.page.reader import make_page
from zcbench.probes.jvm.attach import Target
from zcbench.quantities.names import JVM_DIRECT_BYTES

JAR = Path(__file__).parent / "agent" / "agent.jar"
_ASKED, _STOP, _ANSWERED, _INSIDE = "probe.asked", "probe.stop", "probe.answered", "probe.inside_ns"
# In the order of the numbers in Agent.java.
_VALUES = (
    (_ASKED, "questions", Kind.TOTAL),
    (_STOP, "0/1", Kind.TOTAL),
    (_ANSWERED, "answers", Kind.TOTAL),
    (JVM_DIRECT_BYTES, "bytes", Kind.GAUGE),
    (_INSIDE, "ns", Kind.TOTAL),
)
_SIZE = 4096
_GEOMETRY = layout.geometry(len(_VALUES), laws_bytes=64, size=_SIZE)
_LINE = layout.LINE_BYTES
ANSWER_S = 5.0  # ten times what the agent sleeps between two looks
_POLL_S = 0.01


@dataclass(frozen=True)
class Answer:
    """What the JVM counts itself; ``inside_ns`` is what asking has cost it so far."""

    direct_bytes: int | None
    inside_ns: int


@dataclass(frozen=True)
class Places:
    """The page as the supervisor names it and as the JVM does, the jar as the JVM does; ``copy`` is one of it
    for a JVM that does not see ours, in a container."""

    page: Path
    page_inside: str
    jar: str
    copy: Path | None = None

    def clean(self) -> None:
        """Remove the copy; what the JVM has loaded it keeps."""
        if self.copy is not None:
            self.copy.unlink(missing_ok=True)


def placed(target: Target, page: Path) -> Places:
    """Where the JVM finds our files: in its own /tmp if it has another view of the file system.

    Raises OSError.
    """
    if target.shares_files:
        return Places(page, str(page), str(JAR))
    name = f".zcbench-{secrets.token_hex(4)}"
    copy = Path(target.folder) / f"{name}.jar"
    with copy.open("xb") as file:
        file.write(JAR.read_bytes())
    copy.chmod(0o644)
    return Places(Path(target.folder) / f"{name}.page", f"/tmp/{name}.page", f"/tmp/{name}.jar", copy)


class Mailbox:
    """The file ``path``: made by the supervisor, read and written by both. Raises OSError."""

    def __init__(self, path: Path, user: int) -> None:
        """``user`` is the JVM's, who must be able to write to the file."""
        self.path = path
        path.unlink(missing_ok=True)
        make_page(path, _GEOMETRY)
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        if os.geteuid() == 0 and user > 0:
            os.fchown(self._file, user, -1)
        for number, (name, unit, kind) in enumerate(_VALUES):
            entry = Entry(name, unit, kind, "", _offset(number))
            os.pwrite(self._file, entry.packed(), _GEOMETRY.table_at + number * layout.ENTRY_BYTES)
            os.pwrite(self._file, _word(0 if kind is Kind.TOTAL else UNSET), _offset(number))
        used = struct.pack("<I", _LINE * len(_VALUES))
        os.pwrite(self._file, used, layout.AT_DATA_USED)
        os.pwrite(self._file, struct.pack("<I", len(_VALUES)), layout.AT_DECLARED)
        self._asked = 0

    def ask(self) -> Answer | None:
        """What the JVM counts now; None if it does not answer: it is stopped, or has ended."""
        self._asked += 1
        self._put(_ASKED, self._asked)
        until_s = time.monotonic() + ANSWER_S
        while self._get(_ANSWERED) != self._asked:
            if time.monotonic() > until_s:
                return None
            time.sleep(_POLL_S)
        direct = self._get(JVM_DIRECT_BYTES)
        sound = direct if direct is not None and direct >= 0 else None
        return Answer(sound, max(0, self._get(_INSIDE) or 0))

    def close(self) -> None:
        """Tell what was loaded to end."""
        with contextlib.suppress(OSError):
            self._put(_STOP, 1)
        os.close(self._file)
        self.path.unlink(missing_ok=True)

    def _put(self, name: str, value: int) -> None:
        os.pwrite(self._file, _word(value), _offset(_NUMBERS[name]))

    def _get(self, name: str) -> int | None:
        raw = os.pread(self._file, layout.WORD_BYTES, _offset(_NUMBERS[name]))
        value = struct.unpack("<q", raw)[0] if len(raw) == layout.WORD_BYTES else UNSET
        return None if value == UNSET else value


_NUMBERS = {name: number for number, (name, _, _) in enumerate(_VALUES)}


def _offset(number: int) -> int:
    return _GEOMETRY.data_at + _LINE * number


def _word(value: int) -> bytes:
    return struct.pack("<q", value)
