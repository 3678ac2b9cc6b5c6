"""``zcbench run``: a scenario in, a run directory and its report out."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from zcbench.cli import complete
from zcbench.cli.grouped import GroupedCommand
from zcbench.cli.output import shown_json
from zcbench.cli.scenario_flags import GROUPS, given, scenario_flags, tell_imported
from zcbench.scenario import (
    Scenario,
    ScenarioError,
    Setting,
    check_memory,
    environment_settings,
    load,
    parse_setting,
    parse_tag,
    to_toml,
)

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
    ("your own engine, and what must hold of it",
     "zcbench run --engine mypackage.engine:MyEngine --expect \"latency.p99 < 20ms\""),
    ("every night: all reports, and a regression is a failure",
     "zcbench run nightly --report md,html,junit --baseline last-night --github"),
    ("what would it say of this bug?", "zcbench run --fault leak-every-10 --duration 1m"),
)  # fmt: skip


@click.command("run", cls=GroupedCommand, groups=_GROUPS, examples=_EXAMPLES)
@click.argument("scenario", required=False, shell_complete=complete.scenario)
@scenario_flags
@click.option(
    "--set",
    "sets",
    multiple=True,
    shell_complete=complete.key,
    metavar="KEY=VALUE",
    help="any key of a scenario  [ZCBENCH_SET]",
)
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
              help="on a leak, run again with tracemalloc to find where  [ZCBENCH_DIAGNOSE]")  # fmt: skip
def command(
    scenario: str | None,
    sets: tuple[str, ...],
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
    """Run SCENARIO: a shipped name or a TOML file; a plain soak with the defaults if none is named.

    Each flag goes before its ZCBENCH_* variable, that before the scenario, that before the default.
    The path of each report is printed on stdout, a line each.
    """
    resolved = load(
        scenario or os.environ.get("ZCBENCH_SCENARIO") or None,
        environment=environment_settings(os.environ),
        flags=[
            *given(flags),
            *map(parse_setting, sets),
            *map(parse_tag, tags),
            *(Setting("expect", text, "--expect") for text in expects),
        ],
    )
    if diagnose and resolved.source.unpaced:
        raise ScenarioError(
            "--diagnose: tracemalloc makes a packet five times as dear, which an unpaced run would only "
            "measure; use --speed"
        )
    from zcbench.render.formats import check_directory, parse_formats, report_paths

    formats = parse_formats(report_text)
    if dry_run:
        tell_imported([resolved])
        click.echo(to_toml(resolved), nl=False)
        return
    # Everything heavy is imported once the scenario is known to be right.
    from zcbench.cli.baseline import read_baseline
    from zcbench.cli.closing import close
    from zcbench.cli.running import run_into
    from zcbench.cli.terminal import print_summary
    from zcbench.faults.inspection import check_fault
    from zcbench.record.schema import RESULT_FILE
    from zcbench.record.writer import RUNS_ROOT, create_run_directory
    from zcbench.subjects.assembly import assemble

    # Opens the source: what is wrong with it, or too large in it, must show before anything is written.
    if resolved.fault is not None:
        check_fault(resolved.fault)
    assembly = assemble(resolved)
    check_memory(resolved.pool.max or resolved.pool.slots, assembly.format.packet_bytes)
    if report_dir is not None:
        check_directory(formats, report_dir)
    base = None if baseline is None else read_baseline(baseline, resolved.name)
    with contextlib.ExitStack() as stack:
        exporter = None
        if metrics is not None:
            from zcbench.render.openmetrics import Exporter

            exporter = stack.enter_context(Exporter(metrics))
        directory = create_run_directory(out, root or RUNS_ROOT, resolved.name)
        if exporter is not None:
            exporter.show(directory)
            if exporter.is_open_to_others:
                click.echo(
                    f"zcbench: warning: --metrics {metrics}: whoever reaches this machine can read the "
                    "counters, without a password; 127.0.0.1 keeps them here",
                    err=True,
                )
            if not quiet:
                click.echo(f"zcbench: counters at {exporter.url}", err=True)
        run_into(resolved, directory, quiet, [] if exporter is None else [exporter])
    record, result = close(directory, formats, report_dir, base)
    leaks = any(f.check == "memory" and f.outcome == "fail" for f in result.findings)
    if diagnose and leaks and not record.run.tracemalloc:
        from zcbench.record.writer import append_event

        if not quiet:
            click.echo("zcbench: memory leaks; once more with tracemalloc to find where", err=True)
        second = create_run_directory(
            None if out is None else out.with_name(f"{out.name}-diagnosis"),
            root or RUNS_ROOT,
            f"{resolved.name}-diagnosis",
        )
        run_into(_traced(resolved), second, quiet)
        for event in close(second)[0].events:
            if event.kind in ("allocations", "native_allocations"):
                append_event(directory, event)
        record, result = close(directory, formats, report_dir, base)
    reports = report_paths(formats, report_dir or directory)
    if not quiet:
        print_summary(record, result, reports)
    if for_github:
        from zcbench.cli.github import tell_github

        tell_github(record, result, reports[0])
    if as_json:
        click.echo(shown_json((directory / RESULT_FILE).read_text(encoding="utf-8")))
    else:
        click.echo("\n".join(map(str, reports)))
    sys.exit(result.exit_code)


def _traced(scenario: Scenario) -> Scenario:
    """``scenario`` with Python's allocations traced, and native ones where memray is installed."""
    import msgspec

    from zcbench.subjects.inside.native_sites import available

    sampling = msgspec.structs.replace(scenario.sampling, tracemalloc=True, memray=available())
    return msgspec.structs.replace(scenario, name=f"{scenario.name}-diagnosis", sampling=sampling)
