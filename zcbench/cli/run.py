"""``zcbench run``: a scenario in, a run directory and its report out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcbench.cli import complete
from zcbench.cli.checks import check_names
from zcbench.cli.scenario_flags import GROUPS, SubjectCommand, given, scenario_flags, tell_imported
from zcbench.scenario import (
    Scenario,
    Setting,
    check_memory,
    check_subject_here,
    environment_settings,
    load,
    parse_tag,
    to_toml,
)

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result

_GROUPS = {
    "Time and sampling": (*GROUPS["Time and sampling"], "--metrics"),
    **{title: flags for title, flags in GROUPS.items() if title != "Time and sampling"},
    "Any key": ("--set", "--tag", "--dry-run"),
    "Judging": ("--expect", "--require", "--baseline", "--diagnose"),
    "Reports": ("--report", "--report-dir", "--out", "--root", "--quiet", "--json"),
    "CI": ("--github",),
}
_EXAMPLES = (
    ("a soak of five minutes", "zcbench run --duration 5m --pool 100"),
    ("a shipped scenario; all of them: zcbench scenarios", "zcbench run stability-1h"),
    ("any program, for ten minutes", "zcbench run --duration 10m -- ./my-engine --port 0"),
    ("a server, once it listens, under load",
     "zcbench run --ready listening --load 'wrk -d 1h http://127.0.0.1:8080/' -- ./server"),
    ("your own engine, and what must hold of it",
     "zcbench run --engine mypackage.engine:MyEngine --expect \"latency.p99 < 20ms\""),
    ("every night: all reports, and a regression is a failure",
     "zcbench run nightly --report md,html,junit --baseline last-night --github"),
    ("what would it say of this bug?", "zcbench run --fault leak-every-10 --duration 1m"),
)  # fmt: skip


@click.command("run", cls=SubjectCommand, groups=_GROUPS, examples=_EXAMPLES)
@click.argument("scenario", required=False, shell_complete=complete.scenario)
@scenario_flags
@click.option("--expect", "expects", multiple=True, shell_complete=complete.expectation, metavar="TEXT",
              help='what must hold: "pool.hit_rate >= 90%"  [ZCBENCH_EXPECT]')  # fmt: skip
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="a tag for the record  [ZCBENCH_TAG]")
@click.option("--out", type=click.Path(path_type=Path), envvar="ZCBENCH_OUT", metavar="DIR",
              help="run directory to make (default: a new one below --root)  [ZCBENCH_OUT]")  # fmt: skip
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where runs without --out go (default: reports/runs)  [ZCBENCH_ROOT]")  # fmt: skip
@click.option("--quiet", is_flag=True, envvar="ZCBENCH_QUIET", help="no progress, no summary  [ZCBENCH_QUIET]")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="ZCBENCH_JSON",
    help="print result.json  [ZCBENCH_JSON]",
)
@click.option("--dry-run", is_flag=True, envvar="ZCBENCH_DRY_RUN",
              help="print the scenario as resolved, and leave  [ZCBENCH_DRY_RUN]")  # fmt: skip
@click.option("--report", "report_text", shell_complete=complete.formats,
              envvar="ZCBENCH_REPORT", default="md", metavar="FORMATS",
              help="md, html, junit, json, or several: md,junit (default: md)  [ZCBENCH_REPORT]")  # fmt: skip
@click.option("--report-dir", type=click.Path(path_type=Path), envvar="ZCBENCH_REPORT_DIR", metavar="DIR",
              help="for reports (default: the run directory)  [ZCBENCH_REPORT_DIR]")  # fmt: skip
@click.option("--baseline", shell_complete=complete.run,
              type=click.Path(path_type=Path), envvar="ZCBENCH_BASELINE", metavar="DIR",
              help="an earlier run, or runs: leave with 6 if this is worse  [ZCBENCH_BASELINE]")  # fmt: skip
@click.option("--metrics", envvar="ZCBENCH_METRICS", metavar="[HOST:]PORT",
              help="counters for Prometheus while it runs (no host: loopback)  [ZCBENCH_METRICS]")  # fmt: skip
@click.option("--github", "for_github", is_flag=True, envvar="ZCBENCH_GITHUB",
              help="step summary, annotations and outputs of a GitHub job  [ZCBENCH_GITHUB]")  # fmt: skip
@click.option("--diagnose", is_flag=True, envvar="ZCBENCH_DIAGNOSE",
              help="on a leak, run again to find where (heaptrack)  [ZCBENCH_DIAGNOSE]")  # fmt: skip
def command(
    scenario: str | None,
    expects: tuple[str, ...],
    tags: tuple[str, ...],
    out: Path | None,
    root: Path | None,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
    diagnose: bool,
    report_text: str,
    report_dir: Path | None,
    baseline: Path | None,
    metrics: str | None,
    for_github: bool,
    **flags: Any,
) -> None:
    """Run SCENARIO, a shipped name or a TOML file, or what a flag names, or the COMMAND after "--".

    Without any of them it is a plain soak of the engine. Each flag goes before its ZCBENCH_* variable, that
    before the scenario, that before the default. The path of each report is printed on stdout, a line each.
    """
    resolved = _resolve(scenario, flags, tags, expects)
    if diagnose:
        from zcbench.cli.diagnosis import check_diagnosis, diagnose_leak

        check_diagnosis(resolved)
    from zcbench.render.formats import check_directory, parse_formats, report_paths

    formats = parse_formats(report_text)
    if dry_run:
        tell_imported([resolved])
        click.echo(to_toml(resolved), nl=False)
        return
    # Everything heavy is imported once the scenario is known to be right.
    from zcbench.cli.baseline import read_baseline
    from zcbench.cli.closing import close

    _check_here(resolved)
    if report_dir is not None:
        check_directory(formats, report_dir)
    base = None if baseline is None else read_baseline(baseline, resolved.name)
    directory = _run(resolved, out, root, metrics, quiet)
    record, result = close(directory, formats, report_dir, base)
    if diagnose and diagnose_leak(resolved, record, result, directory, out, root, quiet):
        record, result = close(directory, formats, report_dir, base)
    _tell(record, result, report_paths(formats, report_dir or directory), quiet, for_github, as_json)
    sys.exit(result.exit_code)


def _resolve(
    scenario: str | None, flags: dict[str, Any], tags: Sequence[str], expects: Sequence[str]
) -> Scenario:
    return load(
        scenario or os.environ.get("ZCBENCH_SCENARIO") or None,
        environment=environment_settings(os.environ),
        flags=[
            *given(flags),
            *map(parse_tag, tags),
            *(Setting("expect", text, "--expect") for text in expects),
        ],
        checks=check_names,
    )


def _check_here(scenario: Scenario) -> None:
    """What is wrong with the subject on this machine, before anything is written. Raises ScenarioError."""
    from zcbench.faults.inspection import check_fault
    from zcbench.subjects.assembly import assemble

    if scenario.subject.kind != "engine":
        from zcbench.subjects.instrumented import check_published
        from zcbench.subjects.made import check_callables

        check_subject_here(scenario.subject)
        check_published(scenario.subject)
        check_callables(scenario.subject)
        return
    if scenario.fault is not None:
        check_fault(scenario.fault)
    assembly = assemble(scenario)
    check_memory(scenario.pool.max or scenario.pool.slots, assembly.format.packet_bytes)


def _run(scenario: Scenario, out: Path | None, root: Path | None, metrics: str | None, quiet: bool) -> Path:
    """Run ``scenario`` into a new directory, with its counters served at ``metrics``; the directory."""
    from zcbench.cli.running import run_into
    from zcbench.record.writer import RUNS_ROOT, create_run_directory

    if metrics is None:
        directory = create_run_directory(out, root or RUNS_ROOT, scenario.name)
        run_into(scenario, directory, quiet)
        return directory
    from zcbench.render.openmetrics import Exporter

    with Exporter(metrics) as exporter:
        directory = create_run_directory(out, root or RUNS_ROOT, scenario.name)
        exporter.show(directory)
        if exporter.is_open_to_others:
            click.echo(
                f"zcbench: warning: --metrics {metrics}: whoever reaches this machine can read the "
                "counters, without a password; 127.0.0.1 keeps them here",
                err=True,
            )
        if not quiet:
            click.echo(f"zcbench: counters at {exporter.url}", err=True)
        run_into(scenario, directory, quiet, [exporter])
    return directory


def _tell(
    record: Record, result: Result, reports: list[Path], quiet: bool, for_github: bool, as_json: bool
) -> None:
    """Show how a run ended wherever it is to be shown."""
    from zcbench.cli.closing import tell
    from zcbench.cli.terminal import print_summary

    if not quiet:
        print_summary(record, result, reports)
    if for_github:
        from zcbench.cli.github import tell_github

        tell_github(record, result, reports[0])
    tell(record, reports, as_json)
