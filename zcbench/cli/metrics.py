"""``zcbench metrics``: everything that can be measured, mapped or expected."""

from __future__ import annotations

import click


@click.command("metrics")
@click.option("--json", "as_json", is_flag=True, help="as JSON, for programs")
def command(as_json: bool) -> None:
    """List every metric: its name, unit, kind and meaning.

    Expectations may name each (--expect, [expect]), also by a short name where that is clear.
    """
    from zcbench.expectations.language import ALIASES, QUANTITIES

    short: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        if alias not in QUANTITIES:
            short.setdefault(name, []).append(alias)
    if as_json:
        import json

        rows = [
            {"name": q.name, "unit": q.unit, "kind": q.kind, "short": short.get(q.name, []),
             "meaning": q.meaning}
            for q in QUANTITIES.values()
        ]  # fmt: skip
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(map(len, QUANTITIES))
    for q in QUANTITIES.values():
        names = f"  ({', '.join(short[q.name])})" if q.name in short else ""
        click.echo(f"{q.name:<{width}}  {q.unit:<11}  {q.kind:<9}  {q.meaning}{names}")
