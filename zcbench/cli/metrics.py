"""``zcbench metrics``: everything that can be measured, mapped or expected."""

from __future__ import annotations

from pathlib import Path

import click

from zcbench.cli import complete


@click.command("metrics")
@click.argument("run", type=click.Path(path_type=Path), required=False, shell_complete=complete.run)
@click.option("--json", "as_json", is_flag=True, help="as JSON, for programs")
def command(run: Path | None, as_json: bool) -> None:
    """List every metric: its name, unit, kind and meaning; with RUN also those that its subject brought.

    Of memory it says how the bytes are counted: exact, managed by a collector, or whole pages. Expectations may
    name each (--expect, [expect]), also by a short name where that is clear.
    """
    from zcbench.cli.table import Column, show_list
    from zcbench.quantities.registry import VOCABULARY
    from zcbench.record.brought import with_brought
    from zcbench.record.reader import read_brought

    known = VOCABULARY if run is None else with_brought(VOCABULARY, read_brought(run), [])
    short: dict[str, list[str]] = {}
    for alias, name in known.aliases.items():
        short.setdefault(name, []).append(alias)
    show_list(
        (
            *(Column("name", "Name"), Column("unit", "Unit"), Column("kind", "Kind")),
            Column("counted", "Memory"),
            Column("meaning", "Meaning", also="short"),
        ),
        [
            {
                "name": one.name,
                "unit": one.unit.name,
                "kind": one.kind.value,
                "origin": one.origin.value,
                "better": one.better.value,
                "counted": None if one.memory is None else one.memory.reckoning.value,
                "short": short.get(one.name, []),
                "meaning": one.title,
            }
            for one in known.expectable.values()
        ],
        as_json,
    )
