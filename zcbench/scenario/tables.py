"""The types of a scenario: one struct a table of the TOML file, each key with its default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from zcbench.capture import defaults
from zcbench.consumers.registry import built_in_options
from zcbench.quantities.parsing import Duration, Growth, Rate, Size

# A duration or a size is text here, as a person writes it.
OptionValue = bool | int | float | str
SourceKind = Literal["tone", "noise", "silence", "file", "device"]


# Of a run, at least: imports, caches, first touches of the slab, what is opened lazily. What judges a trend,
# or what is open, leaves it out.
WARM_UP_SHARE = 0.1


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file: a key it does not have is an error."""


class SourceTable(Table, frozen=True):
    """``[source]``: what feeds the engine."""

    kind: SourceKind = "tone"
    path: str | None = None  # kind "file"; relative to the working directory
    device: str | int | None = None  # kind "device"; None is the system's default input
    rate: Rate | None = None  # frames/s; None: the file's, else 48,000
    frames: int = defaults.FRAMES
    channels: int | None = None  # None: the file's, else 2
    dtype: Literal["float32", "int32", "int16"] = "float32"
    frequency_hz: float = 440.0
    seed: int = 1
    priority: int | None = None  # 1 to 99: a real-time thread captures (Linux: SCHED_FIFO)
    speed: float = 1.0  # replay sources: times real pace
    unpaced: bool = False  # replay sources: as fast as the application reads

    @property
    def frames_per_s(self) -> int:
        """As given, else the default; a file's own is known once it is open."""
        return self.rate or defaults.RATE


READ_JSON_LINES = "jsonl"  # subject.read
AUTO_PROBES = "auto"  # subject.probes: all there are
MALLOC_PROBE = "malloc"
STOP_BY_CLOSING = "stdin"  # subject.stop: closing its standard input asks it to end
STOP_BY_NOTHING = "none"  # subject.stop: nobody asks; it is killed once its grace is over
SubjectKind = Literal["engine", "command", "attached", "call"]


class SubjectTable(Table, frozen=True):
    """``[subject]``: what is tested when it is no engine of zcbench's: one of command, pid and call."""

    command: tuple[str, ...] = ()  # a program and its arguments, started without a shell
    pid: int | None = None  # one that already runs: read, never stopped
    call: str | None = None  # "package.module:function", called again and again
    rate: float | None = None  # call: calls/s; None: as fast as it returns
    setup: str | None = None  # call: "package.module:function"; what it returns, the callable is given
    teardown: str | None = None
    cwd: str | None = None  # command: its working directory
    env: dict[str, str] = {}  # command: variables beside those of this process
    args: dict[str, str] = {}  # command: what {name} in it stands for
    ready: str | None = None  # command: a regex on its output, a URL that answers, or "page"
    ready_limit: Duration = Duration(60.0)
    stop: str = "SIGTERM"  # command: a signal, "stdin" or "none"
    grace: Duration | None = None  # command: from there until it is killed; None: 10 s, with "none" 0 s
    exit_codes: tuple[int, ...] = (0,)  # command: those of a good end
    probes: tuple[str, ...] = (AUTO_PROBES,)  # command, pid: beside what is read of every process
    scrape: tuple[str, ...] = ()  # URLs of metrics endpoints that it serves
    read: Literal["jsonl"] | None = None  # what it prints among its output
    map: tuple[str, ...] = ()  # "QUANTITY=NAME[:UNIT]" of what it publishes
    laws: tuple[str, ...] = ()  # "pool.captured == pool.returns + pool.in_flight"
    poison: bool = False  # command: freed memory is overwritten, by the tunable of glibc
    load: tuple[str, ...] = ()  # a load generator: runs from ready to the stop

    @property
    def kind(self) -> SubjectKind:
        """What is tested."""
        if self.command:
            return "command"
        if self.pid is not None:
            return "attached"
        return "engine" if self.call is None else "call"

    @property
    def words(self) -> tuple[str, ...]:
        """The command with what its placeholders stand for. Braces around any other name stay."""
        return tuple(filled(word, self.args) for word in self.command)

    @property
    def awaited(self) -> str | None:
        """``ready``, filled in as the command is."""
        return None if self.ready is None else filled(self.ready, self.args)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """``scrape``, filled in as the command is."""
        return tuple(filled(url, self.args) for url in self.scrape)


def filled(word: str, values: Mapping[str, str]) -> str:
    """``word`` with each "{name}" of ``values`` replaced."""
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


class PoolTable(Table, frozen=True):
    """``[pool]``."""

    slots: int = 100
    policy: Literal["grow", "drop", "block", "adaptive"] = "grow"
    min: int | None = None  # adaptive; None: slots
    max: int | None = None  # adaptive; None: 100 times slots
    shrink_after: Duration = Duration(10.0)  # adaptive: demand must have been low for so long
    queue: int = 4096
    debug: bool = False
    lock: bool = False  # the slab is locked in memory


