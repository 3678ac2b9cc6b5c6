"""``zcbench devices``: the audio inputs PortAudio offers."""

from __future__ import annotations

import click


@click.command("devices")
def command() -> None:
    """List the audio inputs: number, channels, preferred rate, name; * marks the default."""
    from zcbench.capture.sources import input_devices

    found = input_devices()
    if not found:
        click.echo("no audio inputs", err=True)
    for device in found:
        mark = "*" if device.is_default else " "
        click.echo(
            f"{mark}{device.index:>3}  {device.channels:>3} ch  {device.default_rate:>8.0f} Hz  "
            f"{device.name} ({device.host_api})"
        )
