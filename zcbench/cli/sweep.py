"""``zcbench sweep``: one scenario over several values of its keys."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcbench.cli.scenario_flags import given, scenario_flags

if TYPE_CHECKING:
    from zcbench.render.sweep import Advice, Ran
    from zcbench.sweep.journal import Sweep

INTERRUPTED = (130, 143)
_POOL = "pool.slots"


@click.command("sweep")
@click.argument("scenario", required=False)
@click.option("--vary", "axes", multiple=True, metavar="KEY=V,V,...",
              help="a key of the scenario and its values: pool.slots=10,50,100")  # fmt: skip
@scenario_flags
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="any key of a scenario")
@click.option("--target", default="99%", metavar="RATE", show_default=True,
              help="the hit rate that the recommended pool must reach")  # fmt: skip
@click.option("--no-check", is_flag=True, help="recommend without a run at that size")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="the sweep's directory (default: a new one below --root)")  # fmt: skip
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where sweeps without --out go (default: reports/runs)")  # fmt: skip
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR",
              help="go on with the sweep in DIR")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="list the runs, and leave")
@click.option("--quiet", is_flag=True, help="no progress")
def command(
    scenario: str | None,
    axes: tuple[str, ...],
    sets: tuple[str, ...],
    target: str,
    no_check: bool,
    out: Path | None,
    root: Path | None,
    resume: Path | None,
    dry_run: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Run SCENARIO once for each combination of the values of its axes, one after the other.

    With pool.slots among them, the report recommends the smallest pool that meets the target, and checks
    it by a run of that size. A sweep that was killed goes on with --resume. Ends with the worst of its
    runs' exit codes; a low hit rate alone is no failure.
    """
    from zcbench.scenario import environment_settings, parse_setting
    from zcbench.sweep.plan import SweepError, length_s, parse_axis, plan
    from zcbench.units import format_duration

    if resume is not None:
        if scenario or axes or out or sets or any(v is not None for v in flags.values()):
            raise SweepError("--resume: goes on with what was planned; leave everything else out")
        from zcbench.sweep.journal import read_plan

        _carry_out(resume, read_plan(resume), quiet)
    if not axes:
        raise SweepError("--vary: a sweep needs at least one, as in --vary pool.slots=10,50,100")
    wanted = _share(target)
    runs = plan(
        scenario or "crash-debug",
        [parse_axis(axis) for axis in axes],
        environment=environment_settings(os.environ),
        flags=[*given(flags), *map(parse_setting, sets)],
    )
    about = f"{len(runs)} runs, about {format_duration(round(length_s(runs)))}"
    if dry_run:
        for run in runs:
            click.echo(f"{run.name}  " + "  ".join(f"{k}={v}" for k, v in run.values.items()))
        print(f"zcbench: {about}", file=sys.stderr)
        return
    from zcbench.record.writer import RUNS_ROOT
    from zcbench.sweep.journal import PlannedRun, Sweep, write_plan

    if out is None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        out = (root or RUNS_ROOT) / f"{stamp}-{runs[0].scenario.name}-sweep"
    sweep = Sweep(
        scenario=runs[0].scenario.name,
        target=wanted,
        check=not no_check,
        axes=list(runs[0].values),
        runs=[PlannedRun(name=run.name, values=run.values) for run in runs],
    )
    write_plan(out, sweep, runs)
    print(f"zcbench: {about}, in {out}", file=sys.stderr)
    _carry_out(out, sweep, quiet)


def _carry_out(directory: Path, sweep: Sweep, quiet: bool) -> None:
    """Make the runs that are still to be made, then the report; leaves with the sweep's exit code."""
    from zcbench.sweep.journal import SWEEP_REPORT, scenario_of

    ran = []
    for number, planned in enumerate(sweep.runs, 1):
        values = ", ".join(f"{key} = {value}" for key, value in planned.values.items())
        if not quiet:
            print(f"zcbench: run {number} of {len(sweep.runs)}: {values}", file=sys.stderr)
        scenario = scenario_of(directory, planned.name)
        ran.append(_run(directory, planned.name, planned.values, scenario, quiet))
    advice, checks = _advise(directory, sweep, ran, quiet)
    ran += checks
    _write_report(directory, sweep, ran, advice)
    click.echo(str(directory / SWEEP_REPORT))
    sys.exit(_exit_code([run.result.exit_code for run in ran]))


