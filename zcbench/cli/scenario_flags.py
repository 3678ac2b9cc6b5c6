"""The flags that set a key of the scenario, for every command that runs one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from zcbench.cli import complete
from zcbench.consumers.registry import built_in, built_in_options
from zcbench.scenario import FLAGS, Scenario, Setting, variable_of

_HELP = {
    "--duration": "how long the stream is: 30s, 5m, 1h30m",
    "--warmup": "what memory figures leave out at the start",
    "--engine": "native, reference, copying, or package.module:Class",
    "--fault": "plant a fault: see zcbench selftest --list",
    "--source": "tone, noise, silence, file or device",
    "--path": "the audio file of source file",
    "--device": "PortAudio input: its number or a part of its name",
    "--rate": "frames a second: 48000, 44.1k",
    "--frames": "frames a packet",
    "--channels": "channels a frame",
    "--dtype": "float32, int32 or int16",
    "--priority": "real-time priority of the capturing thread, 1 to 99",
    "--speed": "replay this many times faster than real",
    "--unpaced": "replay as fast as the application reads",
    "--pool": "slots in the pool, 1 to 1,000,000",
    "--pool-policy": "when no slot is free: grow, drop, block or adaptive",
    "--pool-min": "policy adaptive: never fewer slots",
    "--pool-max": "policy adaptive: never more slots",
    "--lock-pool": "lock the pool's memory",
    "--debug-pool": "poison returned slots, check guard zones",
    "--consumer": f"{', '.join(built_in())}, or package.module:Class",
    **{
        f"--{name}": f"consumer {' or '.join(kinds)}: {option.help}"
        for name, (option, kinds) in built_in_options().items()
    },
    "--sample-every": "time between samples",
    "--require": "checks that must be judged, or the run is inconclusive: memory,delivery",
}
GROUPS = {
    "Subject": ("--engine", "--fault", "--priority"),
    "Pool": ("--pool", "--pool-policy", "--pool-min", "--pool-max", "--lock-pool", "--debug-pool"),
    "Source": (
        *("--source", "--path", "--device", "--rate", "--frames", "--channels", "--dtype"),
        *("--speed", "--unpaced"),
    ),
    "Consumer": ("--consumer", *(f"--{name}" for name in built_in_options())),
    "Time and sampling": ("--duration", "--warmup", "--sample-every"),
}
_COMPLETE = {
    "--engine": complete.engine,
    "--fault": complete.fault,
    "--require": complete.checks,
    "--consumer": complete.consumer,
    **{flag: complete.values_of(FLAGS[flag]) for flag in ("--source", "--dtype", "--pool-policy")},
}
_SWITCHES = ("--unpaced", "--debug-pool", "--lock-pool")


def scenario_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """``command`` with all of FLAGS as options."""
    for flag in reversed(list(FLAGS)):
        text = f"{_HELP[flag]}  [{variable_of(flag)}]"
        if flag in _SWITCHES:
            option = click.option(flag, is_flag=True, default=None, help=text)
        else:
            option = click.option(flag, metavar="VALUE", help=text, shell_complete=_COMPLETE.get(flag))
        command = option(command)
    return command


def tell_imported(scenarios: Iterable[Scenario]) -> None:
    """Say which code that is not ours a dry run has run: the module of an engine or a consumer is imported."""
    from zcbench.capture import inspection as engines
    from zcbench.consumers import inspection as consumers

    scenarios = list(scenarios)
    named = [s.engine for s in scenarios if engines.is_foreign(s.engine)]
    named += [s.consumer.kind for s in scenarios if consumers.is_foreign(s.consumer.kind)]
    for name in dict.fromkeys(named):
        click.echo(f"zcbench: {name} was imported, in a process of its own, to check it", err=True)


def given(parameters: dict[str, Any]) -> list[Setting]:
    """The scenario flags that were used, as settings."""
    return [
        Setting(key, "true" if value is True else value, flag)
        for flag, key in FLAGS.items()
        if (value := parameters[flag.lstrip("-").replace("-", "_")]) is not None
    ]
