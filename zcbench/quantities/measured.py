"""Every number that a run of our own measures, once: the columns of each ``samples.csv``, and the page's words.

Adding a row here adds a column, an expectation, a figure of a history and a metric of an endpoint.
"""

from __future__ import annotations

from zcbench.quantities.quantity import Better, Kind, Memory, Origin, Quantity, Reckoning
from zcbench.quantities.units import unit_of

HIGHER, LOWER, NEITHER = Better.HIGHER, Better.LOWER, Better.NEITHER


def row(
    name: str,
    unit: str,
    origin: Origin,
    title: str,
    *,
    total: bool = False,
    better: Better = NEITHER,
    memory: Memory | None = None,
    aliases: tuple[str, ...] = (),
    label: str = "",
) -> Quantity:
    """A row of a table of measured quantities."""
    kind = Kind.TOTAL if total else Kind.GAUGE
    return Quantity(name, unit_of(unit), kind, origin, title, better, aliases, None, memory, label)


MEASURED: tuple[Quantity, ...] = (
    # -- time and progress (derived by the supervisor, first in every row)
    row("elapsed_s", "s", Origin.DERIVED, "time since the run started, monotonic", aliases=("time",)),
    row("phase", "phase", Origin.STATIC, "0 starting, 1 running, 2 draining, 3 done"),
    row("due", "packets", Origin.DERIVED, "packets that should have been captured by now", total=True),
    # -- static
    row("engine.start_ns", "ns", Origin.STATIC, "monotonic time at which the stream began"),
    row("engine.stop_ns", "ns", Origin.STATIC, "monotonic time at which the stream was stopped; 0: not yet"),
    # -- keeper
    row("pool.slots", "slots", Origin.KEEPER, "slots in the slab; under policy adaptive they come and go", label="Slots"),
    row("pool.grown", "slots", Origin.KEEPER, "slots added to the slab (policy adaptive)", total=True),
    row("pool.shrunk", "slots", Origin.KEEPER, "slots taken out of the slab (policy adaptive)", total=True),
    row("pool.growth_failures", "segments", Origin.KEEPER, "times there was no memory for more slots (policy adaptive)", total=True, better=LOWER),
    row("pool.slab_bytes", "bytes", Origin.KEEPER, "memory of the slab, with slots taken out that some lease still holds"),
    # -- producer
    row("engine.captured", "packets", Origin.PRODUCER, "packets the source handed over; each is one acquire", total=True, better=HIGHER),
    row("engine.captured_bytes", "bytes", Origin.PRODUCER, "payload bytes of those packets", total=True, better=HIGHER),
    row("engine.drops", "packets", Origin.PRODUCER, "packets the engine had to discard", total=True, better=LOWER, label="Drops"),
    row("engine.xruns", "flags", Origin.PRODUCER, "callbacks with PortAudio's over- or underflow flag", total=True, better=LOWER, label="Xruns"),
    row("pool.hits", "acquires", Origin.PRODUCER, "acquires served by a free slot", total=True, better=HIGHER, label="Hits"),
    row("pool.misses", "acquires", Origin.PRODUCER, "acquires that found no free slot", total=True, better=LOWER, label="Misses"),
    row("pool.refused", "acquires", Origin.PRODUCER, "misses that got no memory at all (policy drop)", total=True, better=LOWER),
    row("pool.overflow_allocations", "allocations", Origin.PRODUCER, "blocks allocated outside the slab because of a miss", total=True, better=LOWER),
    row("pool.overflow_bytes", "bytes", Origin.PRODUCER, "bytes of those blocks", total=True, better=LOWER),
    row("pool.high_water", "leases", Origin.PRODUCER, "most leases in flight at once so far", better=LOWER, label="High water"),
    # -- shared
    row("pool.in_flight", "leases", Origin.SHARED, "leases not yet returned", better=LOWER, label="In flight"),
    row("engine.queued", "packets", Origin.SHARED, "packets captured and not yet read", better=LOWER),
    # -- returner
    row("pool.returns", "returns", Origin.RETURNER, "leases that came back, slab and overflow", total=True, better=HIGHER, label="Returns"),
    row("pool.overflow_freed_bytes", "bytes", Origin.RETURNER, "bytes of overflow blocks freed", total=True),
    row("pool.guard_violations", "slots", Origin.RETURNER, "guard zones found overwritten (debug pool)", total=True, better=LOWER),
    row("pool.poison_violations", "slots", Origin.RETURNER, "free slots found written to (debug pool)", total=True, better=LOWER),
    # -- reader
    row("engine.delivered", "packets", Origin.READER, "packets handed to the application by read()", total=True, better=HIGHER, aliases=("packets",), label="Packets delivered"),
    row("engine.delivered_bytes", "bytes", Origin.READER, "payload bytes of those packets", total=True, better=HIGHER),
    # -- consumer
    row("consumer.received", "packets", Origin.CONSUMER, "packets the consumer has taken", total=True, better=HIGHER),
    row("consumer.released", "packets", Origin.CONSUMER, "packets the consumer has let go of (an engine that counts everything: not counted)", total=True),
    row("consumer.last_sequence", "sequence", Origin.CONSUMER, "sequence number of the newest packet taken"),
    row("consumer.gaps", "gaps", Origin.CONSUMER, "holes seen in the sequence numbers", total=True, better=LOWER, label="Gaps in the sequence"),
    row("consumer.missing", "packets", Origin.CONSUMER, "packets inside those holes", total=True, better=LOWER),
    row("consumer.duplicates", "packets", Origin.CONSUMER, "packets seen twice in a row", total=True, better=LOWER),
    row("consumer.reordered", "packets", Origin.CONSUMER, "packets older than one already seen", total=True, better=LOWER),
    row("consumer.xruns", "packets", Origin.CONSUMER, "packets that the engine marked as next to an over- or underflow", total=True, better=LOWER, aliases=("xruns",)),
    row("consumer.checked", "packets", Origin.CONSUMER, "packets whose every byte was compared on delivery", total=True),
    row("consumer.rechecked", "packets", Origin.CONSUMER, "packets whose every byte was compared again before return", total=True),
    row("consumer.corrupt_on_delivery", "packets", Origin.CONSUMER, "packets whose bytes were wrong on delivery", total=True, better=LOWER),
    row("consumer.wrong_size", "packets", Origin.CONSUMER, "packets that were not as large as the stream's format says", total=True, better=LOWER),
    row("consumer.corrupt_before_return", "packets", Origin.CONSUMER, "packets whose bytes changed while they were held", total=True, better=LOWER),
    row("consumer.aliased", "packets", Origin.CONSUMER, "packets handed out in memory that another held packet still used", total=True, better=LOWER),
    row("consumer.content_period", "packets", Origin.CONSUMER, "packets after which the source's content repeats, so that older bytes look right; 2^62: never; 0: not known"),
    row("consumer.stale", "packets", Origin.CONSUMER, "packets with wrong bytes that were all another packet's", total=True, better=LOWER),
    row("consumer.stale_by", "packets", Origin.CONSUMER, "packets by which the bytes of the newest such packet were too old; 0: too new"),
    row("consumer.swapped_channels", "packets", Origin.CONSUMER, "packets with wrong bytes whose channels were all there in another order", total=True, better=LOWER),
    row("consumer.followed", "packets", Origin.CONSUMER, "packets whose times, flags, shape and place were held against what the harness sees", total=True),
    row("consumer.wrong_shape", "packets", Origin.CONSUMER, "packets whose frames, channels, type or size are not the stream's, or not their array's", total=True, better=LOWER),
    row("consumer.time_missing", "packets", Origin.CONSUMER, "packets without a time stamp (0)", total=True, better=LOWER),
    row("consumer.time_backward", "packets", Origin.CONSUMER, "packets stamped earlier than the one before them", total=True, better=LOWER),
    row("consumer.time_backward_ns", "ns", Origin.CONSUMER, "most by which a stamp went back"),
    row("consumer.time_stood_ns", "ns", Origin.CONSUMER, "longest stretch of the stream in which the stamps stood still"),
    row("consumer.time_ahead", "packets", Origin.CONSUMER, "packets stamped later than they arrived", total=True, better=LOWER),
    row("consumer.time_ahead_ns", "ns", Origin.CONSUMER, "most by which a stamp was ahead of the clock"),
    row("consumer.time_early", "packets", Origin.CONSUMER, "packets stamped before they can have been captured", total=True, better=LOWER),
    row("consumer.time_early_ns", "ns", Origin.CONSUMER, "most by which a stamp was too early"),
    row("consumer.late_ns", "ns", Origin.CONSUMER, "least time from due to arrival of a packet that the reader waited for, in the last second; 0: not known, or early"),
    row("consumer.early_ns", "ns", Origin.CONSUMER, "most by which such a packet came before it was due, in the last second"),
    row("consumer.age_ns", "ns", Origin.CONSUMER, "time from its own stamp to arrival of that packet"),
    row("consumer.flagged_overflow", "packets", Origin.CONSUMER, "packets flagged OVERFLOW", total=True, better=LOWER),
    row("consumer.gap_flag_false", "packets", Origin.CONSUMER, "packets flagged GAP with none missing before them", total=True, better=LOWER),
    row("consumer.gap_flag_missing", "packets", Origin.CONSUMER, "packets without the flag GAP, though some are missing before them", total=True, better=LOWER),
    row("consumer.places", "places", Origin.CONSUMER, "places in memory that packets came in, those flagged OVERFLOW left out (in pools of 512 slots at most)"),
    row("consumer.owners", "packets", Origin.CONSUMER, "packets the owner of whose memory was looked at when they were released", total=True),
    row("consumer.fresh", "packets", Origin.CONSUMER, "of those, packets whose memory was freed with them", total=True),
    row("consumer.reuse_distance", "packets", Origin.CONSUMER, "packets between two uses of one slot: the slots in circulation of a first-in first-out pool; 0: not known"),
    row("consumer.held", "packets", Origin.CONSUMER, "packets the consumer knowingly keeps"),
    # -- probes inside the worker
    row("pool.oldest_lease_ns", "ns", Origin.PROBE, "age of the oldest lease in flight", better=LOWER),
    row("python_heap_bytes", "bytes", Origin.PROBE, "Python memory traced by tracemalloc", better=LOWER, memory=Memory(Reckoning.EXACT, 16), label="Python heap"),
    row("tracemalloc_bytes", "bytes", Origin.PROBE, "memory that tracemalloc itself uses, part of the native heap", memory=Memory(Reckoning.EXACT, 16)),
    row("native_heap_bytes", "bytes", Origin.PROBE, "malloc memory in use (psutil.heap_info: heap_used + mmap_used)", better=LOWER, memory=Memory(Reckoning.EXACT, 16), aliases=("heap", "heap_bytes"), label="native heap"),
    row("overflow_live_bytes", "bytes", Origin.PROBE, "overflow memory in flight when the heaps were read", better=LOWER, memory=Memory(Reckoning.EXACT, 1)),
    row("slab_live_bytes", "bytes", Origin.PROBE, "memory of the pool's slab when the heaps were read", memory=Memory(Reckoning.EXACT, 1)),
    row("allocated_blocks", "blocks", Origin.PROBE, "sys.getallocatedblocks()", better=LOWER),
    row("python_small_bytes", "bytes", Origin.PROBE, "blocks in use of Python's small-object allocator, each size class times its size; objects above 512 bytes are in the native heap", better=LOWER, memory=Memory(Reckoning.EXACT, 16)),
    row("gc.collections", "collections", Origin.PROBE, "garbage collections, all generations", total=True),
    row("gc.full_collections", "collections", Origin.PROBE, "garbage collections of the oldest generation", total=True),
    row("gc.forced_collections", "collections", Origin.PROBE, "full collections made by the harness, each followed at once by a reading of the heaps", total=True),
    row("gc.freed_objects", "objects", Origin.PROBE, "objects found unreachable and freed", total=True),
    row("gc.forced_pause_ns", "ns", Origin.PROBE, "part of gc.pause_ns: collections made by the harness", total=True),
    row("gc.pause_ns", "ns", Origin.PROBE, "time spent in garbage collections", total=True, better=LOWER),
    row("probe.cost_ns", "ns", Origin.PROBE, "CPU time spent by the probes in the worker", total=True, better=LOWER),
    # -- from outside
    row("rss_bytes", "bytes", Origin.PROCESS, "resident set size of the subject", better=LOWER, memory=Memory(Reckoning.PAGES, 4096), label="RSS"),
    row("uss_bytes", "bytes", Origin.PROCESS, "unique set size of the subject (read every sampling.uss_every)", better=LOWER, memory=Memory(Reckoning.PAGES, 4096), label="USS"),
    row("threads", "threads", Origin.PROCESS, "threads of the subject", better=LOWER),
    row("fds", "descriptors", Origin.PROCESS, "open file descriptors (handles on Windows)", better=LOWER),
    row("children", "processes", Origin.PROCESS, "child processes of the subject", better=LOWER),
    row("cpu_user_s", "s", Origin.PROCESS, "user CPU time of the subject", total=True, better=LOWER, aliases=("cpu_s",)),
    row("cpu_system_s", "s", Origin.PROCESS, "system CPU time of the subject", total=True, better=LOWER),
    row("ctx_voluntary", "switches", Origin.PROCESS, "voluntary context switches (on Linux those of each process's first thread)", total=True),
    row("ctx_involuntary", "switches", Origin.PROCESS, "involuntary context switches (on Linux those of each process's first thread)", total=True),
    row("temporary_files", "files", Origin.PROCESS, "files in the temporary folder that the subject was given (TMPDIR)", better=LOWER),
    row("temporary_bytes", "bytes", Origin.PROCESS, "bytes in those files", better=LOWER),
    row("output_bytes", "bytes", Origin.PROCESS, "what the subject printed on stdout and stderr", total=True, better=LOWER),
    # -- derived
    row("rate_per_s", "packets/s", Origin.DERIVED, "packets delivered per second since the last sample", better=HIGHER),
    row("delivery_p50_ns", "ns", Origin.DERIVED, "median delivery latency since the last sample", better=LOWER),
    row("delivery_p99_ns", "ns", Origin.DERIVED, "99th percentile of delivery latency since the last sample", better=LOWER),
    row("delivery_max_ns", "ns", Origin.DERIVED, "largest delivery latency since the last sample", better=LOWER),
    row("hold_p50_ns", "ns", Origin.DERIVED, "median hold time since the last sample", better=LOWER),
    row("hold_p99_ns", "ns", Origin.DERIVED, "99th percentile of hold time since the last sample", better=LOWER),
    row("hold_max_ns", "ns", Origin.DERIVED, "largest hold time since the last sample", better=LOWER),
    # -- the harness itself
    row("supervisor_rss_bytes", "bytes", Origin.SUPERVISOR, "resident set size of the supervisor", better=LOWER, memory=Memory(Reckoning.PAGES, 4096)),
    row("supervisor_cpu_s", "s", Origin.SUPERVISOR, "CPU time of the supervisor", total=True, better=LOWER),
    row("sample_late_s", "s", Origin.SUPERVISOR, "how late this sample was taken against its deadline", better=LOWER),
    row("settled", "0/1", Origin.SUPERVISOR, "1 if the page stood still while it was read, so exact laws apply"),
)  # fmt: skip

HISTOGRAMS: tuple[Quantity, ...] = tuple(
    Quantity(name, unit_of("ns"), Kind.HISTOGRAM, origin, title, LOWER, aliases)
    for name, origin, aliases, title in (
        ("fill", Origin.PRODUCER, (), "acquire -> queued: the time to fill a slot"),
        ("queue", Origin.READER, (), "queued -> delivered by read()"),
        ("held", Origin.RETURNER, (), "delivered -> returned: how long the application kept the lease"),
        ("hold", Origin.RETURNER, (), "acquire -> return, the whole life of a lease"),
        ("delivery", Origin.CONSUMER, ("latency",), "capture -> the application has the packet"),
        ("callback", Origin.PRODUCER, (), "duration of the audio callback (or one replay step)"),
    )
)
