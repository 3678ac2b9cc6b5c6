"""Sections without what was not measured, for subjects that need not count everything."""

from __future__ import annotations

from dataclasses import replace

from zcbench.quantities.units import MISSING
from zcbench.render.content.document import Block, Cell, Section, Table


def measured(section: Section) -> Section | None:
    """``section`` without rows and columns that hold no reading; None if no table of it does."""
    had = any(isinstance(block, Table) for block in section.blocks)
    blocks = tuple(block for block in map(_of_block, section.blocks) if block is not None)
    if had and not any(isinstance(block, Table) for block in blocks):
        return None
    return replace(section, blocks=blocks)


def _of_block(block: Block) -> Block | None:
    if not isinstance(block, Table):
        return block
    # The first cell of a row is its name.
    rows = [row for row in block.rows if any(map(_is_known, row[1:]))]
    if not rows:
        return None
    kept = [at for at in range(len(block.columns)) if not at or any(_is_known(row[at]) for row in rows)]
    return replace(
        block,
        columns=tuple(block.columns[at] for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in rows),
    )


def _is_known(cell: Cell) -> bool:
    """Whether it holds a reading; of several in one, at least one."""
    return not set(cell.text.split(", ")) <= {MISSING, ""}
