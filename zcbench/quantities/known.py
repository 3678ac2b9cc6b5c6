"""Numbers that some subjects have: what a probe may read, an importer may find, a subject may publish.

One vocabulary for all of them. A record has those that its subject brought; what a judgement may rest on
stands beside each memory quantity (:class:`~zcbench.quantities.quantity.Reckoning`).
"""

from __future__ import annotations

from zcbench.quantities.measured import HIGHER, LOWER, row
from zcbench.quantities.quantity import Memory, Origin, Quantity, Reckoning

CHUNK_BYTES = 16  # malloc gives whole chunks: of glibc, musl, and macOS' smallest zone
PAGE_BYTES = 4096  # the smallest page of every platform that we know; 16,384 on Apple's processors
OBJECT_BYTES = 8  # the alignment of V8's, the JVM's and Go's objects

_EXACT = Memory(Reckoning.EXACT, CHUNK_BYTES)
_MANAGED = Memory(Reckoning.MANAGED, OBJECT_BYTES)
_BUFFERS = Memory(Reckoning.MANAGED, 1)  # counted to the byte, freed when a collector finds the owner dead
_SETTLED = Memory(Reckoning.MANAGED, CHUNK_BYTES)
_OBJECTS = Memory(Reckoning.MANAGED, 512)  # one object of Python's largest class may come just after a reading
_PAGES = Memory(Reckoning.PAGES, PAGE_BYTES)

_PROCESS, _ALLOCATOR, _RUNTIME = Origin.PROCESS, Origin.ALLOCATOR, Origin.RUNTIME

# How a descriptor's kind is named after "fds.": what /proc/PID/fd points to.
DESCRIPTOR_KINDS = (
    "file", "directory", "socket", "pipe", "eventfd", "timerfd", "signalfd", "epoll", "inotify", "memfd",
    "dmabuf", "device", "other",
)  # fmt: skip

