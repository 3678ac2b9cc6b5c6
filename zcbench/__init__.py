"""zcbench: a zero-copy capture engine, and the harness that tells whether one is stable.

What a user of the engine needs is imported from here:

    >>> from zcbench import NativeEngine, PacketFlags, PoolConfig, ReplaySource, StreamFormat, tone
    >>> format = StreamFormat(rate=48_000, frames=480, channels=2)
    >>> source = ReplaySource(tone(format), "tone", pace="unpaced", limit=100)
    >>> with NativeEngine(format, source, PoolConfig(slots=10)) as engine:
    ...     engine.start()
    ...     while packets := engine.read_many(32):
    ...         for packet in packets:
    ...             assert not packet.flags & PacketFlags.GAP
    ...             packet.release()
    >>> engine.stats().delivered
    100
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from zcbench import soak as _soak


class _Soak(ModuleType):
    """The folder of what runs is a function too: ``zcbench.soak(function, duration="5m")``."""

    def __call__(self, *arguments: Any, **keys: Any) -> Any:
        from zcbench.soaking import soak

        return soak(*arguments, **keys)


_soak.__class__ = _Soak

# The module of each name. They are imported when asked for, since `import zcbench` is every command's start;
# __init__.pyi says the same to editors and type checkers.
_MODULES = {
    "CaptureEngine": "engine",
    "CopyingEngine": "copying",
    "DetachedPacket": "detached",
    "DeviceSource": "sources",
    "NativeEngine": "native",
    "Packet": "engine",
    "PacketFlags": "engine",
    "PoolConfig": "engine",
    "PoolStats": "engine",
    "RealtimeError": "realtime",
    "ReferenceEngine": "reference",
    "ReplaySource": "sources",
    "SourceError": "sources",
    "StreamFormat": "engine",
    "find_engine": "engine",
    "from_file": "sources",
    "input_devices": "sources",
    "noise": "sources",
    "silence": "sources",
    "tone": "sources",
}
__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    # importlib.metadata costs as much as the whole of click: only who asks for the version pays.
    if name == "__version__":
        from importlib.metadata import version

        return version("zcbench")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"zcbench.capture.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES, "__version__"])
