"""The registry of metrics: every number a run measures, once, with its unit and meaning.

The scoreboard's counters, the columns of ``samples.csv`` and the tables of a report all read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Who writes a metric. The values of ``PAGE_*`` lie on the scoreboard, one cache line group each,
    so that two writers never share a line."""

    STATIC = "static"  # written once, before the stream starts
    KEEPER = "keeper"  # the maintenance of an adaptive pool; else written once
    PRODUCER = "producer"  # the audio callback or the replay driver
    SHARED = "shared"  # producer and returning threads
    RETURNER = "returner"  # whichever thread drops the last claim on a lease
    READER = "reader"  # the thread that calls read()
    CONSUMER = "consumer"  # the worker's consumer loop
    PROBE = "probe"  # the worker's probe thread
    PROCESS = "process"  # read from outside, by the supervisor
    SUPERVISOR = "supervisor"  # about the supervisor itself
    DERIVED = "derived"  # computed by the supervisor from the others


ON_PAGE = (
    Origin.STATIC,
    Origin.KEEPER,
    Origin.PRODUCER,
    Origin.SHARED,
    Origin.RETURNER,
    Origin.READER,
    Origin.CONSUMER,
    Origin.PROBE,
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured number. ``column`` is its column in ``samples.csv``; the unit is in the name."""

    name: str
    unit: str
    origin: Origin
    meaning: str
    cumulative: bool = False  # a counter that only rises; otherwise a gauge

    @property
    def column(self) -> str:
        """The column name in ``samples.csv``: the metric's name with ``_`` for ``.``."""
        return self.name.replace(".", "_")


@dataclass(frozen=True, slots=True)
class Timing:
    """A log-bucket histogram of nanoseconds on the scoreboard."""

    name: str
    meaning: str


def _m(name: str, unit: str, origin: Origin, meaning: str, *, total: bool = False) -> Metric:
    return Metric(name, unit, origin, meaning, total)


METRICS: tuple[Metric, ...] = (
    # -- time and progress (derived by the supervisor, first in every row)
    _m("elapsed_s", "s", Origin.DERIVED, "time since the run started, monotonic"),
    _m("phase", "phase", Origin.STATIC, "0 starting, 1 running, 2 draining, 3 done"),
    _m("due", "packets", Origin.DERIVED, "packets that should have been captured by now", total=True),
    # -- static
    _m("engine.start_ns", "ns", Origin.STATIC, "monotonic time at which the stream began"),
    _m("engine.stop_ns", "ns", Origin.STATIC, "monotonic time at which the stream was stopped; 0: not yet"),
    # -- keeper
    _m("pool.slots", "slots", Origin.KEEPER, "slots in the slab; under policy adaptive they come and go"),
    _m("pool.grown", "slots", Origin.KEEPER, "slots added to the slab (policy adaptive)", total=True),
    _m("pool.shrunk", "slots", Origin.KEEPER, "slots taken out of the slab (policy adaptive)", total=True),
    _m("pool.growth_failures", "segments", Origin.KEEPER, "times there was no memory for more slots (policy adaptive)", total=True),
    _m("pool.slab_bytes", "bytes", Origin.KEEPER, "memory of the slab, with slots taken out that some lease still holds"),
    # -- producer
    _m("engine.captured", "packets", Origin.PRODUCER, "packets the source handed over; each is one acquire", total=True),
    _m("engine.captured_bytes", "bytes", Origin.PRODUCER, "payload bytes of those packets", total=True),
    _m("engine.drops", "packets", Origin.PRODUCER, "packets the engine had to discard", total=True),
    _m("engine.xruns", "flags", Origin.PRODUCER, "callbacks with PortAudio's over- or underflow flag", total=True),
    _m("pool.hits", "acquires", Origin.PRODUCER, "acquires served by a free slot", total=True),
    _m("pool.misses", "acquires", Origin.PRODUCER, "acquires that found no free slot", total=True),
    _m("pool.refused", "acquires", Origin.PRODUCER, "misses that got no memory at all (policy drop)", total=True),
    _m("pool.overflow_allocations", "allocations", Origin.PRODUCER, "blocks allocated outside the slab because of a miss", total=True),
    _m("pool.overflow_bytes", "bytes", Origin.PRODUCER, "bytes of those blocks", total=True),
    _m("pool.high_water", "leases", Origin.PRODUCER, "most leases in flight at once so far"),
    # -- shared
    _m("pool.in_flight", "leases", Origin.SHARED, "leases not yet returned"),
    _m("engine.queued", "packets", Origin.SHARED, "packets captured and not yet read"),
    # -- returner
    _m("pool.returns", "returns", Origin.RETURNER, "leases that came back, slab and overflow", total=True),
    _m("pool.overflow_freed_bytes", "bytes", Origin.RETURNER, "bytes of overflow blocks freed", total=True),
    _m("pool.guard_violations", "slots", Origin.RETURNER, "guard zones found overwritten (debug pool)", total=True),
    _m("pool.poison_violations", "slots", Origin.RETURNER, "free slots found written to (debug pool)", total=True),
    # -- reader
    _m("engine.delivered", "packets", Origin.READER, "packets handed to the application by read()", total=True),
    _m("engine.delivered_bytes", "bytes", Origin.READER, "payload bytes of those packets", total=True),
    # -- consumer
    _m("consumer.received", "packets", Origin.CONSUMER, "packets the consumer has taken", total=True),
    _m("consumer.released", "packets", Origin.CONSUMER, "packets the consumer has let go of (an engine that counts everything: not counted)", total=True),
    _m("consumer.last_sequence", "sequence", Origin.CONSUMER, "sequence number of the newest packet taken"),
    _m("consumer.gaps", "gaps", Origin.CONSUMER, "holes seen in the sequence numbers", total=True),
    _m("consumer.missing", "packets", Origin.CONSUMER, "packets inside those holes", total=True),
    _m("consumer.duplicates", "packets", Origin.CONSUMER, "packets seen twice in a row", total=True),
    _m("consumer.reordered", "packets", Origin.CONSUMER, "packets older than one already seen", total=True),
    _m("consumer.xruns", "packets", Origin.CONSUMER, "packets that the engine marked as next to an over- or underflow", total=True),
    _m("consumer.checked", "packets", Origin.CONSUMER, "packets whose every byte was compared on delivery", total=True),
    _m("consumer.rechecked", "packets", Origin.CONSUMER, "packets whose every byte was compared again before return", total=True),
    _m("consumer.corrupt_on_delivery", "packets", Origin.CONSUMER, "packets whose bytes were wrong on delivery", total=True),
    _m("consumer.wrong_size", "packets", Origin.CONSUMER, "packets that were not as large as the stream's format says", total=True),
    _m("consumer.corrupt_before_return", "packets", Origin.CONSUMER, "packets whose bytes changed while they were held", total=True),
    _m("consumer.aliased", "packets", Origin.CONSUMER, "packets handed out in memory that another held packet still used", total=True),
    _m("consumer.content_period", "packets", Origin.CONSUMER, "packets after which the source's content repeats, so that older bytes look right; 2^62: never; 0: not known"),
    _m("consumer.stale", "packets", Origin.CONSUMER, "packets with wrong bytes that were all another packet's", total=True),
    _m("consumer.stale_by", "packets", Origin.CONSUMER, "packets by which the bytes of the newest such packet were too old; 0: too new"),
    _m("consumer.swapped_channels", "packets", Origin.CONSUMER, "packets with wrong bytes whose channels were all there in another order", total=True),
    _m("consumer.followed", "packets", Origin.CONSUMER, "packets whose times, flags, shape and place were held against what the harness sees", total=True),
    _m("consumer.wrong_shape", "packets", Origin.CONSUMER, "packets whose frames, channels, type or size are not the stream's, or not their array's", total=True),
    _m("consumer.time_missing", "packets", Origin.CONSUMER, "packets without a time stamp (0)", total=True),
    _m("consumer.time_backward", "packets", Origin.CONSUMER, "packets stamped earlier than the one before them", total=True),
    _m("consumer.time_backward_ns", "ns", Origin.CONSUMER, "most by which a stamp went back"),
    _m("consumer.time_stood_ns", "ns", Origin.CONSUMER, "longest stretch of the stream in which the stamps stood still"),
    _m("consumer.time_ahead", "packets", Origin.CONSUMER, "packets stamped later than they arrived", total=True),
    _m("consumer.time_ahead_ns", "ns", Origin.CONSUMER, "most by which a stamp was ahead of the clock"),
    _m("consumer.time_early", "packets", Origin.CONSUMER, "packets stamped before they can have been captured", total=True),
    _m("consumer.time_early_ns", "ns", Origin.CONSUMER, "most by which a stamp was too early"),
    _m("consumer.late_ns", "ns", Origin.CONSUMER, "least time from due to arrival of a packet that the reader waited for, in the last second; 0: not known, or early"),
    _m("consumer.early_ns", "ns", Origin.CONSUMER, "most by which such a packet came before it was due, in the last second"),
    _m("consumer.age_ns", "ns", Origin.CONSUMER, "time from its own stamp to arrival of that packet"),
    _m("consumer.flagged_overflow", "packets", Origin.CONSUMER, "packets flagged OVERFLOW", total=True),
    _m("consumer.gap_flag_false", "packets", Origin.CONSUMER, "packets flagged GAP with none missing before them", total=True),
    _m("consumer.gap_flag_missing", "packets", Origin.CONSUMER, "packets without the flag GAP, though some are missing before them", total=True),
    _m("consumer.places", "places", Origin.CONSUMER, "places in memory that packets came in, those flagged OVERFLOW left out (in pools of 512 slots at most)"),
    _m("consumer.owners", "packets", Origin.CONSUMER, "packets the owner of whose memory was looked at when they were released", total=True),
    _m("consumer.fresh", "packets", Origin.CONSUMER, "of those, packets whose memory was freed with them", total=True),
    _m("consumer.reuse_distance", "packets", Origin.CONSUMER, "packets between two uses of one slot: the slots in circulation of a first-in first-out pool; 0: not known"),
    _m("consumer.held", "packets", Origin.CONSUMER, "packets the consumer knowingly keeps"),
    # -- probes inside the worker
    _m("pool.oldest_lease_ns", "ns", Origin.PROBE, "age of the oldest lease in flight"),
    _m("python_heap_bytes", "bytes", Origin.PROBE, "Python memory traced by tracemalloc"),
    _m("tracemalloc_bytes", "bytes", Origin.PROBE, "memory that tracemalloc itself uses, part of the native heap"),
    _m("native_heap_bytes", "bytes", Origin.PROBE, "malloc memory in use (psutil.heap_info: heap_used + mmap_used)"),
    _m("overflow_live_bytes", "bytes", Origin.PROBE, "overflow memory in flight when the heaps were read"),
    _m("slab_live_bytes", "bytes", Origin.PROBE, "memory of the pool's slab when the heaps were read"),
    _m("allocated_blocks", "blocks", Origin.PROBE, "sys.getallocatedblocks()"),
    _m("python_small_bytes", "bytes", Origin.PROBE, "blocks in use of Python's small-object allocator, each size class times its size; objects above 512 bytes are in the native heap"),
    _m("gc.collections", "collections", Origin.PROBE, "garbage collections, all generations", total=True),
    _m("gc.full_collections", "collections", Origin.PROBE, "garbage collections of the oldest generation", total=True),
    _m("gc.forced_collections", "collections", Origin.PROBE, "full collections made by the harness, each followed at once by a reading of the heaps", total=True),
    _m("gc.freed_objects", "objects", Origin.PROBE, "objects found unreachable and freed", total=True),
    _m("gc.forced_pause_ns", "ns", Origin.PROBE, "part of gc.pause_ns: collections made by the harness", total=True),
    _m("gc.pause_ns", "ns", Origin.PROBE, "time spent in garbage collections", total=True),
    _m("probe.cost_ns", "ns", Origin.PROBE, "CPU time spent by the probes in the worker", total=True),
    # -- from outside
    _m("rss_bytes", "bytes", Origin.PROCESS, "resident set size of the subject"),
    _m("uss_bytes", "bytes", Origin.PROCESS, "unique set size of the subject (read every sampling.uss_every)"),
    _m("threads", "threads", Origin.PROCESS, "threads of the subject"),
    _m("fds", "descriptors", Origin.PROCESS, "open file descriptors (handles on Windows)"),
    _m("children", "processes", Origin.PROCESS, "child processes of the subject"),
    _m("cpu_user_s", "s", Origin.PROCESS, "user CPU time of the subject", total=True),
    _m("cpu_system_s", "s", Origin.PROCESS, "system CPU time of the subject", total=True),
    _m("ctx_voluntary", "switches", Origin.PROCESS, "voluntary context switches", total=True),
    _m("ctx_involuntary", "switches", Origin.PROCESS, "involuntary context switches", total=True),
    _m("temporary_files", "files", Origin.PROCESS, "files in the temporary folder that the subject was given (TMPDIR)"),
    _m("temporary_bytes", "bytes", Origin.PROCESS, "bytes in those files"),
    _m("output_bytes", "bytes", Origin.PROCESS, "what the subject printed on stdout and stderr", total=True),
    # -- derived
    _m("rate_per_s", "packets/s", Origin.DERIVED, "packets delivered per second since the last sample"),
    _m("delivery_p50_ns", "ns", Origin.DERIVED, "median delivery latency since the last sample"),
    _m("delivery_p99_ns", "ns", Origin.DERIVED, "99th percentile of delivery latency since the last sample"),
    _m("delivery_max_ns", "ns", Origin.DERIVED, "largest delivery latency since the last sample"),
    _m("hold_p50_ns", "ns", Origin.DERIVED, "median hold time since the last sample"),
    _m("hold_p99_ns", "ns", Origin.DERIVED, "99th percentile of hold time since the last sample"),
    _m("hold_max_ns", "ns", Origin.DERIVED, "largest hold time since the last sample"),
    # -- the harness itself
    _m("supervisor_rss_bytes", "bytes", Origin.SUPERVISOR, "resident set size of the supervisor"),
    _m("supervisor_cpu_s", "s", Origin.SUPERVISOR, "CPU time of the supervisor", total=True),
    _m("sample_late_s", "s", Origin.SUPERVISOR, "how late this sample was taken against its deadline"),
    _m("settled", "0/1", Origin.SUPERVISOR, "1 if the page stood still while it was read, so exact laws apply"),
)  # fmt: skip

TIMINGS: tuple[Timing, ...] = (
    Timing("fill_ns", "acquire -> queued: the time to fill a slot"),
    Timing("queue_ns", "queued -> delivered by read()"),
    Timing("held_ns", "delivered -> returned: how long the application kept the lease"),
    Timing("hold_ns", "acquire -> return, the whole life of a lease"),
    Timing("delivery_ns", "capture -> the application has the packet"),
    Timing("callback_ns", "duration of the audio callback (or one replay step)"),
)

# Short names that are understood wherever a person names a metric: in expectations, histories and imports.
ALIASES: dict[str, str] = {"heap": "native_heap_bytes", "packets": "engine.delivered"}
BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
COLUMNS: tuple[str, ...] = tuple(metric.column for metric in METRICS)
ON_SCOREBOARD: tuple[Metric, ...] = tuple(m for m in METRICS if m.origin in ON_PAGE)
