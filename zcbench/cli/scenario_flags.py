"""What sets a key of the scenario, for every command that runs one: flags, and a command after ``--``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from typing import Any

import click

from zcbench.cli import complete
from zcbench.cli.grouped import GroupedCommand
from zcbench.consumers.registry import built_in, built_in_options
from zcbench.scenario import FLAGS, Scenario, ScenarioError, Setting, parse_setting, variable_of
from zcbench.scenario.probes import probe_names

_HELP = {
    "--duration": "how long the stream is: 30s, 5m, 1h30m",
    "--warmup": "what memory figures leave out at the start",
    "--engine": "native, reference, copying, or package.module:Class",
    "--fault": "plant a fault: see zcbench selftest --list",
    "--source": "tone, noise, silence, file or device",
    "--path": "the audio file of source file",
    "--device": "PortAudio input: its number or a part of its name",
    "--rate": "frames a second: 48000, 44.1k; with --call: calls, 100/s",
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
    "--pid": "a process that runs already: it is read, never stopped",
    "--call": "package.module:function, called again and again",
    "--setup": "with --call: package.module:function, whose result the callable is given",
    "--teardown": "with --call: package.module:function, called at the end",
    "--cwd": "the command's working directory",
    "--ready": 'when the command is ready: a regex on its output, a URL, or "page"',
    "--ready-limit": "how long that may take (default: 1m)",
    "--stop": 'how the command is asked to end: SIGTERM, "stdin" or "none"',
    "--grace": "how long its end may take before it is killed (default: 10s)",
    "--probe": 'what reads its allocator and its runtimes: "auto" (the default), "none", or names: malloc,v8',
    "--read": '"jsonl": lines of JSON in its output are readings',
    "--poison": "overwrite freed memory (glibc)",
    "--load": "a load generator, as one text: it runs while the command is ready",
    "--sample-every": "time between samples",
    "--require": "checks that must be judged, or the run is inconclusive: memory,delivery",
}
_COMMAND = (
    *("--cwd", "--env", "--ready", "--ready-limit", "--stop", "--grace", "--load"),
    *("--probe", "--read", "--poison"),
)
_PUBLISHED = ("--scrape", "--map", "--law")
GROUPS = {
    "Subject: an engine": ("--engine", "--fault", "--priority"),
    "Subject: a command (-- COMMAND)": _COMMAND,
    "Subject: what it publishes": _PUBLISHED,
    "Subject: a process, a callable": ("--pid", "--call", "--setup", "--teardown"),
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
    "--stop": complete.values_of_stop,
    "--probe": complete.words("auto", "none", *probe_names()),
    "--read": complete.words("jsonl"),
    "--ready": complete.words("page"),
    "--consumer": complete.consumer,
    **{flag: complete.values_of(FLAGS[flag]) for flag in ("--source", "--dtype", "--pool-policy")},
}
_SWITCHES = ("--poison", "--unpaced", "--debug-pool", "--lock-pool")


class SubjectCommand(GroupedCommand):
    """A command of ours that takes a command of the user's after ``--``, as it stands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what follows the first ``--`` for :func:`given`. Raises ScenarioError if nothing does."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[complete.COMMAND_META] = args[at + 1 :]
            args = args[:at]
            if not ctx.meta[complete.COMMAND_META] and not ctx.resilient_parsing:
                raise ScenarioError("--: no command follows; write -- PROGRAM ARGUMENT...")
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show where the command goes."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


def scenario_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """``command`` with all of FLAGS as options, and with --env and --set."""
    several = (
        click.option("--scrape", "scrapes", multiple=True, metavar="URL",
                     help="an endpoint with metrics that it serves; may be given again"),
        click.option("--map", "maps", multiple=True, metavar="QUANTITY=NAME",
                     help="what a name is that it publishes: pool.hits=app_hits_total"),
        click.option("--law", "laws", multiple=True, metavar="TEXT",
                     help='what must hold of readings: "pool.acquires == pool.returns + pool.in_flight"'),
        click.option("--env", "variables", multiple=True, metavar="NAME=VALUE",
                     help="a variable for the command; may be given again"),
        click.option("--set", "sets", multiple=True, shell_complete=complete.key, metavar="KEY=VALUE",
                     help="any key of a scenario  [ZCBENCH_SET]"),
    )  # fmt: skip
    for option in several:
        command = option(command)
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
    """What :func:`scenario_flags` and ``--`` were given, as settings. Raises ScenarioError."""
    settings = [
        Setting(key, "true" if value is True else value, flag)
        for flag, key in FLAGS.items()
        if (value := parameters[flag.lstrip("-").replace("-", "_")]) is not None
    ]
    words = click.get_current_context().meta.get(complete.COMMAND_META)
    if words is not None:
        settings.append(Setting("subject.command", shlex.join(words), "--"))
    for name, key in (("scrapes", "scrape"), ("maps", "map"), ("laws", "laws")):
        if parameters[name]:
            flag = {"laws": "--law"}.get(name, f"--{key}")
            settings.append(Setting(f"subject.{key}", shlex.join(parameters[name]), flag))
    for text in parameters["variables"]:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ScenarioError(f"--env: {text!r} is not NAME=VALUE, as in THREADS=4")
        settings.append(Setting(f"subject.env.{name}", value, "--env"))  # spaces are the program's to have
    return settings + [parse_setting(text) for text in parameters["sets"]]
