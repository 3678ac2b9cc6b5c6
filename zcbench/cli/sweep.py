"""``zcbench sweep``: one scenario over several values of its keys."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from zcbench.cli import complete, one_run
from zcbench.cli.checks import check_names
from zcbench.cli.scenario_flags import GROUPS, SubjectCommand, given, scenario_flags, tell_imported
from zcbench.exit_codes import ExitCode, worst
from zcbench.foreign import plain
from zcbench.quantities.names import POOL_SLOTS

if TYPE_CHECKING:
    from zcbench.scenario import Scenario
    from zcbench.sweep.advice import Advice, Check, Ran
    from zcbench.sweep.journal import Sweep
    from zcbench.sweep.plan import Planned

# Makes the runs of these names in a sweep's directory, each from its plan.
Make = Callable[[Path, Sequence[str]], None]
_INTERRUPTED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
_POOL = POOL_SLOTS


_GROUPS = {
    "Sweep": ("--vary", "--target", "--no-check", "--resume", "--parallel", "--dask", "--dry-run"),
    **GROUPS,
    "Any key": ("--set",),
    "Judging": ("--require",),
    "Reports": ("--out", "--root", "--quiet"),
}
_EXAMPLES = (
    ("the smallest pool for an application that keeps the last second",
     "zcbench sweep --vary pool.slots=10,50,100,200 --consumer hold --hold 1s"),
    ("two axes, each combination of their values",
     "zcbench sweep --vary pool.slots=50,100 --vary consumer.hold=500ms,1s --consumer hold"),
    ("a program with other arguments and variables",
     "zcbench sweep --vary subject.args.size=1,64 --vary subject.env.THREADS=1,4 -- ./encode --size {size}"),
    ("what would be run", "zcbench sweep crash-debug --vary pool.slots=10,20 --dry-run"),
)  # fmt: skip


@click.command("sweep", cls=SubjectCommand, groups=_GROUPS, examples=_EXAMPLES)
@click.argument("scenario", required=False, shell_complete=complete.scenario)
@click.option("--vary", "axes", shell_complete=complete.key, multiple=True, metavar="KEY=V,V,...",
              help="a key of the scenario and its values: pool.slots=10,50,100")  # fmt: skip
@scenario_flags
@click.option("--target", default="99%", metavar="RATE", show_default=True,
              help="the hit rate that the recommended pool must reach")  # fmt: skip
@click.option("--no-check", is_flag=True, help="recommend without a run at that size")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="the sweep's directory (default: a new one below --root)")  # fmt: skip
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where sweeps without --out go (default: reports/runs)")  # fmt: skip
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR",
              help="go on with the sweep in DIR")  # fmt: skip
@click.option("--parallel", type=click.IntRange(min=1), metavar="N",
              help="make N runs side by side: they disturb each other")  # fmt: skip
@click.option("--dask", metavar="ADDRESS",
              help="make the runs on a Dask cluster, one a host at a time (extra dask)")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="list the runs, and leave")
@click.option("--quiet", is_flag=True, help="no progress")
def command(
    scenario: str | None,
    axes: tuple[str, ...],
    target: str,
    no_check: bool,
    out: Path | None,
    root: Path | None,
    resume: Path | None,
    parallel: int | None,
    dask: str | None,
    dry_run: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Run SCENARIO once for each combination of the values of its axes: in turn, but for --parallel and --dask.

    With pool.slots among them, the report recommends the smallest pool that meets the target, and checks
    it by a run of that size. A sweep that was killed goes on with --resume. Ends with the worst of its
    runs' exit codes; a low hit rate alone is no failure.
    """
    from zcbench.scenario import environment_settings
    from zcbench.sweep.journal import held, sweep_of, write_plan
    from zcbench.sweep.plan import SweepError, parse_axis, plan

    how = _how(parallel, dask)
    if resume is not None:
        alone = not (scenario or axes or out or any(v not in (None, ()) for v in flags.values()))
        _go_on(resume, parallel, dask, quiet, alone=alone)
    if not axes:
        raise SweepError("--vary: a sweep needs at least one, as in --vary pool.slots=10,50,100")
    wanted = _share(target)
    runs = plan(
        scenario,
        [parse_axis(axis) for axis in axes],
        environment=environment_settings(os.environ),
        flags=given(flags),
        checks=check_names,
    )
    about = _about(runs, how, check=not no_check)
    if dry_run:
        _list(runs, about)
        return
    out = out or _directory(root, runs[0].scenario.name)
    sweep = sweep_of(runs, target=wanted, check=not no_check)
    with _maker(parallel, dask, quiet) as make:
        write_plan(out, sweep, runs)
        print(f"zcbench: {about}; in {out}", file=sys.stderr)
        with held(out):
            _carry_out(out, sweep, make, quiet, parallel or 1)


def _go_on(directory: Path, parallel: int | None, dask: str | None, quiet: bool, *, alone: bool) -> NoReturn:
    """Make the rest of what was planned in ``directory``."""
    from zcbench.sweep.journal import held, read_plan
    from zcbench.sweep.plan import SweepError

    if not alone:
        raise SweepError("--resume: goes on with what was planned; leave everything else out")
    sweep = read_plan(directory)
    with held(directory), _maker(parallel, dask, quiet) as make:
        _carry_out(directory, sweep, make, quiet, parallel or 1)


def _list(runs: Sequence[Planned], about: str) -> None:
    tell_imported([run.scenario for run in runs])
    for run in runs:
        click.echo(plain(f"{run.name}  " + "  ".join(f"{k}={v}" for k, v in run.values.items())))
    print(f"zcbench: {about}", file=sys.stderr)


