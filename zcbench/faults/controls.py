"""Sound engines under every consumer, pool and policy they can rightly be asked to serve: none may fail.

Two of them have a pool that rightly misses, and ask for the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from zcbench.faults.pace import FIVE_MINUTES
from zcbench.faults.trial import Trial

ENGINES = ("native", "reference")
CONSUMERS = ("immediate", "hold", "cycle", "slow", "burst", "copy")
SLOTS = (1, 10, 100)

# Under ``block`` and ``drop`` an application that keeps more than the pool has stops the stream, or loses
# packets, by its own doing: only consumers that let each packet go at once are clean there. ``drop`` also
# needs slots for as long as a busy machine may leave the reader waiting: 100 packets are a fifth of a second.
STRICT_CONSUMERS = ("immediate", "slow", "copy")
STRICT_SLOTS = {"block": (10, 100), "drop": (100,)}

# An adaptive pool serves every consumer; it begins with what covers the time that growing takes on a busy
# machine, half of 100 packets being a tenth of a second.
ADAPTIVE_SLOTS = 100

# Two seconds at five times real pace. The slow consumer's 1 ms is half of a packet's 2 ms.
_SHORT = {"duration": "10s", "source.speed": "5", "sampling.every": "100ms"}
# Of two seconds a quarter: 250 packets held, more than any of the pools has.
_OPTIONS = {"hold": {"consumer.hold": "500ms"}}


def _combinations() -> Iterator[tuple[str, str, int, str]]:
    for engine in ENGINES:
        for consumer in CONSUMERS:
            for slots in SLOTS:
                yield engine, consumer, slots, "grow"
        for policy, sizes in STRICT_SLOTS.items():
            for consumer in STRICT_CONSUMERS:
                for slots in sizes:
                    yield engine, consumer, slots, policy
        for consumer in CONSUMERS:
            yield engine, consumer, ADAPTIVE_SLOTS, "adaptive"


def _control(engine: str, consumer: str, slots: int, policy: str) -> Trial:
    return Trial(
        name=f"control-{engine}-{consumer}-{slots}-{policy}",
        meaning=f"the {engine} engine as it is: consumer {consumer}, {slots} slots, policy {policy}",
        settings={
            **_SHORT,
            **_OPTIONS.get(consumer, {}),
            "engine": engine,
            "consumer.kind": consumer,
            "pool.slots": str(slots),
            "pool.policy": policy,
        },
    )


def _long_control(engine: str, consumer: str) -> Trial:
    return Trial(
        name=f"control-{engine}-{consumer}-5min",
        meaning=f"the {engine} engine as it is for five minutes: consumer {consumer}, 100 slots",
        settings={**FIVE_MINUTES, "engine": engine, "consumer.kind": consumer},
        slow=True,
    )


# Nothing is wrong with these either; but their pools miss, and the reason must be given.
_EXPLAINED = (
    Trial(
        name="control-pool-too-small",
        meaning="the application rightly holds 50 packets at a time, the pool has 10 slots",
        settings={
            **_SHORT,
            "consumer.kind": "hold",
            "consumer.hold": "100ms",
            "pool.slots": "10",
        },
        check="pool.hit_rate",
        cause="too_small",
    ),
    Trial(
        name="control-held-by-garbage",
        meaning="only the collector gives packets back, some hundreds at a time; the pool has 10 slots",
        # 8,000 packets in four seconds: CPython collects by itself about once in 350 of them.
        settings={
            **_SHORT,
            "duration": "80s",
            "source.speed": "20",
            "consumer.kind": "cycle",
            "pool.slots": "10",
        },
        check="pool.hit_rate",
        cause="held_by_garbage",
    ),
)

CONTROLS: tuple[Trial, ...] = (
    *(_control(*combination) for combination in _combinations()),
    *_EXPLAINED,
    *(_long_control(engine, consumer) for engine in ENGINES for consumer in CONSUMERS),
)
