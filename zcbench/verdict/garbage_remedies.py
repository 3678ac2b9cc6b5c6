"""What helps where only a garbage collector gives buffers back, in the words of its language."""

from __future__ import annotations

from collections.abc import Mapping

from zcbench.analysis.heaps import DOTNET, GO, JAVA, PYTHON, V8
from zcbench.quantities.units import format_bytes

# V8 begins a collection when the external memory that it was told of has grown by so much since its last full
# one (kExternalAllocationSoftLimit; measured with the add-on of examples/node-addon).
V8_EXTERNAL_LIMIT_BYTES = 64 * 2**20
COLLECTIONS_A_POOL = 2  # one for every half of the slots, so that the other half is free meanwhile

_REMEDIES: Mapping[str, str] = {
    V8: "release each buffer explicitly (detach it, and return its slot) once it is done with; or copy",
    JAVA: "release each buffer explicitly (AutoCloseable, try-with-resources) instead of by a Cleaner; or copy",
    GO: "release each buffer explicitly instead of by a finalizer; or copy",
    DOTNET: "release each buffer explicitly (IDisposable, using) instead of by a finalizer; or copy",
    PYTHON: "release each packet by hand, or break the cycle that holds it, instead of waiting for gc; or copy",
}


def garbage_remedy(runtime: str | None, slots: int) -> str:
    """What to do beside a larger pool; of V8 also how it can be made to collect in time, for ``slots``."""
    known = _REMEDIES.get(runtime or "", "release each buffer explicitly, or copy")
    if runtime != V8 or not slots:
        return known
    each = format_bytes(V8_EXTERNAL_LIMIT_BYTES * COLLECTIONS_A_POOL / slots)
    return (
        f"tell V8 that a packet keeps {each} occupied (napi_adjust_external_memory), so that it collects once "
        f"for every {max(1, slots // COLLECTIONS_A_POOL):,} packets; or {known}"
    )
