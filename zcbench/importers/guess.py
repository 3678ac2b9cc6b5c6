"""Which quantity an unknown table's column is, by its name and the unit in it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from zcbench.importers.words import words
from zcbench.quantities.registry import VOCABULARY

# Words that a column's name may have around what it means.
_FILLERS = words(
    "process proc the of num number count counter current value val total totals sum my app program avg "
    "mean used usage utilized n size bytes byte"
)
# Units as a name has them, beside the words of its end: "Memory (MB)", "rss [KB]", "rssMB", "latency_ms".
_UNIT_WORDS = {
    "b": "b", "byte": "bytes", "bytes": "bytes", "k": "kib", "kb": "kb", "kib": "kib", "m": "mib", "mb": "mb",
    "mib": "mib", "g": "gib", "gb": "gb", "gib": "gib", "kilobytes": "kb", "megabytes": "mb", "gigabytes": "gb",
    "kbytes": "kb", "mbytes": "mb", "pages": "pages", "s": "s", "sec": "s", "secs": "s", "second": "s",
    "seconds": "s", "ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms", "us": "us", "\u00b5s": "us",
    "\u03bcs": "us", "usec": "us", "micros": "us", "microseconds": "us", "ns": "ns", "nanos": "ns",
    "nanoseconds": "ns", "min": "min", "mins": "min", "minute": "min", "minutes": "min", "h": "h", "hr": "h",
    "hrs": "h", "hour": "h", "hours": "h", "d": "d", "day": "d", "days": "d", "%": "%", "percent": "%", "pct": "%",
}  # fmt: skip
# As words at a name's end these may be something else: "latency_min", "free_b", "count_n".
_NO_SUFFIX = frozenset({"b", "k", "m", "g", "d", "h", "min", "s", "byte", "day", "hour", "minute", "second"})
_TIME_SUFFIX = frozenset({"s", "sec", "secs", "seconds", "min", "mins", "minutes", "h", "hours", "ms", "us", "ns",
                          "minute", "hour", "second", "d", "days", "day", "nanos", "millis", "micros"})  # fmt: skip

# What each quantity is called, the surest name first; two of its columns are told apart by that order.
_NAMES: dict[str, str] = {
    "elapsed_s": "elapsed elapsed_time time_elapsed time timestamp time_stamp ts t datetime date_time date when at clock epoch "
    "unixtime unix_time seconds secs sec time_seconds since_start uptime stamp wallclock wall_time hour minutes mins "
    "ms millis zeit zeitstempel zeitpunkt uhrzeit datum heure temps horodatage fecha hora local_time utc "
    "realtime_timestamp source_realtime_timestamp",
    "rss_bytes": "rss vmrss resident resident_set resident_set_size resident_memory resident_size res "
    "rss_memory memory_rss mem_rss working_set workingset working_set_size ws real real_memory physical_memory physical "
    "mem_usage memory_usage mem_used memory memory_used used_memory mem ram speicher arbeitsspeicher memoire memoria "
    "speichernutzung speicherauslastung arbeitssatz arbeitsseiten arbeitssatz_speicher plage_de_travail "
    "utilisation_memoire utilisation_de_la_memoire espacio_de_trabajo uso_de_memoria",
    "uss_bytes": "uss private_working_set unique_set_size unique_set private_dirty",
    "private_bytes": "private_bytes private private_memory phys_footprint footprint commit_size pagefile_usage",
    "anonymous_bytes": "anonymous anon rss_anon",
    "cgroup_bytes": "cgroup memory_current container_memory container_memory_working_set",
    "gpu_bytes": "gpu_memory gpu_mem gpu_memory_used gpu_mem_used gpu_used vram vram_used",
    "v8.heap_bytes": "heap_used used_heap heap_size_used used_heap_size js_heap_used used_js_heap_size",
    "v8.heap_total_bytes": "heap_total total_heap heap_size_total total_heap_size",
    "v8.external_bytes": "external external_memory",
    "v8.array_buffers_bytes": "array_buffers",
    "jvm.direct_bytes": "direct direct_memory direct_buffers direct_buffer_memory",
    "jvm.metaspace_bytes": "metaspace metaspace_used",
    "jvm.classes": "classes loaded_classes classes_loaded",
    "go.heap_bytes": "heap_alloc heap_inuse",
    "go.goroutines": "goroutines num_goroutine",
    "clr.heap_bytes": "gc_heap gc_heap_size managed_heap managed_memory",
    "zombies": "zombies defunct",
    "pss_bytes": "pss proportional_set_size",
    "swap_bytes": "swap vmswap swapped",
    "virtual_bytes": "vsz vms vmsize virt virtual virtual_memory virtual_size",
    "fds": "fds fd open_fds num_fds nfds file_descriptors descriptors open_descriptors filedescriptors open_files "
    "openfiles handles handle_count num_handles open_handles nofile lsof handle",
    "threads": "threads thread nlwp thread_count threadcount num_threads nthreads thr live_threads threads_live",
    "children": "children child_processes subprocesses num_children",
    "native_heap_bytes": "native_heap native_heap_bytes malloc malloc_in_use malloced heap heap_bytes heap_in_use",
    "cpu_user_s": "cpu_user user_cpu utime cpu_time",
    "cpu_system_s": "cpu_system system_cpu stime sys_cpu",
    "engine.captured": "captured frames_captured packets_captured blocks_captured acquired produced frames_in "
    "packets_in buffers_in camera_frames source_frames device_delivered device_frames captured_frames acquires",
    "engine.delivered": "delivered frames_delivered packets_delivered sink_delivered consumed shown frames_shown displayed "
    "rendered frames_displayed frames_rendered frames_out packets_out buffers_out received packets_received frames_received "
    "datagrams_received rx_packets ipackets packets frames frame chunks blocks buffers callbacks",
    "engine.drops": "drops drop dropped dropped_frames frames_dropped drop_frames packets_dropped dropped_packets "
    "skipped skipped_frames frames_skipped discarded discards overflows buffer_overflows dropped_buffers "
    "dropped_blocks lagged_frames missed_frames frames_missed imissed rx_missed rx_missed_errors rx_dropped rx_nombuf",
    "consumer.missing": "missing lost lost_packets packets_lost lost_frames frames_lost missing_packets missing_frames packet_loss",
    "consumer.gaps": "gaps gap discontinuities discontinuity sequence_gaps holes cc_errors",
    "consumer.duplicates": "duplicates duplicate dups dup duplicated dup_frames duplicate_packets",
    "consumer.reordered": "reordered out_of_order ooo misordered outoforder",
    "engine.xruns": "xruns xrun overruns overrun underruns underrun device_underrun underflows underflow glitches "
    "buffer_underruns buffer_overruns under_runs over_runs input_overflows output_underflows",
    "consumer.xruns": "sink_underrun sink_xruns",
    "consumer.corrupt_on_delivery": "corrupt corrupted crc_errors checksum_errors bad_packets bad_frames",
    "due": "due expected expected_packets expected_frames nominal target_frames total_datagrams",
    "pool.hits": "pool_hits",
    "pool.misses": "pool_misses",
    "pool.slots": "pool_slots pool_size",
    "pool.in_flight": "pool_in_flight in_flight leased",
    "pool.returns": "pool_returns",
    "gc.forced_collections": "forced_gcs forced_collections",
    "runtime.full_collections": "full_gcs full_collections",
    "runtime.collections": "gcs gc_count collections",
    "processes": "processes nproc",
    "output_bytes": "output_bytes log_bytes",
    "temporary_files": "temporary_files temp_files tmp_files",
}  # fmt: skip
_BY_WORD: dict[str, tuple[str, int]] = {}
for _quantity, _words in _NAMES.items():
    for _rank, _word in enumerate(_words.split()):
        _BY_WORD.setdefault(_word, (_quantity, _rank))

SURE = 200  # the rank from which on only the last words of a name are known
FD = "fds."  # before the kind, in the name of a quantity
_FD_NAMES = {"eventpoll": "epoll", "fifo": "pipe", "sockets": "socket", "sock": "socket", "dma_buf": "dmabuf"}
# Names of what may be a total of the stream, or a level beside it.
GENERIC = words("packets frames frame chunks blocks buffers callbacks")
# What a column of descriptors of one kind is called (proc's links, lsof's types, and what programs say).
FDKINDS = words(
    "sync_file eventfd eventpoll epoll pipe fifo socket sockets inotify timerfd signalfd memfd dmabuf "
    "dma_buf anon_inode userfaultfd io_uring perf_event nvidia0 nvidiactl dri tcp udp unix ipv4 ipv6 "
    "tcp_sockets sock"
)
_FD_KIND = re.compile(r"(nvidia|video|card|renderd|dri|media|snd|tty|pts|uio|vfio)[_\d]*(ctl|_uvm)?")
# Words that make another thing of a name that would be known without them: a limit, what is free, a share.
QUALIFIERS = words(
    "max maximum peak limit free available avail capacity percent rate high hwm min minimum system sys host machine "
    "per cache cached requested target budget quota soft hard swap_total size_max ratio load peak pic libre frei"
)
# Words before "memory" that make it a kind of its own, whose size is not the resident one.
KINDS = words(
    "heap shared swap video virtual disk buffer buffers kernel stack direct java js code page slab graphics texture"
)
# What only processes have: "host.proc.rss" is one's, whichever host it runs on.
_OF_A_PROCESS = words("rss vmrss uss pss")
_GENERIC_MEMORY = words("memory mem ram memoire memoria speicher")
# .NET's names say how wide their numbers are: WorkingSet64, PrivateMemorySize64.
_WIDTH = re.compile(r"(?<=^set)64$|(?<=^size)64$")
# "mem_total" is what a machine has.
_MACHINE = words("mem memory ram physical total size installed node")
# "Gen 0 GC Count (Count / 1 sec)", "rxdrop/s"
_A_SECOND = re.compile(r"/\s?(?:1\s?)?s(?:ec(?:onds?)?)?\b|\bper[ _]s(?:ec(?:onds?)?)?\b", re.IGNORECASE)
LATENCY = re.compile(r"(delivery|latency|delay|jitter|hold|callback)")


@dataclass(frozen=True)
class Named:
    """What a column's name says: its words, joined by "_", and its unit, "" for none."""

    words: str
    unit: str


