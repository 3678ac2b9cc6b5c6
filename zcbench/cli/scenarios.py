"""``zcbench scenarios``: what can be run by name."""

from __future__ import annotations

import click


@click.command("scenarios")
def command() -> None:
    """List the shipped scenarios, one line each."""
    from zcbench.scenario import shipped

    found = shipped()
    width = max(len(scenario.name) for scenario in found)
    for scenario in found:
        click.echo(f"{scenario.name:<{width}}  {scenario.description}")
