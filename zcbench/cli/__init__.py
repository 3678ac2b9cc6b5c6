"""The command line: parse, call, print. Commands are imported only when they are run."""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import click

from zcbench.exit_codes import ExitCode
from zcbench.foreign import brief, of_error, one_line, plain

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "run": "Run a scenario and write its report.",
    "sweep": "Run a scenario over several values of its keys.",
    "watch": "Watch a run from another terminal.",
    "report": "Make the report of a run again, or of several.",
    "compare": "Compare runs: what is better, what is worse?",
    "history": "Show metrics over all runs, and where they changed.",
    "ingest": "Judge what somebody else measured.",
    "schema": "Print the JSON Schema of result.json or run.json.",
    "metrics": "List everything that can be measured or expected.",
    "checks": "List the checks, with their questions and causes.",
    "scenarios": "List the shipped scenarios.",
    "devices": "List the audio inputs.",
    "include": "Print the folder of zcpage.h, for C and C++.",
    "bench": "Measure the engine against its peers.",
    "selftest": "Is every planted fault called by its name?",
    "completion": "Print what a shell needs to complete names at Tab.",
    "help": "Explain a topic, as exit-codes, or a command.",
}

# Their exit code is a verdict, which stands whoever reads stdout.
_JUDGING = ("run", "ingest", "sweep")
_LONGEST_MESSAGE = 2000  # characters
_HELP_FLAGS = ("-h", "--help")


class _Group(click.Group):
    """A group whose commands live in modules of their own, imported when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"zcbench.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        # A command keeps the help option of the first context that asks for it, which need not be a child of
        # this group's.
        command.context_settings.setdefault("help_option_names", list(_HELP_FLAGS))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table: help must not import the commands.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table too: at Tab no command is imported but the one that is being typed."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=says) for name, says in COMMANDS.items() if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

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
        sys.exit(ExitCode.INTERRUPTED)


def fail(message: str) -> NoReturn:
    """Say what is wrong on stderr, in one line, and leave with 2."""
    print(f"zcbench: {brief(one_line(message), _LONGEST_MESSAGE)}", file=sys.stderr)
    sys.exit(ExitCode.USAGE)


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"zcbench {version('zcbench')}")
        ctx.exit()


@click.group(cls=_Group, context_settings={"help_option_names": list(_HELP_FLAGS)})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version,
              help="Show the version and leave.")  # fmt: skip
def cli() -> None:
    """Does every buffer come back? Soak tests for zero-copy capture engines."""


class TerminatedError(BaseException):
    """SIGTERM, or the terminal's end, outside the run itself: the command is to end as cleanly as by Ctrl-C."""


def main() -> None:
    """The entry point. An exit code is always one of ours: an unexpected exception of any kind is the harness's
    own failure, 3."""
    from zcbench.cli.streams import prepare

    streams = prepare()
    code = _exit_code()
    problem = streams.problem()
    if problem is not None:
        print(f"zcbench: stdout: not all could be written ({problem})", file=sys.stderr)
        if code == 0 and sys.argv[1:2] and sys.argv[1] not in _JUDGING:
            code = ExitCode.HARNESS
    # CPython remembers a KeyboardInterrupt that left code run from text (a dataclass being made), caught or
    # not, and ends by SIGINT instead of with the code; running text once more makes it forget
    # (run_eval_code_obj in Python/pythonrun.c).
    exec("")
    sys.exit(code)


def _exit_code() -> int:
    try:
        with _terminable():
            cli()
    except SystemExit as leaving:
        return (
            leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else ExitCode.HARNESS
        )
    except TerminatedError:
        print("zcbench: terminated", file=sys.stderr)
        return ExitCode.TERMINATED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except (OSError, MemoryError) as error:
        # The machine's refusal, not a mistake of this program: a sentence says all of it.
        print(f"zcbench: {of_error(error)}", file=sys.stderr)
        return ExitCode.HARNESS
    except BaseException:
        import traceback

        print(plain(traceback.format_exc()), end="", file=sys.stderr)
        return ExitCode.HARNESS
    return 0


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP raise TerminatedError, so that what is being written is not left half done.

    A run replaces both by its own. What nohup has ignored stays ignored.
    """
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [n for n in numbers if signal.getsignal(n) is signal.SIG_DFL]

    def end(_number: int, _frame: object) -> NoReturn:
        for number in numbers:  # the second one is too late to change anything
            signal.signal(number, signal.SIG_IGN)
        raise TerminatedError

    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
