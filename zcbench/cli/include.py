"""``zcbench include``: where zcpage.h is."""

from __future__ import annotations

import click


@click.command("include")
def command() -> None:
    """Print the folder of zcpage.h, with which a program in C or C++ publishes its counters:
    cc -I"$(zcbench include)" engine.c
    """
    from zcbench.page.header import folder

    click.echo(folder())