@dataclass(frozen=True)
class Guess:
    """The quantity a name means; ``rank`` is lower for surer names, ``unit`` as the name has it."""

    quantity: str
    unit: str
    rank: int


def read_name(name: str) -> Named:
    """The words and the unit of a column's name."""
    text, unit = name.strip().strip('"').lstrip("#").strip(), ""
    # typeperf: "\\HOST\Process(app)\Working Set"
    text = text.rpartition("\\")[2] if "\\" in text else text
    match = re.fullmatch(
        r"(.*?)\s*(?:[(\[<{]\s*([^)\]>}]+?)\s*[)\]>}]|,\s*([A-Za-z%\u00b5]+)|\s+in\s+([A-Za-z%]+))\s*", text
    )
    if match is not None:
        written = (match[2] or match[3] or match[4] or "").strip().lower()
        if written in _UNIT_WORDS:
            text, unit = match[1], _UNIT_WORDS[written]
        elif match[2] is not None:
            text = match[1] or match[2]
    if not text.isascii():  # "Mémoire", "Größe": as those who type without accents write them
        plain = unicodedata.normalize("NFKD", text.replace("\u00df", "ss"))
        text = "".join(letter for letter in plain if not unicodedata.combining(letter))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    parts = [part for part in re.split(r"[^A-Za-z0-9%\u00b5\u03bc\u00c0-\uffff]+", spaced.lower()) if part]
    if parts:
        parts[-1] = _WIDTH.sub("", parts[-1])
    if not unit and len(parts) > 1 and parts[-1] in _UNIT_WORDS:
        clocked = parts[-1] in _TIME_SUFFIX and _is_time("_".join(parts[:-1]))
        if parts[-1] not in _NO_SUFFIX or clocked:
            unit = _UNIT_WORDS[parts.pop()]
    if not unit and len(parts) == 1:
        glued = re.fullmatch(r"(.{2,}?)(kib|mib|gib|kb|mb|gb)", parts[0])
        if glued is not None and glued[1] in _BY_WORD:
            parts, unit = [glued[1]], _UNIT_WORDS[glued[2]]
    if not unit and len(parts) == 1 and _is_time(parts[0]) and parts[0] in _UNIT_WORDS:
        unit = _UNIT_WORDS[parts[0]]
    return Named("_".join(parts), unit)


