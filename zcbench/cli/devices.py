"""``zcbench devices``: the audio inputs PortAudio offers."""

from __future__ import annotations

import click


@click.command("devices")
@click.option("--json", "as_json", is_flag=True, help="as JSON, for programs")
def command(as_json: bool) -> None:
    """List the audio inputs: number, channels, preferred rate, name; * marks the default."""
    from dataclasses import asdict

    from zcbench.capture.sources import input_devices
    from zcbench.cli.table import Column, show_list

    found = input_devices()
    if not found:
        click.echo("no audio inputs", err=True)
    rows = [asdict(device) for device in found]
    if as_json:
        show_list((), rows, as_json)
        return
    for row in rows:
        row["mark"] = "*" if row["is_default"] else " "
        row["index"] = f"{row['mark']}{row['index']:>3}"
        row["channels"] = f"{row['channels']} ch"
        row["rate"] = f"{row['default_rate']:.0f} Hz"
    show_list(
        (
            *(Column("index", "Number", right=True), Column("channels", "Channels", right=True)),
            *(Column("rate", "Rate", right=True), Column("name", "Name")),
            Column("host_api", "Through"),
        ),
        rows,
    )
