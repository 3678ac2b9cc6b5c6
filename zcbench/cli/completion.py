"""``zcbench completion``: what a shell needs to complete commands, flags and names at Tab."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_ZCBENCH_COMPLETE"  # click's name for this program


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL: names of scenarios, engines, faults, quantities and runs at Tab.

    \b
    bash   eval "$(zcbench completion bash)"           in ~/.bashrc (bash 4.4 or later)
    zsh    eval "$(zcbench completion zsh)"            in ~/.zshrc
    fish   zcbench completion fish > ~/.config/fish/completions/zcbench.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    script = found(ctx.find_root().command, {}, "zcbench", _VARIABLE)
    # Not source(): for bash that starts one, to see how old it is.
    click.echo(script.source_template % script.source_vars())
