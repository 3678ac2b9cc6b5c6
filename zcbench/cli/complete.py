"""What a shell offers at Tab for arguments and options. `zcbench completion` prints the shell's own part.

Nothing here may fail or print: a shell shows whatever it gets in the middle of a line. Imports are late, as
every command is made with these.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Names = Iterable[tuple[str, str | None]]  # with their meanings, where there are some
Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]
COMMAND_META = "zcbench.command"  # in a context's meta: the words behind ``--``
_MOST_RUNS = 50  # the newest


def _offering(
    find: Callable[[click.Context], Names], separator: str = "", files: str | None = None
) -> Complete:
    """Offer what ``find`` has; of a value in parts, for the part that follows the last ``separator``.

    A regular expression. Where nothing fits, ``files`` ("file" or "dir") has the shell complete paths.
    """

    def complete(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        before = [match.end() for match in re.finditer(separator, incomplete)] if separator else []
        at = before[-1] if before else 0
        kept, part = incomplete[:at], incomplete[at:]
        try:
            names = list(find(ctx))
        except Exception:  # a damaged record, a missing library: nothing to offer
            names = []
        items = [CompletionItem(kept + name, help=meaning) for name, meaning in names if name.startswith(part)]
        return items or ([CompletionItem(incomplete, type=files)] if files else [])

    return complete


def _scenarios(_ctx: click.Context) -> Names:
    from zcbench.scenario import shipped

    return [(found.name, found.description) for found in shipped()]


def _engines(_ctx: click.Context) -> Names:
    from zcbench.capture.engine import engine_names

    return [(name, None) for name in engine_names()]


def _consumers(_ctx: click.Context) -> Names:
    from zcbench.consumers.registry import consumer_names

    return [(name, None) for name in consumer_names()]


def _faults(_ctx: click.Context) -> Names:
    from zcbench.faults import FAULTS

    return [(fault.name, fault.meaning) for fault in FAULTS]


def _trials(ctx: click.Context) -> Names:
    from zcbench.faults.controls import CONTROLS

    controls = [(control.name, control.meaning) for control in CONTROLS]
    return [*_faults(ctx), *controls, ("faults", "all of them"), ("controls", "all of them")]


def _quantities(_ctx: click.Context) -> Names:
    from zcbench.quantities.registry import VOCABULARY

    return [(quantity.name, quantity.title) for quantity in VOCABULARY.expectable.values()]


def _historic(_ctx: click.Context) -> Names:
    from zcbench.comparing.history import known_in

    return [(quantity.name, quantity.title) for quantity in known_in().values()]


def _keys(_ctx: click.Context) -> Names:
    from zcbench.scenario.keys import KINDS

    return [(f"{key}=", None) for key in KINDS if key != "expect"]


def _checks(_ctx: click.Context) -> Names:
    from zcbench.verdict.theirs import check_names

    return [(name, None) for name in check_names()]


def _formats(_ctx: click.Context) -> Names:
    from zcbench.render.formats import FORMATS

    return [(name, form.meaning) for name, form in FORMATS.items()]


def _runs(ctx: click.Context) -> Names:
    from zcbench.record.reader import find_runs
    from zcbench.record.writer import RUNS_ROOT

    root = Path(ctx.params.get("root") or os.environ.get("ZCBENCH_ROOT") or RUNS_ROOT)
    return [(str(path), None) for path in reversed(find_runs(root)[-_MOST_RUNS:])]


def _topics(_ctx: click.Context) -> Names:
    from zcbench.cli import COMMANDS
    from zcbench.cli.help import TOPICS

    return [*((name, says) for name, (says, _) in TOPICS.items()), *COMMANDS.items()]


def words(*choices: str) -> Complete:
    """A few words that may be given."""
    return _offering(lambda _ctx: [(choice, None) for choice in choices])


def _stops(_ctx: click.Context) -> Names:
    import signal

    from zcbench.scenario.tables import STOP_BY_CLOSING, STOP_BY_NOTHING

    return [(name, None) for name in (STOP_BY_CLOSING, STOP_BY_NOTHING, *(s.name for s in signal.Signals))]


values_of_stop = _offering(_stops)


def values_of(key: str) -> Complete:
    """Offer the values that a key of a scenario can have, where these are names."""

    def allowed(_ctx: click.Context) -> Names:
        import typing

        from zcbench.scenario.keys import KINDS

        return [(str(value), None) for value in typing.get_args(KINDS[key]) if isinstance(value, str)]

    return _offering(allowed)


_scenario = _offering(_scenarios, files="file")


def scenario(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Scenarios; behind ``--``, where the user's own command stands, files."""
    if COMMAND_META in ctx.meta:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]
    return _scenario(ctx, parameter, incomplete)


scenario_name = _offering(_scenarios)
engine = _offering(_engines)
consumer = _offering(_consumers)
fault = _offering(_faults)
trial = _offering(_trials)
# An expectation begins with a quantity, perhaps in a function: "p99(latency, last=10s) < 20ms".
expectation = _offering(_quantities, separator=r"[(\s]")
historic = _offering(_historic)
column = _offering(lambda ctx: [(f"{n}=", says) for n, says in _quantities(ctx)], separator=",")
total = _offering(lambda ctx: [(f"{n}=", says) for n, says in _quantities(ctx)])
key = _offering(_keys)
checks = _offering(_checks, separator=",")
formats = _offering(_formats, separator=",")
run = _offering(_runs, files="dir")
topic = _offering(_topics)
