"""Running a scenario into a directory, shown on the terminal as it goes on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zcbench.scenario import Scenario
    from zcbench.soak.supervisor import Observer


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
        supervisor.run(scenario, directory, command=list(command or typed()), observers=observers)


def typed() -> list[str]:
    """The command as it was typed."""
    return ["zcbench", *sys.argv[1:]]
