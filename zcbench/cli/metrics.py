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
    from zcbench.expectations.language import ALIASES, QUANTITIES

    short: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        if alias not in QUANTITIES:
            short.setdefault(name, []).append(alias)
    show_list(
        (
            *(Column("name", "Name"), Column("unit", "Unit"), Column("kind", "Kind")),
            Column("meaning", "Meaning", also="short"),
        ),
        [
            {"name": q.name, "unit": q.unit, "kind": q.kind, "short": short.get(q.name, []),
             "meaning": q.meaning}
            for q in QUANTITIES.values()
        ],
        as_json,
    )  # fmt: skip
