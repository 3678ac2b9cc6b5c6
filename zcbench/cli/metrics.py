"""``zcbench metrics``: everything that can be measured, mapped or expected."""

from __future__ import annotations

import click


@click.command("metrics")
@click.option("--json", "as_json", is_flag=True, help="as JSON, for programs")
def command(as_json: bool) -> None:
    """List every metric: its name, unit, kind and meaning.

    Expectations may name each (--expect, [expect]), also by a short name where that is clear.
    """
    from zcbench.cli.table import Column, show_list
    from zcbench.quantities.registry import VOCABULARY

    short: dict[str, list[str]] = {}
    for alias, name in VOCABULARY.aliases.items():
        short.setdefault(name, []).append(alias)
    show_list(
        (
            *(Column("name", "Name"), Column("unit", "Unit"), Column("kind", "Kind")),
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
            for one in VOCABULARY.expectable.values()
        ],
        as_json,
    )
