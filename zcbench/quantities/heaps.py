"""Which number stands for "the heap" of a subject, where one must."""

from __future__ import annotations

from collections.abc import Callable

from zcbench.quantities.names import NATIVE_HEAP_BYTES, PYTHON_HEAP_BYTES
from zcbench.quantities.quantity import Quantity, Reckoning
from zcbench.quantities.registry import STANDARD, VOCABULARY, Registry


def heap_of(
    is_measured: Callable[[str], bool], quantities: Registry = VOCABULARY, *, traced: bool = False
) -> Quantity:
    """Python's heap where it was ``traced``; the native one where that is measured; else the first count of
    bytes that an allocator or a runtime keeps: malloc's before V8's. The native one if nothing is measured."""
    ours = STANDARD[PYTHON_HEAP_BYTES if traced else NATIVE_HEAP_BYTES]
    if traced or is_measured(ours.name):
        return ours
    for one in quantities.memory:
        counted = one.memory is not None and one.memory.reckoning is not Reckoning.PAGES
        if counted and one.name not in STANDARD and is_measured(one.name):
            return one
    return STANDARD[PYTHON_HEAP_BYTES] if is_measured(PYTHON_HEAP_BYTES) else ours