if TYPE_CHECKING:

    class ConsumerTable(Table, frozen=True):
        """``[consumer]``: what the application does with packets, and its options."""

        kind: str = "immediate"
        hold: Duration = Duration(1.0)
        work: Duration = Duration(0.001)
        every: Duration = Duration(0.1)
        verify: bool = True  # compare every byte on delivery and before return
        options: dict[str, OptionValue] = {}  # of a consumer that does not come with zcbench

else:
    ConsumerTable = msgspec.defstruct(
        "ConsumerTable",
        [
            ("kind", str, "immediate"),
            # A key for each option that a consumer in zcbench/consumers/kinds/ declares.
            *((o.name, o.type, o.default) for o, _ in built_in_options().values()),
            ("verify", bool, True),
            ("options", dict[str, OptionValue], {}),
        ],
        bases=(Table,),
        module=__name__,
        namespace={"__doc__": "``[consumer]``: what the application does with packets."},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


class SamplingTable(Table, frozen=True):
    """``[sampling]``."""

    every: Duration = Duration(1.0)
    uss_every: Duration = Duration(10.0)
    tracemalloc: bool = False  # one frame; always off with source.unpaced
    memray: bool = False  # follow native allocations after warm-up; needs zcbench[native]


class GcTable(Table, frozen=True):
    """``[gc]``: full collections made by the harness, so that heaps can be compared after each."""

    every: str = "auto"  # "auto": the run's length / 24, 2 to 60 s; "natural": none; or "10s"


class LimitsTable(Table, frozen=True):
    """``[limits]``: when the supervisor steps in."""

    hang: Duration = Duration(10.0)  # no packet for this long while packets are due
    rss: Size | None = None  # kill the subject above this
    processes: int = 1000  # kill the subject above so many: a fork bomb ends here


class MemoryTable(Table, frozen=True):
    """``[memory]``: how much growth is too much, for each counter by itself."""

    budget: Growth = Growth(8 * 2**20 / 86_400)  # 8 MiB a day: about 1 byte a packet at 100/s
    # A pass may leave open growth up to this many budgets, and says so; what noise hides beyond is
    # inconclusive.
    limit: float = 3.0
    # "rss": where no heap was measured, resident memory that stays flat may pass, at a larger detection limit.
    accept: Literal["heap", "rss"] = "heap"


class BudgetTable(Table, frozen=True):
    """``[budget]``: what a subject may leave on the disk, print and spend."""

    files: int = 10  # left after the end, temporary ones and others
    disk: Size = Size(64 * 2**20)  # bytes in them
    output: Size = Size(16 * 2**20)  # printed on stdout and stderr
    # of one core, beside what packets cost by themselves (analysis/cost.py); not asked of an unpaced run
    cpu: float = 0.3


class Expectation(Table, frozen=True):
    """One entry of ``expect``: a comparison in the language of :mod:`zcbench.expectations.language`.

    At level "warn" a failure does not fail the run. With ``abort`` the run ends as soon as the expectation
    is broken, but not in the first ``grace`` of the stream.
    """

    that: str
    level: Literal["fail", "warn"] = "fail"
    abort: bool = False
    grace: Duration = Duration(0.0)


class Scenario(Table, frozen=True):
    """A scenario as resolved: file, environment, flags and defaults merged."""

    name: str = "custom"
    description: str = ""
    engine: str = "native"
    fault: str | None = None  # a planted one: `zcbench selftest --list`
    duration: Duration = Duration(30.0)  # stream time: wall time is duration / speed
    warmup: Duration = Duration(0.0)
    require: str | None = None  # checks that must be judged: "memory,delivery"
    subject: SubjectTable = SubjectTable()
    source: SourceTable = SourceTable()
    pool: PoolTable = PoolTable()
    consumer: ConsumerTable = ConsumerTable()
    sampling: SamplingTable = SamplingTable()
    gc: GcTable = GcTable()
    limits: LimitsTable = LimitsTable()
    memory: MemoryTable = MemoryTable()
    budget: BudgetTable = BudgetTable()
    expect: tuple[Expectation, ...] = ()
    tags: dict[str, str] = {}


def required_checks(scenario: Scenario) -> tuple[str, ...]:
    """The names of the checks that must be judged, from ``require``."""
    return tuple(name.strip() for name in (scenario.require or "").split(",") if name.strip())


class ScenarioError(ValueError):
    """A scenario that cannot be run: says where, which key, what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as text that overrides the file: ``key`` is "pool.slots", ``origin`` is "--pool"."""

    key: str
    text: str
    origin: str
