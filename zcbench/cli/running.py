"""Running a scenario into a directory, shown on the terminal as it goes on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zcbench.exit_codes import ExitCode
from zcbench.foreign import plain

if TYPE_CHECKING:
    from zcbench.scenario import Scenario
    from zcbench.soak.observers import Observer


def run_into(
    scenario: Scenario,
    directory: Path,
    quiet: bool,
    others: Sequence[Observer] = (),
    command: Sequence[str] | None = None,
) -> None:
    """Run ``scenario`` into ``directory``, shown on the terminal as it takes it, and to ``others``.

    The record says that ``command`` made it: by default what was typed.
    """
    from zcbench.cli.terminal import view
    from zcbench.soak import supervisor

    with contextlib.ExitStack() as stack:
        observers = [*others]
        if not quiet:
            shown = view()
            stack.enter_context(shown)
            observers.append(shown)
        try:
            supervisor.run(scenario, directory, command=list(command or typed()), observers=observers)
        except OSError as error:
            where = error.filename or directory
            print(f"zcbench: the run could not be begun: {where}: {error.strerror}", file=sys.stderr)
            sys.exit(ExitCode.HARNESS)


def typed() -> list[str]:
    """The command as it was typed. What is no text in it (a file's name may be any bytes) is replaced."""
    return ["zcbench", *(plain(argument) for argument in sys.argv[1:])]
