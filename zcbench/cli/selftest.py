"""``zcbench selftest``: is every planted fault called by its name, and no sound engine accused?"""

from __future__ import annotations

import concurrent.futures
import contextlib
import difflib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcbench.cli import complete
from zcbench.exit_codes import ExitCode

if TYPE_CHECKING:
    from zcbench.faults.trial import Outcome, Trial

# Runs sleep most of the time; twice the cores keep these busy without disturbing the runs' clocks.
JOBS_PER_CORE = 2
_HEADER = ("trial", "expected", "got", "also failed", "packets", "right")


class UnknownTrialError(LookupError):
    """There is no fault and no control of that name; the message has the nearest."""


class SelftestError(ValueError):
    """The selftest cannot leave its results where it was told to."""


@dataclass(frozen=True)
class Row:
    """One trial in the table; ``runs`` holds the outcome of each of its runs."""

    trial: Trial
    runs: tuple[Outcome, ...]

    @property
    def right(self) -> bool:
        """Whether every run got it right."""
        return all(run.right for run in self.runs)


@click.command("selftest")
@click.argument("names", nargs=-1, shell_complete=complete.trial)
@click.option("--list", "only_list", is_flag=True, help="name every trial, one line each")
@click.option("--full/--quick", default=False, help="with or without those that take minutes")
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="run each N times")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="runs at a time (2 a core)")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="write the table to FILE, as Markdown")  # fmt: skip
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="keep the records below DIR")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print the table, or the list, as JSON")
def command(
    names: tuple[str, ...],
    only_list: bool,
    full: bool,
    repeat: int,
    jobs: int | None,
    out: Path | None,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Run planted faults and clean controls through the whole tool; are they called what they are?

    NAMES are faults, controls, or a word for many: "faults" (of an engine), "controls", "programs" (faults and
    their clean twins as a program in C, which needs a C compiler); without one, all of them. Leaves with 0 if
    every verdict was right, 1 if one was wrong.
    """
    trials = _chosen(names, full=full or only_list)
    if only_list:
        _show_trials(trials, as_json)
        return
    _check_places(out, keep)  # now, and not after minutes of runs
    with _folder(keep) as folder, tempfile.TemporaryDirectory() as programs:
        trials = _compiled(trials, Path(programs), is_asked=bool(names))
        rows = _run_all(trials, repeat, jobs or JOBS_PER_CORE * (os.cpu_count() or 1), folder)
    if out is not None:
        out.write_text(_markdown(rows), encoding="utf-8")
    click.echo(json.dumps([_plain(row) for row in rows], indent=2) if as_json else _text(rows))
    wrong = [row.trial.name for row in rows if not row.right]
    print(
        f"{len(rows) - len(wrong)} of {len(rows)} right{': not ' if wrong else ''}{', '.join(wrong)}",
        file=sys.stderr,
    )
    sys.exit(ExitCode.FAIL if wrong else ExitCode.PASS)


# -- which ones


def _show_trials(trials: Sequence[Trial], as_json: bool) -> None:
    from zcbench.cli.table import Column, show_list

    show_list(
        (
            *(Column("name", "Name"), Column("meaning", "What it does")),
            *(Column("expected", "Expected"), Column("takes", "Takes")),
        ),
        [
            {
                "name": trial.name,
                "meaning": trial.meaning,
                "check": trial.check,
                "cause": trial.cause,
                "expected": trial.expected,
                "takes": "minutes" if trial.slow else "seconds",
            }
            for trial in trials
        ],
        as_json,
    )


def _chosen(names: Sequence[str], *, full: bool) -> list[Trial]:
    """The trials called ``names``, in their order; without names all, the slow ones only with ``full``.

    A slow one is run when it is named. Raises UnknownTrialError.
    """
    from zcbench import plugins
    from zcbench.faults import ENTRY_POINT_GROUP, FAULTS, find_fault
    from zcbench.faults.controls import CONTROLS
    from zcbench.faults.inspection import check_fault
    from zcbench.faults.programs import TRIALS
    from zcbench.faults.trial import trial_of

    groups = {"faults": [trial_of(fault) for fault in FAULTS], "controls": list(CONTROLS)}
    groups["programs"] = list(TRIALS)
    everything = {trial.name: trial for group in groups.values() for trial in group}
    chosen: dict[str, Trial] = {}
    for name in names or groups:
        if name in groups:
            chosen |= {trial.name: trial for trial in groups[name] if full or not trial.slow}
        elif name in everything:
            chosen[name] = everything[name]
        elif ":" in name or name in plugins.names(ENTRY_POINT_GROUP):
            check_fault(name)
            trial = trial_of(find_fault(name))
            chosen[trial.name] = replace(trial, fault=name)
        else:
            raise UnknownTrialError(_unknown(name, [*everything, *groups]))
    return list(chosen.values())


def _compiled(trials: Sequence[Trial], folder: Path, *, is_asked: bool) -> list[Trial]:
    """``trials`` with the program in C made in ``folder``; without a compiler the others alone.

    Raises NoCompilerError if one that needs it was asked for by name.
    """
    from zcbench.faults import programs

    needing = [trial for trial in trials if trial.program]
    if not needing:
        return list(trials)
    try:
        program = programs.build(folder)
    except programs.NoCompilerError as error:
        if is_asked:
            raise
        print(f"zcbench: {error}; {len(needing)} trials are left out", file=sys.stderr)
        return [trial for trial in trials if not trial.program]
    return [programs.ready(trial, program) if trial.program else trial for trial in trials]


def _unknown(name: str, there: list[str]) -> str:
    near = difflib.get_close_matches(name, there, 3)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"no fault and no control {name!r}; {hint}`zcbench selftest --list` lists them"


# -- running them


def _check_places(out: Path | None, keep: Path | None) -> None:
    if out is not None and not out.parent.is_dir():
        raise SelftestError(f"--out {out}: there is no directory {out.parent}")
    if keep is not None and keep.is_dir() and any(keep.iterdir()):
        raise SelftestError(f"--keep {keep}: exists and is not empty; name a new directory")


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the records go: ``keep``, or a temporary directory that is removed."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="zcbench-selftest-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_all(trials: Sequence[Trial], repeat: int, jobs: int, folder: Path) -> list[Row]:
    """Every trial ``repeat`` times, ``jobs`` at a time; the longest go first.

    Each job is a process: a supervisor's own CPU and memory are judged too, and must not be its neighbours'.
    """
    todo = [(trial, number) for trial in trials for number in range(1, repeat + 1)]
    todo.sort(key=lambda item: -_wall_s(item[0]))
    done: dict[str, list[Outcome]] = {trial.name: [] for trial in trials}
    # Not forked: a run begins in a fresh interpreter, as `zcbench run` does.
    context = multiprocessing.get_context("spawn")
    # Between runs Ctrl-C is this process's to handle; within one the supervisor drains, and ends it.
    quiet = (signal.SIGINT, signal.SIG_IGN)
    pool = concurrent.futures.ProcessPoolExecutor(
        min(jobs, len(todo)), context, initializer=signal.signal, initargs=quiet
    )
    running: set[concurrent.futures.Future[Outcome]] = set()
    count = 0
    try:
        while count < len(todo):
            # No more than can run: what waits in the pool would still be run after a Ctrl-C.
            for trial, number in todo[count + len(running) :][: jobs - len(running)]:
                running.add(pool.submit(_run_one, trial, folder / f"{trial.name}-{number}"))
            finished, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for run in finished:
                count += 1
                outcome = run.result()
                done[outcome.trial.name].append(outcome)
                _tell(outcome, f"[{count}/{len(todo)}]")
    finally:
        pool.shutdown()
    return [Row(trial, tuple(done[trial.name])) for trial in trials]


def _wall_s(trial: Trial) -> float:
    from zcbench.soak.selftest import scenario_of

    scenario = scenario_of(trial)
    return float(scenario.duration) / scenario.source.speed


def _run_one(trial: Trial, directory: Path) -> Outcome:
    from zcbench.faults.trial import assess
    from zcbench.record.reader import read_record
    from zcbench.record.writer import write_result
    from zcbench.soak.selftest import run_trial
    from zcbench.verdict import judge

    run_trial(trial, directory)
    result = judge(read_record(directory))
    write_result(directory, result)
    return assess(trial, result)


def _tell(outcome: Outcome, count: str) -> None:
    said = "right" if outcome.right else f"WRONG, expected {outcome.trial.expected}"
    also = f" (also {', '.join(outcome.also)})" if outcome.also else ""
    line = f"{count} {outcome.trial.name}: {outcome.got}{also}: {said}"
    print(line, file=sys.stderr, flush=True)


# -- the table


def _cells(row: Row) -> tuple[str, ...]:
    also = Counter(name for run in row.runs for name in run.also)
    packets = [run.packets for run in row.runs if run.packets is not None]
    least, most = min(packets, default=None), max(packets, default=None)
    count = sum(run.right for run in row.runs)
    single = "yes" if row.right else "NO"
    return (
        row.trial.name,
        row.trial.expected,
        _tally(Counter(run.got for run in row.runs), len(row.runs)),
        _tally(also, len(row.runs)) or "-",
        "-" if least is None else f"{least:,}" if least == most else f"{least:,} to {most:,}",
        single if len(row.runs) == 1 else f"{count} of {len(row.runs)}",
    )


def _tally(counted: Counter[str], runs: int) -> str:
    """What was said; with how often, where not in every run."""
    return "; ".join(name if n == runs else f"{name} ({n}x)" for name, n in counted.most_common())


def _text(rows: Sequence[Row]) -> str:
    lines = [_HEADER, *map(_cells, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _markdown(rows: Sequence[Row]) -> str:
    lines = [_HEADER, ("---",) * len(_HEADER), *map(_cells, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plain(row: Row) -> dict[str, Any]:
    return {
        "trial": row.trial.name,
        "meaning": row.trial.meaning,
        "check": row.trial.check,
        "cause": row.trial.cause,
        "right": row.right,
        "runs": [
            {
                "right": run.right,
                "got": run.got,
                "also": list(run.also),
                "verdict": run.verdict,
                "packets": run.packets,
            }
            for run in row.runs
        ],
    }
