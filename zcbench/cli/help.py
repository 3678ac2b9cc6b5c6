"""``zcbench help``: topics that belong to no one command, and each command's own help."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

import click

from zcbench.cli import complete

Lines = list[tuple[str, str]]


class TopicError(LookupError):
    """There is no topic and no command of that name."""


def _exit_codes() -> tuple[Lines, str]:
    from zcbench.exit_codes import ExitCode

    return (
        [(str(int(code)), code.meaning) for code in ExitCode],
        "How the run ended goes before what was found: a run that crashed and also leaked ends with 5. A "
        "regression turns only a pass into 6. A sweep ends with the worst of its runs.",
    )


def _environment() -> tuple[Lines, str]:
    from zcbench.cli.run import command
    from zcbench.scenario import FLAGS, variable_of

    variables = [
        (str(option.envvar), option.opts[0])
        for option in command.params
        if isinstance(option, click.Option) and option.envvar
    ]
    variables += [(variable_of(flag), flag) for flag in FLAGS]
    variables += [
        (variable_of(flag), f'{flag}; several with "{between}" between') for flag, between in _REPEATED.items()
    ]
    of_terminal = [
        ("NO_COLOR", "no colour, whatever its value"),
        ("FORCE_COLOR", "colour also where no terminal is"),
        ("TERM=dumb", "lines instead of a live view"),
        ("COLUMNS", "the width of what is printed"),
    ]
    return (
        [("ZCBENCH_SCENARIO", "SCENARIO"), *sorted(variables), *of_terminal],
        "Each says the same as the flag of `zcbench run` beside it. A flag goes before its variable, that "
        "before the scenario, that before the default.",
    )


_REPEATED = {"--set": " ", "--tag": " ", "--expect": ";"}
TOPICS: Mapping[str, tuple[str, Callable[[], tuple[Lines, str]]]] = {
    "exit-codes": ("What the exit codes of each command mean.", _exit_codes),
    "environment": ("The variables that are read.", _environment),
}


@click.command("help")
@click.argument("topic", required=False, shell_complete=complete.topic)
@click.pass_context
def command(ctx: click.Context, topic: str | None) -> None:
    """Explain TOPIC, or show the help of the command of that name; without one, list the topics."""
    formatter = ctx.make_formatter()
    group = ctx.find_root().command
    assert isinstance(group, click.Group)
    if topic is None:
        with formatter.section("Topics"):
            formatter.write_dl([(name, says) for name, (says, _) in TOPICS.items()])
        formatter.write_paragraph()
        formatter.write_text("`zcbench help TOPIC` explains one, `zcbench help COMMAND` a command.")
    elif topic in TOPICS:
        says, content = TOPICS[topic]
        rows, after = content()
        with formatter.section(says.rstrip(".")):
            formatter.write_dl(rows)
        formatter.write_paragraph()
        formatter.write_text(after)
    else:
        named = group.get_command(ctx, topic)
        if named is None:
            raise TopicError(_unknown(topic, [*TOPICS, *group.list_commands(ctx)]))
        assert ctx.parent is not None
        with click.Context(named, parent=ctx.parent, info_name=topic) as of_command:
            click.echo(named.get_help(of_command))
        return
    click.echo(formatter.getvalue(), nl=False)


def _unknown(topic: str, there: list[str]) -> str:
    near = difflib.get_close_matches(topic, there, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"help: no topic and no command {topic!r}{hint}; `zcbench help` lists the topics"
