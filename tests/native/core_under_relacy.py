"""The native core's own sources, rewritten so that Relacy runs them, and the programs over them compiled.

``std::atomic``, the plain variables that threads hand over, mutexes and futexes become Relacy's
(``relaxed/relaxed.hpp``); each memory order gets a number, so that the program can weaken it. Nothing else
of the sources changes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CORE = HERE.parents[1] / "zcbench" / "capture" / "_core"
SOURCES = (
    *("rings.hpp", "event_count.hpp", "slot.hpp", "slab.hpp", "slab.cpp"),
    *("overflow.hpp", "overflow.cpp", "pool.hpp", "pool.cpp", "maintain.cpp"),
    *("capture.hpp", "capture.cpp"),
)
AS_THEY_ARE = ("checksum.hpp", "sizing.hpp")

# What stands for what. Each must be found, or the copy is not what this file believes.
REWRITTEN = (
    # Relacy's futex. Without a timeout, so that a missed wake-up is a deadlock, which it reports.
    (r"std::atomic<std::uint32_t> word_", "rl::atomic<int> word_"),
    (
        r"syscall\(kFutex, address\(\), FUTEX_WA(KE|IT)_PRIVATE, (\d), [^,]+,",
        r"rl::rl_futex(&word_, rl::RL_FUTEX_WA\1, \2, nullptr,",
    ),
    (r"(rl::rl_futex\(.*, 0)\);", r"\1, $);"),
    # An atomic of Relacy is larger than its value.
    (r"static_assert\(sizeof\(std::atomic<std::uint32_t>\).*\n", ""),
    (r"std::atomic_thread_fence\(", "relaxed::fence("),
    (r"std::atomic<", "rl::atomic<"),
    (r"std::mutex\b", "rl::mutex"),
    (r"const std::lock_guard (\w+)\(", r"const relaxed::Lock \1("),
    (r"std::this_thread::yield\(\)", "rl::yield(1, $)"),
    (r"#include <(atomic|mutex|thread)>", '#include "relaxed.hpp"'),
    # Plain memory that threads hand each other: the rings' cells, and the fields of a Slot.
    (r"T value;", "relaxed::Plain<T> value;"),
    (r"std::unique_ptr<T\[\]> cells_", "std::unique_ptr<relaxed::Plain<T>[]> cells_"),
    (r"new T\[", "new relaxed::Plain<T>["),
    (
        r"  (std::byte\*|Segment\*|std::uint(?:32|64)_t) (\w+) = (nullptr|0);"
        r"(?=.*\n(?:.*\n)*?.*next_overflow)",
        r"  relaxed::Plain<\1> \2{\3};",
    ),
    # What one side keeps for itself: only that side's thread may touch it.
    (r"std::size_t (cached_\w+) = 0;", r"relaxed::Plain<std::size_t> \1{0};"),
    (r"bool (short_|gap_) = false;", r"relaxed::Plain<bool> \1{false};"),
    (r"int (backoff_|skips_left_) = 0;", r"relaxed::Plain<int> \1{0};"),
    (r"std::min\(2 \* backoff_ \+ 1,", "std::min<int>(2 * int(backoff_) + 1,"),
    (r"skips_left_ = backoff_;", "skips_left_ = int(backoff_);"),
    (r"--skips_left_;", "skips_left_ = int(skips_left_) - 1;"),
    # Looking again and again is the same to Relacy as looking twice.
    (r"kSpins = 64;", "kSpins = 2;"),
    (r"while \(now_ns\(\) - began < kShortWait\);", "while (false);"),
    # Four overflow headers in all, so that the programs come to the end of them.
    (r"kChunk = 256;", "kChunk = 2;"),
    (r"kMaxChunks = 1U << 16U;", "kMaxChunks = 2;"),
)


@dataclass(frozen=True)
class Order:
    """A memory order stronger than relaxed: ``nth`` of those in the line ``code``."""

    file: str
    line: int
    code: str
    nth: int
    name: str


@dataclass(frozen=True)
class Planted:
    """A bug: ``code`` in ``file`` replaced by ``bug``; ``what`` is wrong then."""

    file: str
    code: str
    bug: str
    what: str


def rewrite(folder: Path, planted: Planted | None = None) -> list[Order]:
    """Copy the core to ``folder``, rewritten, with the programs; returns its memory orders, by number."""
    orders: list[Order] = []
    found = dict.fromkeys(REWRITTEN, 0)
    for name in SOURCES:
        source = (CORE / name).read_text(encoding="utf-8")
        if planted is not None and planted.file == name:
            if source.count(planted.code) != 1:
                raise SystemExit(f"{name}: not once there, to be broken: {planted.code}")
            source = source.replace(planted.code, planted.bug)
        lines = source.splitlines(keepends=True)
        text = "".join(_numbered(name, number, line, orders) for number, line in enumerate(lines, 1))
        for rule in REWRITTEN:
            text, times = re.subn(*rule, text)
            found[rule] += times
        (folder / name).write_text(text, encoding="utf-8")
    lost = [pattern for (pattern, _), times in found.items() if not times]
    if lost:
        raise SystemExit(f"{Path(__file__).name}: no longer in the sources: {'; '.join(lost)}")
    for name in AS_THEY_ARE:
        shutil.copy(CORE / name, folder)
    for path in (HERE / "relaxed").iterdir():
        shutil.copy(path, folder)
    return orders


def _numbered(file: str, number: int, code: str, orders: list[Order]) -> str:
    before = len(orders)

    def numbered(match: re.Match[str]) -> str:
        if match[1] == "relaxed":
            return "rl::mo_relaxed, $"
        orders.append(Order(file, number, code.strip(), len(orders) - before, match[1]))
        return f"relaxed::order({len(orders) - 1}, rl::mo_{match[1]}), $"

    return re.sub(r"std::memory_order_(\w+)", numbered, code)


def compiled(folder: Path) -> Path | None:
    """The program made from ``folder``; None, and the reason on stderr, when it cannot be made."""
    # Relacy replaces operator new and delete, but not C++14's sized delete.
    command = ["g++", "-std=c++20", "-O1", "-w", "-fno-sized-deallocation", "-o", "relaxed_tests"]
    done = subprocess.run([*command, "main.cpp"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return folder / "relaxed_tests"
    print(done.stderr[:4000], file=sys.stderr)
    if "relacy/relacy.hpp: No such file" in done.stderr:
        print("not installed: Relacy (Debian: apt-get install relacy-dev)", file=sys.stderr)
    return None