KNOWN: tuple[Quantity, ...] = (
    # -- malloc: our preloaded meter, or what an allocator says of itself
    row("malloc.live_bytes", "bytes", _ALLOCATOR, "bytes that malloc has given out and not got back", better=LOWER, memory=_EXACT, aliases=("malloc.live",), label="malloc"),
    row("malloc.live_blocks", "blocks", _ALLOCATOR, "blocks that malloc has given out and not got back", better=LOWER, aliases=("malloc.blocks",)),
    row("malloc.settled_bytes", "bytes", _ALLOCATOR, "bytes that malloc has live right after settled collections, in processes that make those", better=LOWER, memory=_SETTLED, label="malloc after collections"),
    row("malloc.allocations", "allocations", _ALLOCATOR, "blocks that malloc has given out", total=True),
    row("malloc.frees", "frees", _ALLOCATOR, "blocks that were given back to malloc", total=True),
    row("malloc.allocated_bytes", "bytes", _ALLOCATOR, "bytes that malloc has given out, those given back with them", total=True),
    row("malloc.own_bytes", "bytes", _ALLOCATOR, "of malloc's live bytes those that an allocator of the program's own tells of (jemalloc, tcmalloc)", better=LOWER, memory=_PAGES),
    row("malloc.metered", "processes", _ALLOCATOR, "living processes whose malloc is metered"),
    row("malloc.unmetered", "processes", _ALLOCATOR, "living processes whose malloc is not metered", better=LOWER),
    row("malloc.arena_bytes", "bytes", _ALLOCATOR, "pages of glibc's arenas in memory or swap, given out or kept free", better=LOWER, memory=_PAGES),
    row("malloc.mapped_bytes", "bytes", _ALLOCATOR, "memory that the allocator has from the system, free or not", better=LOWER, memory=_PAGES),
    # -- V8: process.memoryUsage(), v8.getHeapStatistics()
    row("v8.heap_bytes", "bytes", _RUNTIME, "V8's heap in use", better=LOWER, memory=_MANAGED, aliases=("heapUsed",), label="V8 heap"),
    row("v8.heap_total_bytes", "bytes", _RUNTIME, "memory that V8 has for its heap, used or not", better=LOWER, memory=_PAGES, aliases=("heapTotal",)),
    row("v8.external_bytes", "bytes", _RUNTIME, "memory outside V8's heap that its objects keep (external, array buffers included)", better=LOWER, memory=_BUFFERS, aliases=("external",), label="V8 external"),
    row("v8.array_buffers_bytes", "bytes", _RUNTIME, "memory of ArrayBuffers and SharedArrayBuffers, Buffers included", better=LOWER, memory=_BUFFERS, aliases=("arrayBuffers",), label="V8 array buffers"),
    row("v8.foreign_bytes", "bytes", _RUNTIME, "external memory without array buffers: native memory that JavaScript owns", better=LOWER, memory=_BUFFERS, label="V8 foreign buffers"),
    row("v8.handles", "handles", _RUNTIME, "active handles of Node's event loop: timers, sockets, servers", better=LOWER),
    row("v8.requests", "requests", _RUNTIME, "active requests of Node's event loop: files, names, writes", better=LOWER),
    row("v8.malloced_bytes", "bytes", _RUNTIME, "memory that V8 itself has from malloc (malloced_memory)", better=LOWER, memory=_EXACT),
    row("v8.code_bytes", "bytes", _RUNTIME, "code that V8 has compiled, bytecode and what belongs to it: a part of its heap", better=LOWER, memory=_PAGES),
    row("v8.contexts", "contexts", _RUNTIME, "V8's contexts: one a global object, the probe's own included", better=LOWER),
    row("v8.detached_contexts", "contexts", _RUNTIME, "contexts that were left and are not collected", better=LOWER),
    row("v8.pause_minor_ns", "ns", _RUNTIME, "pauses of V8's collections of new objects", total=True, better=LOWER),
    row("v8.pause_major_ns", "ns", _RUNTIME, "pauses of V8's collections of the whole heap", total=True, better=LOWER),
    row("v8.pause_incremental_ns", "ns", _RUNTIME, "pauses of V8's steps of marking", total=True, better=LOWER),
    row("v8.pause_weak_callbacks_ns", "ns", _RUNTIME, "pauses of V8 to run weak callbacks", total=True, better=LOWER),
    # -- JVM: hsperfdata, jstat, unified gc logs
    row("jvm.heap_bytes", "bytes", _RUNTIME, "the Java heap in use; compare readings after a collection", better=LOWER, memory=_MANAGED, label="Java heap"),
    row("jvm.heap_after_gc_bytes", "bytes", _RUNTIME, "the Java heap in use right after the newest collection", better=LOWER, memory=_MANAGED, label="Java heap after collection"),
    row("jvm.heap_committed_bytes", "bytes", _RUNTIME, "memory that the JVM has for its heap, used or not", better=LOWER, memory=_PAGES),
    row("jvm.heap_resident_bytes", "bytes", _RUNTIME, "pages of the Java heap in memory or swap, with garbage or without", better=LOWER, memory=_PAGES),
    row("jvm.image_bytes", "bytes", _RUNTIME, "private pages of the JVM's own files and of compiled code: bounded", better=LOWER, memory=_PAGES),
    row("jvm.old_bytes", "bytes", _RUNTIME, "the old generation in use", better=LOWER, memory=_MANAGED),
    row("jvm.direct_bytes", "bytes", _RUNTIME, "direct ByteBuffers", better=LOWER, memory=_BUFFERS, label="Java direct buffers"),
    row("jvm.mapped_bytes", "bytes", _RUNTIME, "files that the JVM maps as ByteBuffers", better=LOWER, memory=_BUFFERS),
    row("jvm.metaspace_bytes", "bytes", _RUNTIME, "metaspace in use: classes and their methods", better=LOWER, memory=_MANAGED, label="Java metaspace"),
    row("jvm.code_bytes", "bytes", _RUNTIME, "compiled code in the code cache, which has a limit of its own", better=LOWER, memory=_PAGES),
    row("jvm.threads", "threads", _RUNTIME, "live Java threads", better=LOWER),
    row("jvm.classes", "classes", _RUNTIME, "classes loaded", better=LOWER),
    # -- CPython
    row("python.blocks", "blocks", _RUNTIME, "blocks of Python's allocator in use", better=LOWER),
    row("python.object_bytes", "bytes", _RUNTIME, "bytes of Python's objects in its own allocator", better=LOWER, memory=_OBJECTS, label="Python objects"),
    row("python.large_blocks", "blocks", _RUNTIME, "blocks of Python above 512 bytes, which are malloc's", better=LOWER),
    row("python.unraisable", "exceptions", _RUNTIME, "exceptions that nobody could catch: in finalisers and callbacks", total=True, better=LOWER),
    # -- other runtimes
    row("go.heap_bytes", "bytes", _RUNTIME, "Go's heap in use (HeapAlloc, the live heap of a gctrace line)", better=LOWER, memory=_MANAGED, label="Go heap"),
    row("go.sys_bytes", "bytes", _RUNTIME, "memory that Go has from the system and has not given back (Sys - HeapReleased)", better=LOWER, memory=_PAGES),
    row("go.goroutines", "goroutines", _RUNTIME, "goroutines", better=LOWER),
    row("clr.heap_bytes", "bytes", _RUNTIME, ".NET's managed heaps in use", better=LOWER, memory=_MANAGED, label=".NET heap"),
    row("runtime.collections", "collections", _RUNTIME, "garbage collections of the subject's runtime", total=True, better=LOWER),
    row("runtime.full_collections", "collections", _RUNTIME, "of those, collections of the whole heap", total=True, better=LOWER),
    row("runtime.pause_ns", "ns", _RUNTIME, "time that the subject's runtime stood still to collect", total=True, better=LOWER),
    # -- an event loop (Node's, asyncio's): how late it turns, since the sample before
    row("event_loop.delay_p50_ns", "ns", _RUNTIME, "how late the event loop turned, median since the last sample", better=LOWER),
    row("event_loop.delay_p99_ns", "ns", _RUNTIME, "how late the event loop turned, p99 since the last sample", better=LOWER),
    row("event_loop.delay_max_ns", "ns", _RUNTIME, "how late the event loop turned, at most since the last sample", better=LOWER),
    row("event_loop.active_ns", "ns", _RUNTIME, "time in which the event loop was busy", total=True),
    row("event_loop.idle_ns", "ns", _RUNTIME, "time in which the event loop waited for something to do", total=True),
    row("event_loop.utilization", "ratio", _RUNTIME, "share of the time since the last sample in which the event loop was busy"),
    # -- memory of the processes, from outside; sums over the process tree
    row("pss_bytes", "bytes", _PROCESS, "proportional set size: resident memory, what is shared divided by its sharers", better=LOWER, memory=_PAGES, aliases=("pss",), label="PSS"),
    row("private_bytes", "bytes", _PROCESS, "private memory, as the system counts it (Windows: private bytes)", better=LOWER, memory=_PAGES, label="private memory"),
    row("anonymous_bytes", "bytes", _PROCESS, "private memory that no file stands behind: heap, stacks, anonymous maps", better=LOWER, memory=_PAGES, label="private anonymous memory"),
    row("file_bytes", "bytes", _PROCESS, "private memory that a file stands behind", better=LOWER, memory=_PAGES, label="private file memory"),
    row("shared_bytes", "bytes", _PROCESS, "resident memory shared with other processes", memory=_PAGES, label="shared memory"),
    row("swap_bytes", "bytes", _PROCESS, "memory of the subject that is in swap", better=LOWER, memory=_PAGES, label="swap"),
    row("virtual_bytes", "bytes", _PROCESS, "address space of the subject (VSZ), used or not", memory=_PAGES, aliases=("vsz", "vms"), label="VSZ"),
    row("cgroup_bytes", "bytes", _PROCESS, "memory of the subject's control group or container, page cache included", better=LOWER, memory=_PAGES, label="control group"),
    row("cgroup_anonymous_bytes", "bytes", _PROCESS, "anonymous memory of the subject's control group", better=LOWER, memory=_PAGES, label="control group, anonymous"),
    row("gpu_bytes", "bytes", _PROCESS, "GPU memory of the subject (nvidia-smi)", better=LOWER, memory=Memory(Reckoning.PAGES, 2**20), label="GPU memory"),
    # -- memory of the whole machine, as vmstat, free and sar show it
    row("machine.used_bytes", "bytes", _PROCESS, "memory in use on the machine, its page cache left out", better=LOWER, memory=_PAGES, label="machine's memory"),
    row("machine.free_bytes", "bytes", _PROCESS, "memory of the machine that nobody uses", better=HIGHER),
    row("machine.committed_bytes", "bytes", _PROCESS, "memory that the machine has promised to its programs", better=LOWER, memory=_PAGES, label="machine's commitments"),
    row("machine.swap_bytes", "bytes", _PROCESS, "swap in use on the machine", better=LOWER, memory=_PAGES, label="machine's swap"),
    # -- other resources of the processes
    row("processes", "processes", _PROCESS, "processes that the subject consists of"),
    row("zombies", "processes", _PROCESS, "children that ended and nobody waited for", better=LOWER),
    row("faults_minor", "faults", _PROCESS, "page faults served from memory", total=True),
    row("faults_major", "faults", _PROCESS, "page faults that had to read a disk", total=True, better=LOWER),
    row("run_queue_ns", "ns", _PROCESS, "time that the first threads of the processes waited for a core", total=True, better=LOWER),
    row("io_read_bytes", "bytes", _PROCESS, "bytes read from storage", total=True),
    row("io_written_bytes", "bytes", _PROCESS, "bytes written to storage", total=True),
    row("cpu_percent", "percent", _PROCESS, "CPU as another tool shows it: percent of one core since its last row", better=LOWER),
    *(
        row(f"fds.{kind}", "descriptors", _PROCESS, f"open descriptors of kind {kind}", better=LOWER)
        for kind in DESCRIPTOR_KINDS
    ),
    # -- what a stream publishes beside our own words
    row("pool.free", "slots", Origin.SUBJECT, "slots that are free", better=HIGHER),
    row("pool.slots_in_use", "slots", Origin.SUBJECT, "slots in flight; leases over memory outside the slab left out", better=LOWER),
    row("pool.copies", "copies", Origin.SUBJECT, "hand-overs that copied the buffer", total=True, better=LOWER),
    row("pool.external_refused", "refusals", Origin.SUBJECT, "hand-overs that the runtime refused to take without a copy", total=True, better=LOWER),
    row("calls.made", "calls", Origin.SUBJECT, "calls of a function that returned", total=True, better=HIGHER),
    row("stream.frames", "frames", Origin.SUBJECT, "frames that the subject has handled", total=True, better=HIGHER),
)  # fmt: skip