def _run(directory: Path, name: str, values: Any, scenario: Any, quiet: bool) -> Ran:
    """One run of the sweep, made now if it is not done yet."""
    from zcbench.cli.closing import close
    from zcbench.cli.running import run_into
    from zcbench.record.reader import read_record
    from zcbench.render.sweep import Ran
    from zcbench.sweep.journal import is_done, run_directory, set_aside
    from zcbench.verdict import judge

    target = run_directory(directory, name)
    if is_done(directory, name):
        record = read_record(target)
        return Ran(name, values, record, judge(record))
    kept = set_aside(directory, name)
    if kept is not None:
        print(f"zcbench: what was begun of run {name} is kept as {kept.name}", file=sys.stderr)
    target.mkdir(parents=True)
    run_into(scenario, target, quiet)
    # No report of each: figures take longer than a short run. `zcbench report` makes it from the record.
    record, result = close(target, ())
    if result.exit_code in INTERRUPTED:
        print(f"zcbench: stopped; go on with: zcbench sweep --resume {directory}", file=sys.stderr)
        sys.exit(result.exit_code)
    return Ran(name, values, record, result)


def _advise(
    directory: Path, sweep: Sweep, ran: Sequence[Ran], quiet: bool
) -> tuple[list[Advice], list[Ran]]:
    """The pool size for each application of the sweep, with the runs that checked it."""
    import msgspec

    from zcbench.render.sweep import Advice
    from zcbench.sweep.sizing import point, recommend

    if _POOL not in sweep.axes:
        return [], []
    advice: list[Advice] = []
    checks: list[Ran] = []
    for application in dict.fromkeys(run.application for run in ran):
        of = [run for run in ran if run.application == application]
        sizing = recommend([point(run.record, run.result) for run in of], sweep.target)
        enough: int | None = None
        checked: Ran | None = None
        for slots in sizing.candidates if sizing is not None and sweep.check else ():
            scenario = of[0].record.run.scenario
            pool = msgspec.structs.replace(scenario.pool, slots=slots)
            name = f"check-{len(advice) + 1}-{slots}"
            if not quiet:
                print(f"zcbench: checking {slots} slots {application}", file=sys.stderr)
            checked = _run(
                directory, name, {**of[0].values, _POOL: str(slots)},
                msgspec.structs.replace(scenario, pool=pool), quiet,
            )  # fmt: skip
            checks.append(checked)
            if (point(checked.record, checked.result).hit_rate or 0.0) >= sweep.target:
                enough = slots
                break
        advice.append(Advice(application, sizing, enough, checked))
    return advice, checks


def _write_report(
    directory: Path, sweep: Sweep, ran: Sequence[Ran], advice: Sequence[Advice]
) -> None:
    from zcbench.record.schema import FIGURES_FOLDER
    from zcbench.render.sweep import hit_rate_figure, render
    from zcbench.sweep.journal import SWEEP_REPORT

    figure = hit_rate_figure(ran) if _POOL in sweep.axes else None
    if figure is not None:
        folder = directory / FIGURES_FOLDER
        folder.mkdir(exist_ok=True)
        (folder / f"{figure.name}.svg").write_text(figure.svg(), encoding="utf-8")
    names = [] if figure is None else [figure.name]
    text = render(sweep.scenario, ran, advice, names)
    (directory / SWEEP_REPORT).write_text(text, encoding="utf-8")


def _exit_code(codes: Sequence[int]) -> int:
    """The worst: a harness that failed, a subject that died, a failed check, an open question, a pass."""
    return next((code for code in (3, 5, 1, 4) if code in codes), 0)


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
