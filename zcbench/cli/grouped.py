"""Help in groups: a command with many options shows them by what they are about, and examples at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

GENERAL = "General"
# A first column as wide as this leaves two thirds of 80 columns to the explanations.
_WIDEST_NAME = 24


class GroupedCommand(click.Command):
    """A command whose options stand in ``groups`` (title: flags); ``examples`` are (comment, command).

    Cloup and rich-click do the same; either doubles what importing click takes, which is this tool's limit.
    """

    def __init__(
        self,
        *arguments: Any,
        groups: Mapping[str, Sequence[str]],
        examples: Sequence[tuple[str, str]],
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        self.groups, self.examples = groups, examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group, all with the same first column; what is in no group is general."""
        of_flag = {flag: title for title, flags in self.groups.items() for flag in flags}
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in (*self.groups, GENERAL)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                titles = [of_flag[flag] for flag in parameter.opts if flag in of_flag]
                sections[titles[0] if titles else GENERAL].append(record)
        names = [len(name) for rows in sections.values() for name, _ in rows]
        width = max((n for n in names if n <= _WIDEST_NAME), default=0)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    # The column is as wide as its longest name: of one group, without this.
                    formatter.write_dl([(name.ljust(width), text) for name, text in rows], width)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples: never wrapped, so that each can be copied."""
        with formatter.section("Examples"):
            indent = " " * formatter.current_indent
            for at, (comment, line) in enumerate(self.examples):
                formatter.write("\n" if at else "")
                formatter.write(f"{indent}# {comment}\n{indent}{line}\n")
