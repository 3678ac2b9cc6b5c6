"""The keys of a scenario: their types, the flags that set them, and what a mistyped one was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from zcbench.consumers.registry import built_in_options
from zcbench.quantities.names import POOL_SLOTS
from zcbench.scenario.tables import (
    BudgetTable,
    ConsumerTable,
    GcTable,
    LimitsTable,
    MemoryTable,
    PoolTable,
    SamplingTable,
    Scenario,
    SourceTable,
    SubjectTable,
    Table,
)

# The flags of `zcbench run` that set a key. Each is a variable too: --pool-policy is
# ZCBENCH_POOL_POLICY.
FLAGS: Mapping[str, str] = {
    "--duration": "duration",
    "--warmup": "warmup",
    "--engine": "engine",
    "--fault": "fault",
    "--source": "source.kind",
    "--path": "source.path",
    "--device": "source.device",
    "--rate": "source.rate",
    "--frames": "source.frames",
    "--channels": "source.channels",
    "--dtype": "source.dtype",
    "--priority": "source.priority",
    "--speed": "source.speed",
    "--unpaced": "source.unpaced",
    "--pool": POOL_SLOTS,
    "--pool-policy": "pool.policy",
    "--pool-min": "pool.min",
    "--pool-max": "pool.max",
    "--lock-pool": "pool.lock",
    "--debug-pool": "pool.debug",
    "--consumer": "consumer.kind",
    **{f"--{option}": f"consumer.{option}" for option in built_in_options()},
    "--sample-every": "sampling.every",
    "--require": "require",
    "--pid": "subject.pid",
    "--call": "subject.call",
    "--setup": "subject.setup",
    "--teardown": "subject.teardown",
    "--cwd": "subject.cwd",
    "--ready": "subject.ready",
    "--ready-limit": "subject.ready_limit",
    "--stop": "subject.stop",
    "--grace": "subject.grace",
    "--load": "subject.load",
    "--probe": "subject.probes",
    "--read": "subject.read",
    "--poison": "subject.poison",
}


TABLES: Mapping[str, type[Table]] = {
    "subject": SubjectTable,
    "source": SourceTable,
    "pool": PoolTable,
    "consumer": ConsumerTable,
    "sampling": SamplingTable,
    "gc": GcTable,
    "limits": LimitsTable,
    "memory": MemoryTable,
    "budget": BudgetTable,
}


# Tables that only an engine of ours reads, and keys beside them.
ENGINE_TABLES = ("source", "pool", "consumer", "gc")
ENGINE_KEYS = ("engine", "fault")

# How the keys begin that only a consumer of a user's own reads.
CONSUMER_OPTIONS = "consumer.options."
# Tables of text within [subject], whose keys the user names.
FREE_TABLES = ("subject.env.", "subject.args.")

TOP = [f for f in msgspec.structs.fields(Scenario) if f.name not in {*TABLES, "tags", "expect"}]


KINDS: Mapping[str, Any] = (
    {f.name: f.type for f in TOP}
    | {
        f"{table}.{f.name}": f.type
        for table, s in TABLES.items()
        for f in msgspec.structs.fields(s)
        if f"{table}.{f.name}." not in (CONSUMER_OPTIONS, *FREE_TABLES)
    }
    | {"expect": str}
)


def variable_of(flag: str) -> str:
    """The environment variable that says the same as ``flag``: "--pool" -> "ZCBENCH_POOL"."""
    return "ZCBENCH_" + flag.lstrip("-").replace("-", "_").upper()


def unknown_key(key: str) -> str | None:
    """What to say of a key that there is not, with the one it may have meant; None if there is."""
    if key in KINDS or (key.startswith("tags.") and key != "tags."):
        return None
    if key.startswith(CONSUMER_OPTIONS) and key.removeprefix(CONSUMER_OPTIONS).isidentifier():
        return None
    if key.startswith(FREE_TABLES) and key not in FREE_TABLES:
        return None
    return next(said for rule in _MEANT if (said := rule(key)) is not None)


def _a_table(key: str) -> str | None:
    for free, example in ((CONSUMER_OPTIONS, "gain"), *zip(FREE_TABLES, ("THREADS", "port"), strict=True)):
        if free in (key, f"{key}."):
            return f"is a table; name a key in it, as in {free}{example}"
    if key in TABLES or key == "tags":
        return f"is a table; name a key in it, as in {key}.{_first_key(key)}"
    return None


def _a_misspelt_table(key: str) -> str | None:
    table, _, last = key.rpartition(".")
    near = difflib.get_close_matches(table or key, TABLES, 1)
    if (table or key) in TABLES or not near:
        return None
    return f"unknown key; did you mean {near[0] + ('.' + last if table else '')!r}?"


def _another_key(key: str) -> str | None:
    """One that is spelt alike, or has this name in another table."""
    close = difflib.get_close_matches(key, KINDS, 1, 0.7)
    moved = [k for k in KINDS if k.rpartition(".")[2] == key.rpartition(".")[2]]
    return f"unknown key; did you mean {(close or moved)[0]!r}?" if close or moved else None


def _those_beside_it(key: str) -> str | None:
    table = key.rpartition(".")[0]
    siblings = [k.rpartition(".")[2] for k in KINDS if k.rpartition(".")[0] == table]
    return f"unknown key; [{table}] has {', '.join(siblings)}" if table and siblings else None


def _all_there_are(_key: str) -> str:
    tables = ", ".join(f"[{name}]" for name in (*TABLES, "tags"))
    return f"unknown key; a scenario has {', '.join(f.name for f in TOP)} and {tables}"


_MEANT: tuple[Callable[[str], str | None], ...] = (
    _a_table,
    _a_misspelt_table,
    _another_key,
    _those_beside_it,
    _all_there_are,
)


def _first_key(table: str) -> str:
    return "host" if table == "tags" else TABLES[table].__struct_fields__[0]
