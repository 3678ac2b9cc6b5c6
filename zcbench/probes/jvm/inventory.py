"""What a JVM has on its heap by class, and in native memory by category, early and late: what there is more of.

A class histogram walks the heap; it is taken after a settled collection, seldom, and no more once it is slow.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zcbench.probes.jvm import attach
from zcbench.probes.jvm.attach import AttachError, Target
from zcbench.quantities.units import format_bytes

FIRST = 3  # the settled collection after which the early ones are taken: what starts has started
SLOW_S = 1.0  # a histogram that takes longer is the last
MOST_LISTED, MOST_NAMED = 20, 5
_PRIMITIVES = {
    "B": "byte", "C": "char", "D": "double", "F": "float",
    "I": "int", "J": "long", "S": "short", "Z": "boolean",
}  # fmt: skip
_CLASS = re.compile(r"^ *\d+: +(\d+) +(\d+) +(\S+)", re.MULTILINE)
# "-                 Java Heap (reserved=131072KB, committed=14336KB)"
_CATEGORY = re.compile(r"^- +([A-Z][A-Za-z ]*?) \(reserved=\d+(?:KB)?, committed=(\d+)(KB)?\)", re.MULTILINE)

Sizes = Mapping[str, tuple[int, int]]  # by class: instances, bytes


@dataclass
class Inventory:
    """The early and the newest lists of one JVM."""

    early: Sizes = field(default_factory=dict)
    late: Sizes = field(default_factory=dict)
    native_early: Mapping[str, int] = field(default_factory=dict)
    native_late: Mapping[str, int] = field(default_factory=dict)
    _is_slow: bool = False

    def is_due(self, settling: int) -> bool:
        """Whether lists are taken after the settled collection number ``settling``: 3, 6, 12, 24 ..."""
        turn, rest = divmod(settling, FIRST)
        return not self._is_slow and rest == 0 and turn.bit_count() == 1

    def take(self, target: Target) -> None:
        """Take lists. The JVM makes one more full collection for them."""
        began_s = time.monotonic()
        try:
            classes = parse_histogram(attach.command(target, "jcmd", "GC.class_histogram"))
            native = parse_native(attach.command(target, "jcmd", "VM.native_memory"))
        except AttachError:
            return
        self._is_slow = time.monotonic() - began_s > SLOW_S
        if not self.early:
            self.early, self.native_early = classes, native
        self.late, self.native_late = classes, native

    def grown(self) -> dict[str, Any]:
        """Classes and categories that there is more of, the most first; empty if nothing can be compared."""
        if self.early is self.late:
            return {}
        classes = sorted((one for one in map(self._more, self.late) if one["bytes"] > 0), key=_bytes)
        native = {name: size - self.native_early.get(name, 0) for name, size in self.native_late.items()}
        categories = [{"name": name, "bytes": size} for name, size in native.items() if size > 0]
        return {"classes": classes[:MOST_LISTED], "native": sorted(categories, key=_bytes)[:MOST_LISTED]}

    def sentence(self, title: str) -> str | None:
        """ "more on the heap of java (4242): 3,600 byte[], 1.03 MiB; 12 Order, 3.2 KiB"; None without any."""
        classes = self.grown().get("classes", [])[:MOST_NAMED]
        said = [f"{one['instances']:,} {one['class']}, {format_bytes(one['bytes'])}" for one in classes]
        return f"more on the heap of {title}: {'; '.join(said)}" if said else None

    def _more(self, name: str) -> dict[str, Any]:
        (early_count, early_size), (count, size) = self.early.get(name, (0, 0)), self.late[name]
        return {"class": readable(name), "instances": count - early_count, "bytes": size - early_size}


def _bytes(one: Mapping[str, Any]) -> int:
    return -int(one["bytes"])


def readable(name: str) -> str:
    """A class's name as Java writes it: "[[B" is byte[][]."""
    inner = name.lstrip("[")
    depth = len(name) - len(inner)
    if depth:
        inner = _PRIMITIVES.get(inner, inner.removeprefix("L").removesuffix(";"))
    return inner + "[]" * depth


def parse_histogram(text: str) -> Sizes:
    """Instances and bytes by class."""
    return {name: (int(count), int(size)) for count, size, name in _CLASS.findall(text)}


def parse_native(text: str) -> dict[str, int]:
    """Committed bytes by category; empty where native memory tracking is off."""
    return {name: int(size) * (1024 if unit else 1) for name, size, unit in _CATEGORY.findall(text)}
