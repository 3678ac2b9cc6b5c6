"""``zcbench history``: a metric over all runs below a directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zcbench.cli import complete
from zcbench.foreign import one_line
from zcbench.record.writer import RecordError

if TYPE_CHECKING:
    from zcbench.quantities.registry import Registry
    from zcbench.render.history import Story

FIGURES = (".svg", ".png")


@click.command("history")
@click.option(
    "--metric",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.historic,
    help="which; again for more (--list has all)",
)
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where the runs are, at any depth (default: reports/runs)")  # fmt: skip
@click.option(
    "--scenario",
    shell_complete=complete.scenario_name,
    metavar="NAME",
    help="only runs of this scenario",
)
@click.option("--format", "form", type=click.Choice(["md", "json", "csv"]), default="md",
              show_default=True, help="of what is printed")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="write here, not to stdout")
@click.option("--figure", type=click.Path(path_type=Path), metavar="FILE", help="draw it too: .svg or .png")
@click.option("--force", is_flag=True, help="overwrite --out and --figure")
@click.option("--list", "listed", is_flag=True, help="list the metrics, and leave")
@click.option("--json", "as_json", is_flag=True, help="the same as --format json")
def command(
    names: tuple[str, ...],
    root: Path | None,
    scenario: str | None,
    form: str,
    out: Path | None,
    figure: Path | None,
    force: bool,
    listed: bool,
    as_json: bool,
) -> None:
    """Show metrics over all judged runs, oldest first, with each change of level and the commit it came with.

    A scenario has a table of its own. Runs that cannot be read are named on stderr and left out.
    """
    from zcbench.comparing.history import DEFAULT, known_in, resolve
    from zcbench.comparing.results import brought_below, read_results
    from zcbench.record.writer import RUNS_ROOT

    form = "json" if as_json else form
    known = known_in(brought_below(root or RUNS_ROOT))
    if listed:
        _list(known, form == "json")
        return
    metrics = list({(metric := resolve(name, known)).name: metric for name in names or DEFAULT}.values())
    if figure is not None and figure.suffix not in FIGURES:
        raise RecordError(f"--figure {figure}: name a file that ends in {' or '.join(FIGURES)}")

    from zcbench.cli.output import emit, writable
    from zcbench.render import history

    writable(out, force)
    writable(figure, force, "--figure")
    results = read_results(root or RUNS_ROOT, [metric.name for metric in metrics], scenario)
    for problem in results.problems:
        click.echo(f"zcbench: left out: {one_line(problem)}", err=True)
    told = history.stories(results.rows, metrics)
    if figure is not None:
        _draw(told, figure)
    render = {"md": history.markdown, "json": history.json, "csv": history.table}[form]
    emit(render(told), out)


def _list(known: Registry, as_json: bool) -> None:
    from zcbench.cli.table import Column, show_list

    show_list(
        (Column("name", "Name"), Column("unit", "Unit"), Column("meaning", "Meaning")),
        [{"name": q.name, "unit": q.unit.name, "meaning": q.title} for q in known.values()],
        as_json,
    )


def _draw(told: Sequence[Story], figure: Path) -> None:
    """Draw into ``figure``. Raises RecordError if there is nothing to draw, or it cannot be drawn."""
    from zcbench.cli.output import write
    from zcbench.foreign import of_error
    from zcbench.render.figures.history import draw

    drawn = draw(told)
    if drawn is None:
        raise RecordError(
            f"--figure {figure}: no run has a value of these metrics (an older zcbench derived none; "
            "`zcbench report RUN --format json --report-dir RUN --force` judges a run anew)"
        )
    try:
        picture = drawn.png() if figure.suffix == ".png" else drawn.svg().encode()
    except Exception as error:
        raise RecordError(f"--figure {figure}: could not be drawn: {of_error(error)}") from error
    write(figure, picture, "--figure")
