"""One planned run of a sweep. ``python -m zcbench.cli.one_run SWEEP NAME`` makes it in a process of its own.

Such a process ends, as by SIGTERM, with whoever started it: that is told by the end of its standard input,
which also comes when the asker is killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result


def make_run(directory: Path, name: str, quiet: bool) -> tuple[Record, Result]:
    """Make the run ``name`` of the sweep in ``directory``, as it was planned there. What an earlier try left is
    kept under another name."""
    from zcbench.cli.closing import close
    from zcbench.cli.running import run_into
    from zcbench.sweep.journal import plan_file, run_directory, scenario_of, set_aside

    target = run_directory(directory, name)
    kept = set_aside(directory, name)
    if kept is not None:
        print(f"zcbench: what was begun of run {name} is kept as {kept.name}", file=sys.stderr)
    scenario = scenario_of(directory, name)
    target.mkdir(parents=True)
    plan = plan_file(Path(), name).as_posix()  # from the sweep's directory
    run_into(scenario, target, quiet, command=["zcbench", "run", plan])
    # No report of each: figures take longer than a short run. `zcbench report` makes it from the record.
    return close(target, ())


def _end_with_asker() -> None:
    while os.read(0, 1):  # not sys.stdin: its lock must be free when the interpreter ends
        pass
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGTERM)
    else:
        import _thread

        _thread.interrupt_main(signal.SIGTERM)


def main(arguments: list[str]) -> NoReturn:
    """Make one run; leaves with its exit code, or with 2 and a line on stderr when it cannot be made."""
    from zcbench.cli import explained

    directory, name = arguments
    threading.Thread(target=_end_with_asker, daemon=True).start()
    with explained():
        _, result = make_run(Path(directory), name, quiet=True)
    sys.exit(result.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