def _is_time(words: str) -> bool:
    return _BY_WORD.get(words, ("", 0))[0] == "elapsed_s"


def guess(name: str) -> Guess | None:
    """The quantity that a column of this name most likely is; None if the name says nothing known."""
    told = read_name(name)
    found = _BY_WORD.get(told.words)
    if found is None and told.unit and f"{told.words}_{told.unit}" in _BY_WORD:
        found = _BY_WORD[f"{told.words}_{told.unit}"]
    rank = 0
    parts = told.words.split("_")
    if found is None and not QUALIFIERS.isdisjoint(parts[-2:] if parts[-1] in _OF_A_PROCESS else parts):
        return None
    if found is None and "total" in parts and _MACHINE.issuperset(parts):
        return None
    if found is None:
        kept = [part for part in parts if part not in _FILLERS]
        found, rank = _BY_WORD.get("_".join(kept)), 100
    if found is None and len(parts) > 1:
        # "mem.rss", "process_rss", "python_threads": what stands last names it, what stands before whose it is.
        found, rank = _BY_WORD.get("_".join(parts[-2:])) or _BY_WORD.get(parts[-1]), SURE
        if found is not None and parts[-1] in _GENERIC_MEMORY and not KINDS.isdisjoint(parts):
            return None
        if found is not None and found[0] == "elapsed_s":
            found = None
    if found is None:
        return _of_kind(told)
    quantity, order = found
    if _A_SECOND.search(name) and VOCABULARY[quantity].cumulative:
        return None  # what came in each second, not how many so far
    if told.unit == "%" or not _fits(quantity, told.unit):
        return None
    return Guess(quantity, told.unit, rank + order)


def _of_kind(told: Named) -> Guess | None:
    words = told.words.removesuffix("_fds").removeprefix("fd_").removeprefix("fds_")
    if (words in FDKINDS or _FD_KIND.fullmatch(words)) and not told.unit:
        return Guess(FD + _FD_NAMES.get(words, words), "", 300)
    if LATENCY.search(told.words) and told.unit in ("s", "ms", "us", "ns"):
        for mark, quantity in (("p50|median", "p50"), ("p99", "p99"), ("max|worst", "max")):
            if re.search(rf"(?:^|_)(?:{mark})(?:_|$)", told.words):
                kind = "hold" if "hold" in told.words else "delivery"
                return Guess(f"{kind}_{quantity}_ns", told.unit, 300)
    return None


def _fits(quantity: str, unit: str) -> bool:
    """Whether a quantity can be in a unit that a name ends with."""
    if quantity == "elapsed_s" or quantity.startswith("cpu_"):
        return unit in ("", "s", "ms", "us", "ns", "min", "h", "d")
    if quantity.endswith("_bytes"):
        return unit in ("", "b", "bytes", "kb", "kib", "mb", "mib", "gb", "gib", "pages")
    return unit == ""
