"""``zcbench schema``: the JSON Schema of what a run leaves."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("schema")
@click.argument("name", default="result", metavar="[result|run]")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="write all of them there, as NAME-VERSION.json")  # fmt: skip
def command(name: str, out: Path | None) -> None:
    """Print the JSON Schema of result.json (the default) or run.json."""
    from zcbench.record.json_schema import PUBLISHED, json_schema, schema_file
    from zcbench.record.writer import RecordError

    if out is None:
        click.echo(json.dumps(json_schema(name), indent=2))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for each in PUBLISHED:
            path = out / schema_file(each)
            text = json.dumps(json_schema(each), indent=2) + "\n"
            path.write_text(text, encoding="utf-8", newline="\n")
            click.echo(str(path))
    except OSError as error:
        raise RecordError(f"--out {out}: cannot be written ({error.strerror})") from error
