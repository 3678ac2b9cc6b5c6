"""The command line: parse, call, print. Commands are imported only when they are run."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import NoReturn

import click

_COMMANDS = {
    "run": "Run a scenario and write its report.",
    "sweep": "Run a scenario over several values of its keys.",
    "watch": "Watch a run from another terminal.",
    "report": "Make the report of a run again, or of several.",
    "compare": "Compare runs: what is better, what is worse?",
    "history": "Show metrics over all runs, and where they changed.",
    "ingest": "Judge what somebody else measured.",
    "schema": "Print the JSON Schema of result.json or run.json.",
    "metrics": "List everything that can be measured or expected.",
    "scenarios": "List the shipped scenarios.",
    "devices": "List the audio inputs.",
    "bench": "Measure the engine against its peers.",
    "selftest": "Is every planted fault called by its name?",
}

USAGE_ERROR, HARNESS_ERROR, INTERRUPTED = 2, 3, 130


class _Group(click.Group):
    """A group whose commands live in modules of their own, imported when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"zcbench.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table: help must not import the commands.
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run a command. What the user can mend is one line and exit code 2."""
        with explained():
            return super().invoke(ctx)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """An error that the user can mend becomes one line on stderr and exit code 2."""
    try:
        yield
    except (ValueError, LookupError) as error:
        if type(error).__module__.startswith("zcbench."):
            fail(str(error))
        raise
    except KeyboardInterrupt:
        # Before or after the run itself, which the supervisor ends by its own rules. click would
        # leave with 1, which means that a check failed.
        print("zcbench: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def fail(message: str) -> NoReturn:
    """Say what is wrong on stderr, in one line, and leave with 2."""
    print(f"zcbench: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(USAGE_ERROR)


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"zcbench {version('zcbench')}")
        ctx.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version,
              help="Show the version and leave.")  # fmt: skip
def cli() -> None:
    """Does every buffer come back? Soak tests for zero-copy capture engines."""


def main() -> None:
    """The entry point: an unexpected exception is the harness's own failure, exit code 3."""
    try:
        cli()
    except Exception:
        import traceback

        traceback.print_exc()
        sys.exit(HARNESS_ERROR)
