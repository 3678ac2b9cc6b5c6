"""What a crash leaves on the disk: a core dump, or a runtime's own report of it."""

from __future__ import annotations

import contextlib
import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
LARGEST_REPORT = 8192  # characters of a report that the record keeps
# A JVM's crash log, Node's diagnostic report, a sanitizer's log (log_path): in the folder a process works in.
_REPORTS = (
    *("hs_err_pid{pid}.log", "report.*.{pid}.*.json"),
    *(f"{kind}*.{{pid}}" for kind in ("asan", "ubsan", "tsan", "msan", "lsan")),
)


@dataclass(frozen=True)
class CrashFile:
    """A file that a crash left, by its name; ``text`` is its beginning, of a core None."""

    name: str
    text: str | None = None


def crash_files(
    pid: int, folders: Sequence[Path], since_s: float, *, dumped: bool, pattern: str | None = None
) -> list[CrashFile]:
    """What process ``pid`` left in ``folders`` after ``since_s`` (time.time); it worked in the first one.

    ``dumped`` says that the kernel wrote a core; ``pattern`` is core_pattern's text, read if None.
    """
    found = []
    if dumped and (core := _core(pid, folders[0], since_s, pattern)) is not None:
        found.append(core)
    for folder in folders:
        for name in _REPORTS:
            reports = (path for path in folder.glob(name.format(pid=pid)) if _is_new(path, since_s))
            found += [CrashFile(path.name, _beginning(path)) for path in reports]
    return found


def _core(pid: int, folder: Path, since_s: float, pattern: str | None) -> CrashFile | None:
    """The core dump, as core(5) says where it goes."""
    if pattern is None:
        try:
            pattern = CORE_PATTERN.read_text().strip()
        except OSError:  # no Linux: macOS writes /cores/core.PID
            pattern = "/cores/core.%p"
    if pattern.startswith("|"):
        program = Path(pattern[1:].split()[0]).name
        asked = f" (coredumpctl info {pid})" if program == "systemd-coredump" else ""
        return CrashFile(f"a core dump, given to {program}{asked}")
    where = folder / Path(pattern).parent  # its own folder, if the pattern names none
    shape = re.sub(r"%.", "*", re.sub(r"%[pPiI]", str(pid), glob.escape(Path(pattern).name)))
    new = [path for name in (shape, f"{shape}.{pid}") for path in where.glob(name) if _is_new(path, since_s)]
    return CrashFile(new[0].name) if new else None


def _is_new(path: Path, since_s: float) -> bool:
    with contextlib.suppress(OSError):
        # File systems keep time by the kernel's tick.
        return path.is_file() and path.stat().st_mtime >= since_s - 1
    return False


def _beginning(path: Path) -> str | None:
    try:
        with path.open(errors="replace") as file:
            return file.read(LARGEST_REPORT)
    except OSError:
        return None
