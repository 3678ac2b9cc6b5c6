"""The heaps that a leak can be in: the cause, the place and the remedy in the words of their language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from zcbench.quantities.names import (
    GO_HEAP_BYTES,
    JVM_DIRECT_BYTES,
    JVM_HEAP_AFTER_GC_BYTES,
    JVM_HEAP_BYTES,
    JVM_MAPPED_BYTES,
    JVM_METASPACE_BYTES,
    JVM_OLD_BYTES,
    PYTHON_OBJECT_BYTES,
    V8_ARRAY_BUFFERS_BYTES,
    V8_EXTERNAL_BYTES,
    V8_FOREIGN_BYTES,
    V8_HEAP_BYTES,
    V8_MALLOCED_BYTES,
)


class Place(NamedTuple):
    """A heap: the cause of a leak in it, what it is called in a sentence, and how its keeper is found."""

    cause: str
    where: str
    remedy: str


_JAVA_HEAP = Place(
    "runtime_heap",
    "the Java heap",
    "compare `jcmd PID GC.class_histogram` early and late: the classes of which there are ever more; a heap "
    "dump (`jcmd PID GC.heap_dump FILE`) tells who keeps them",
)
# By the quantity that counts it.
PLACES: Mapping[str, Place] = {
    V8_HEAP_BYTES: Place(
        "runtime_heap",
        "the V8 heap",
        "take a heap snapshot early and one late (v8.writeHeapSnapshot(), or node "
        "--heapsnapshot-signal=SIGUSR2) and compare them in the browser's developer tools: the retainers of "
        "what is new keep it",
    ),
    V8_ARRAY_BUFFERS_BYTES: Place(
        "array_buffers",
        "V8's array buffers",
        "find who keeps Buffers or typed arrays (caches, lists, listeners, a small slice of a large Buffer): a "
        "heap snapshot late in the run lists ArrayBuffers with their retainers",
    ),
    V8_FOREIGN_BYTES: Place(
        "foreign_buffers",
        "native memory that JavaScript still owns",
        "find which JavaScript objects keep the add-on's buffers (the retainers of ArrayBuffers in a heap "
        "snapshot); let them go, or release the native memory explicitly instead of by a finaliser",
    ),
    V8_EXTERNAL_BYTES: Place(
        "buffers",
        "memory outside the V8 heap that its objects keep",
        "log arrayBuffers of process.memoryUsage() beside external: it tells Buffers from an add-on's memory; "
        "then find who keeps them",
    ),
    V8_MALLOCED_BYTES: Place(
        "runtime_heap",
        "memory that V8 has from malloc for itself",
        "look for code that is compiled ever anew: eval, new Function, vm.Script",
    ),
    JVM_HEAP_BYTES: _JAVA_HEAP,
    JVM_HEAP_AFTER_GC_BYTES: _JAVA_HEAP,
    JVM_OLD_BYTES: _JAVA_HEAP,
    JVM_DIRECT_BYTES: Place(
        "direct_memory",
        "Java's direct buffers",
        "find who keeps direct ByteBuffers (a pool that never shrinks, one a thread, a slice of a large one): "
        "a heap dump lists java.nio.DirectByteBuffer with its referrers; -XX:MaxDirectMemorySize bounds them",
    ),
    JVM_MAPPED_BYTES: Place(
        "files_mapped",
        "files that Java maps",
        "find who keeps MappedByteBuffers: a mapping ends when its buffer is collected",
    ),
    JVM_METASPACE_BYTES: Place(
        "classes",
        "Java's metaspace",
        "find who makes classes or class loaders ever anew: `jcmd PID VM.classloader_stats` early and late",
    ),
    GO_HEAP_BYTES: Place(
        "runtime_heap",
        "the Go heap",
        "compare heap profiles early and late: go tool pprof -base EARLY LATE; and count goroutines",
    ),
    "clr.heap_bytes": Place(
        "runtime_heap",
        "the .NET heap",
        "compare dotnet-gcdump early and late: the types of which there are ever more, and their roots",
    ),
    PYTHON_OBJECT_BYTES: Place(
        "python_objects",
        "Python's objects",
        "find the container that only grows: tracemalloc snapshots early and late (compare_to) name the lines",
    ),
}
# Memory that small objects of a heap own: a leak of them grows in both.
OWNED = (V8_ARRAY_BUFFERS_BYTES, V8_FOREIGN_BYTES, V8_EXTERNAL_BYTES, JVM_DIRECT_BYTES, JVM_MAPPED_BYTES)

# Of malloc in a program with this runtime: what else has memory from it.
NATIVE_OF: Mapping[str, str] = {
    "v8.": "an add-on's or a library's memory, which no JavaScript object stands for: ",
    "jvm.": "memory of JNI code, or the JVM's own (-XX:NativeMemoryTracking=summary and `jcmd PID "
    "VM.native_memory` tell): ",
    "python.": "memory of an extension module, or Python objects above 512 bytes: ",
    "go.": "memory of C code: ",
}