def _directory(root: Path | None, scenario: str) -> Path:
    """A new one below ``root``, called by the time and the scenario."""
    from zcbench.record.writer import RUNS_ROOT, slug

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return (root or RUNS_ROOT) / f"{stamp}-{slug(scenario)}-sweep"


def _about(runs: Sequence[Planned], how: str, *, check: bool) -> str:
    """ "3 runs in turn, about 90 s in all"."""
    from zcbench.quantities.units import format_duration
    from zcbench.sweep.plan import length_s

    more = ", and one or two more for each application to check its pool"
    return (
        f"{len(runs)} runs {how}, about {format_duration(round(length_s(runs)))} in all"
        f"{more if check and _POOL in runs[0].values else ''}"
    )


def _how(parallel: int | None, dask: str | None) -> str:
    """How :func:`_maker` has the runs made. Raises SweepError."""
    from zcbench.sweep.plan import SweepError

    if parallel is not None and dask is not None:
        raise SweepError("--parallel is for this machine, --dask for others; give one of the two")
    if dask is not None:
        return "on the cluster"
    return "in turn" if parallel in (None, 1) else f"{parallel} at once"


@contextlib.contextmanager
def _maker(parallel: int | None, dask: str | None, quiet: bool) -> Iterator[Make]:
    """Who makes the runs: this process in turn, several side by side, or a cluster (which must be there)."""

    def tell(done: str) -> None:
        if not quiet:
            print(f"zcbench: made run {done}", file=sys.stderr)

    if dask is not None:
        from zcbench.sweep.cluster import Cluster

        with contextlib.closing(Cluster(dask, one_run.__name__)) as cluster:
            if not quiet:
                print(f"zcbench: {len(cluster.hosts())} hosts at {dask}", file=sys.stderr)
            yield lambda directory, names: cluster.make(directory, names, tell)
    elif parallel is not None and parallel > 1:
        from zcbench.sweep.children import make_side_by_side

        print(
            f"zcbench: {parallel} runs side by side disturb each other: compare their pools, not their times",
            file=sys.stderr,
        )
        yield lambda directory, names: make_side_by_side(directory, names, parallel, tell, one_run.__name__)
    else:
        yield lambda directory, names: _make_in_turn(directory, names, quiet)


def _make_in_turn(directory: Path, names: Sequence[str], quiet: bool) -> None:
    """The default. Raises StoppedError when a run was interrupted."""
    from zcbench.sweep.children import StoppedError

    for number, name in enumerate(names, 1):
        if not quiet:
            print(f"zcbench: run {name}, {number} of {len(names)}", file=sys.stderr)
        _, result = one_run.make_run(directory, name, quiet)
        if result.exit_code in _INTERRUPTED:
            raise StoppedError(result.exit_code)


def _carry_out(directory: Path, sweep: Sweep, make: Make, quiet: bool, at_once: int) -> NoReturn:
    """Make the runs that are still to be made, then the report; leaves with the sweep's exit code."""
    import msgspec

    from zcbench.sweep.advice import advise, read_run
    from zcbench.sweep.children import StoppedError
    from zcbench.sweep.journal import SWEEP_REPORT, write_sweep
    from zcbench.verdict import judge

    if at_once > sweep.at_once:
        sweep = msgspec.structs.replace(sweep, at_once=at_once)
        write_sweep(directory, sweep)
    if not quiet:
        for planned in sweep.runs:
            print(f"zcbench: run {planned.name}: {_said(planned.values)}", file=sys.stderr)
    try:
        _make_missing(directory, [planned.name for planned in sweep.runs], make)
        ran = [read_run(directory, planned.name, planned.values, judge) for planned in sweep.runs]
        advice, checks = advise(directory, sweep, ran, _checking(directory, make, quiet), judge)
    except StoppedError as stopped:
        print(f"zcbench: stopped; go on with: zcbench sweep --resume {directory}", file=sys.stderr)
        sys.exit(stopped.exit_code)
    ran += checks
    _write_report(directory, sweep, ran, advice)
    click.echo(str(directory / SWEEP_REPORT))
    sys.exit(worst(run.result.exit_code for run in ran))


def _make_missing(directory: Path, names: Sequence[str], make: Make) -> None:
    """Make those of ``names`` that are not done yet."""
    from zcbench.sweep.journal import is_done

    missing = [name for name in names if not is_done(directory, name)]
    if missing:
        make(directory, missing)


def _said(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in values.items())


def _checking(directory: Path, make: Make, quiet: bool) -> Check:
    """Who makes the runs that check a recommended pool: planned here, made as the others were."""
    from zcbench.sweep.journal import write_scenario

    def check(name: str, scenario: Scenario, what: str) -> None:
        if not quiet:
            print(f"zcbench: checking {what}", file=sys.stderr)
        write_scenario(directory, name, scenario)
        _make_missing(directory, [name], make)

    return check


def _write_report(directory: Path, sweep: Sweep, ran: Sequence[Ran], advice: Sequence[Advice]) -> None:
    from zcbench.files import write_whole
    from zcbench.render.sweep import hit_rate_figure, render
    from zcbench.render.writing import write_figures
    from zcbench.sweep.journal import SWEEP_REPORT

    figure = hit_rate_figure(ran) if _POOL in sweep.axes else None
    names, _ = write_figures([] if figure is None else [figure], directory)
    text = render(sweep.scenario, ran, advice, names, sweep.at_once)
    write_whole(directory / SWEEP_REPORT, text.encode(errors="replace"))


def _share(text: str) -> float:
    """0.99 of "99%" or "0.99". Raises SweepError."""
    from zcbench.sweep.plan import SweepError

    number = text.strip()
    try:
        share = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise SweepError(f"--target {text!r}: not a hit rate above 0 and at most 100%, as in 99%")
    return share
