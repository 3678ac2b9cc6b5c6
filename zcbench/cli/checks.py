"""``zcbench checks``: the questions that are asked of a run."""

from __future__ import annotations

import click


def check_names() -> tuple[str, ...]:
    """The names of the checks there are; what imports them is imported with the first call."""
    from zcbench.verdict import theirs

    return theirs.check_names()


@click.command("checks")
@click.option("--json", "as_json", is_flag=True, help="as JSON, for programs")
@click.option("--markdown", is_flag=True, help="as the table that stands in docs/verdict.md")
def command(as_json: bool, markdown: bool) -> None:
    """List every check: its name, its question, and the causes that it names.

    Checks of your own are among them: entry-point group zcbench.checks.
    """
    from zcbench.cli.table import Column, show_list
    from zcbench.verdict.checks import CHECKS
    from zcbench.verdict.theirs import installed

    if markdown:
        click.echo("| check | question | causes it names |\n|:--|:--|:--|")
        for check in CHECKS:
            click.echo(f"| `{check.name}` | {check.question} | {', '.join(check.causes)} |")
        return
    show_list(
        (
            Column("name", "Name"),
            Column("question", "Question"),
            Column("named", "Causes"),
        ),
        [
            {
                "name": check.name,
                "question": check.question,
                "named": list(check.causes),
                "causes": dict(check.causes),
                "meaning": check.meaning,
                "figure": check.figure,
                "item": check.item,
                "reads": [one if isinstance(one, str) else list(one) for one in check.reads],
                "needs": list(check.needs),
                "required": check.required,
            }
            for check in (*CHECKS, *installed())
        ],
        as_json,
    )
