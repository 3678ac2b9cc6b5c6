"""``zcbench report``: Markdown from run directories alone."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="write here, not to stdout"
)
@click.option("--force", is_flag=True, help="overwrite --out")
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where to look for the latest run (default: reports/runs)")  # fmt: skip
def command(runs: tuple[Path, ...], out: Path | None, force: bool, root: Path | None) -> None:
    """Make the report of each of RUNS again from its directory; the latest run's if none is named.

    Several runs make one report with a comparison table. Findings are judged anew.
    """
    from zcbench.record.reader import latest_run, read_record
    from zcbench.record.writer import RUNS_ROOT, RecordError
    from zcbench.render import markdown
    from zcbench.verdict import judge

    records = [read_record(path) for path in runs or (latest_run(root or RUNS_ROOT),)]
    pairs = [(record, judge(record)) for record in records]
    text = markdown.render(*pairs[0]) if len(pairs) == 1 else markdown.render_many(pairs)
    if out is None:
        click.echo(text, nl=False)
        return
    if out.exists() and not force:
        raise RecordError(f"--out {out}: exists; name another file, or add --force")
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RecordError(f"--out {out}: cannot be written ({error.strerror})") from error
    click.echo(str(out))
