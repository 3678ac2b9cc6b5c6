"""What a benchmark found; ``bench.json`` is one of these."""

from __future__ import annotations

import msgspec

from zcbench.bench.allocations import Allocated
from zcbench.bench.cell import Measured

SCHEMA = 1


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One of the settings that all peers are measured in; as in :class:`zcbench.bench.work.Work`."""

    size: int
    hold: int
    threads: int


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One peer in one setting: ``rounds`` has a row for each, None where it failed, and ``failed`` says why it
    first did. ``packets`` were on the clock in each round; ``moved_bytes`` are written for each, by design."""

    peer: str
    setting: Setting
    packets: int
    moved_bytes: int
    rounds: tuple[Measured | None, ...] = ()
    allocated: Allocated | None = None
    failed: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A peer that took part, or why it did not."""

    name: str
    title: str
    kind: str
    moved: str
    versions: dict[str, str]
    missing: str | None


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured. ``rounds`` that were finished; the order within each came from ``seed``."""

    schema: int = SCHEMA
    rounds: int
    seed: int
    peers: tuple[Told, ...]
    cells: tuple[Cell, ...]

    def find(self, peer: str, setting: Setting) -> Cell | None:
        """The cell of a peer in a setting, if it was measured."""
        return next((c for c in self.cells if c.peer == peer and c.setting == setting), None)

    @property
    def settings(self) -> list[Setting]:
        """All settings, in their order."""
        return list(dict.fromkeys(cell.setting for cell in self.cells))
