"""``zcbench scenarios``: what can be run by name."""

from __future__ import annotations

import click


@click.command("scenarios")
@click.option("--json", "as_json", is_flag=True, help="as JSON, for programs")
def command(as_json: bool) -> None:
    """List the shipped scenarios, each with its description and file."""
    from zcbench.cli.table import Column, show_list
    from zcbench.scenario import shipped

    show_list(
        (Column("name", "Name"), Column("description", "What it does")),
        [
            {"name": found.name, "description": found.description, "file": str(found.path)}
            for found in shipped()
        ],
        as_json,
    )
