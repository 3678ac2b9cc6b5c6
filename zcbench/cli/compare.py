"""``zcbench compare``: better or worse than before?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from zcbench.cli import complete
from zcbench.exit_codes import ExitCode


@click.command("compare")
@click.argument("base", shell_complete=complete.run, type=click.Path(path_type=Path))
@click.argument("new", shell_complete=complete.run, nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["md", "json", "csv"]), default="md",
              show_default=True, help="of what is printed")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="write here, not to stdout")
@click.option("--force", is_flag=True, help="overwrite --out")
@click.option("--json", "as_json", is_flag=True, help="the same as --format json")
def command(base: Path, new: tuple[Path, ...], form: str, as_json: bool, out: Path | None, force: bool) -> None:
    """Compare each of the runs NEW with the run BASE: what is better, what is worse, how sure is it?

    Both are judged anew from their directories. Leaves with 6 if anything is worse, with 4 if nothing of two
    runs can be compared, else with 0.
    """
    from zcbench.cli.output import emit, writable
    from zcbench.comparing.comparison import compare, together
    from zcbench.record.reader import read_record
    from zcbench.render import comparison
    from zcbench.verdict import judge
    from zcbench.verdict.checks import EXPLAINED

    form = "json" if as_json else form
    writable(out, force)
    records = [read_record(path) for path in (base, *new)]
    first, *others = [(record, judge(record)) for record in records]
    compared = together([compare(first, other, EXPLAINED) for other in others])
    render = {"md": comparison.markdown, "json": comparison.json, "csv": comparison.table}[form]
    emit(render(compared), out)
    if compared.verdict == "worse":
        sys.exit(ExitCode.REGRESSION)
    if any(one.verdict == "not comparable" for one in compared.comparisons):
        sys.exit(ExitCode.INCONCLUSIVE)
