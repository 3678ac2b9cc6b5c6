"""A JVM's heaps are read to the byte after a settled collection, from outside, and nothing stays behind."""

from __future__ import annotations

import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.probes.jvm.conftest import Java
from zcbench.probes.jvm import probe as probes
from zcbench.probes.jvm.agent import build
from zcbench.probes.jvm.machine import MOST_FAILURES, Jvm, identify
from zcbench.probes.jvm.probe import JvmProbe
from zcbench.probes.process import Process

Start = Callable[..., list[Java]]
DIRECT, HEAP = "jvm.direct_bytes", "jvm.heap_bytes"


def recognised(java: Java, folder: Path) -> Jvm:
    found = identify(java.pid)
    assert found is not None
    return Jvm(found, folder)


def settled(jvm: Jvm) -> dict[str, int]:
    assert jvm.settle(), jvm.complaints
    return {name: value for name, value in jvm.held.items() if value is not None}


@pytest.mark.parametrize("collector", ["Serial", "G1"])
def test_what_is_kept_is_counted_and_garbage_is_not(java: Start, tmp_path: Path, collector: str) -> None:
    (one,) = java((f"-XX:+Use{collector}GC",))
    jvm = recognised(one, tmp_path)
    # Once, for what Java makes at the first.
    for line in ("heap 1000", "direct 1000", "garbage 5000000", "threads", "drop"):
        one.tell(line)
    settled(jvm)
    before = settled(jvm)
    one.tell("direct 1234567")
    one.tell("garbage 5000000")
    one.tell("garbage 5000000")
    with_direct = settled(jvm)
    assert with_direct[DIRECT] - before[DIRECT] == 1_234_567
    assert abs(with_direct[HEAP] - before[HEAP]) < 20_000  # the buffer's object, and those of reading a line
    one.tell("heap 2000000")
    with_heap = settled(jvm)
    assert with_heap[DIRECT] == with_direct[DIRECT]
    assert 2_000_000 <= with_heap[HEAP] - with_direct[HEAP] < 2_040_000
    assert with_heap[HEAP] < with_heap["jvm.heap_resident_bytes"] <= 32 * 2**20
    assert 2**20 < with_heap["jvm.image_bytes"] < psutil.Process(one.pid).memory_info().rss
    # The buffer's memory goes when the cleaner has run, which a collection only begins.
    one.tell("drop")
    after = settled(jvm)
    assert after[DIRECT] == before[DIRECT]
    assert abs(after[HEAP] - before[HEAP]) < 20_000
    assert not jvm.complaints
    # Of each settling one collection is counted, however many it took.
    jvm.look()
    assert jvm.totals["runtime.full_collections"] == jvm.settlings == 5
    # What there is more of after the sixth than after the third is named by its class.
    one.tell("heap 300000")
    settled(jvm)
    more = jvm.inventory.grown()["classes"][0]
    assert (more["class"], more["instances"] // 100) == ("byte[]", 3)
    assert "byte[]" in (jvm.inventory.sentence("java") or "")
    assert "zcbench;" in one.tell("threads")
    jvm.close()
    give_up = time.monotonic() + 10
    while "zcbench;" in one.tell("threads"):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert one.output.read_text() == ""
    assert not list(tmp_path.glob("*.page"))
    assert not list(Path("/tmp").glob(f".attach_pid{one.pid}"))


def test_class_loaders_that_are_kept_show_in_metaspace_and_are_gone_when_they_are_let_go(
    java: Start, tmp_path: Path
) -> None:
    (one,) = java(("-XX:+UseSerialGC",))
    jvm = recognised(one, tmp_path)

    def loaded() -> tuple[int, int]:
        found = settled(jvm)
        return jvm.look()["jvm.classes"] or 0, found["jvm.metaspace_bytes"]

    one.tell("loaders 10")
    one.tell("drop 0")
    classes, size = loaded()
    one.tell("loaders 300")
    with_classes, with_size = loaded()
    assert 300 <= with_classes - classes < 350  # the JVM may load some of its own
    assert with_size - size > 300 * 500
    one.tell("drop 0")
    after_classes, after_size = loaded()
    assert after_classes - classes < 50
    assert after_size - size < (with_size - size) / 2
    jvm.close()


def test_a_jvm_that_may_not_be_asked_is_left_alone_and_flags_stop_no_other(java: Start, tmp_path: Path) -> None:
    started = java(
        ("-XX:+DisableAttachMechanism",),
        ("-Xrs", "-XX:+UseSerialGC"),
        ("-XX:-UsePerfData",),
        ("-XX:+DisableExplicitGC",),
        ("-XX:+ExplicitGCInvokesConcurrent", "-XX:+UseG1GC"),
    )
    closed, deaf, silent, stubborn, partial = jvms = [recognised(one, tmp_path) for one in started]
    for _ in range(MOST_FAILURES):  # it might have been starting
        assert closed.complaints == []
        assert not closed.settle()
    assert not closed.collects
    assert "started with -XX:+DisableAttachMechanism" in " ".join(closed.complaints)
    # What it shows by itself is read all the same.
    assert (closed.look()["jvm.threads"] or 0) > 5
    assert silent.identity.counters is None
    assert silent.look() == {}
    for jvm in (deaf, silent, stubborn, partial):  # these collect when they are asked by other means
        assert settled(jvm)[HEAP] > 500_000
        assert jvm.complaints == []
    for one in started:
        assert one.tell("garbage 1000") == "done"  # it lives, and no stacks stand in its output
        assert one.output.read_text() == ""
    for jvm in jvms:
        jvm.close()


IMAGE = """
#include <unistd.h>
static char heap[64] __attribute__((section(".svm_heap"), used)) = {1};
int main(void) { pause(); }
"""
OTHER = "#include <unistd.h>\nint begin(void); int main(void) { begin(); pause(); }"


def test_runtimes_of_java_that_are_not_read_are_called_by_their_names(tmp_path: Path) -> None:
    # given what native-image leaves in a program, a process with OpenJ9's library, and one with neither
    sources = {"image": IMAGE, "other": OTHER, "plain": "#include <unistd.h>\nint main(void) { pause(); }"}
    for name, source in (sources | {"libj9vm29": "int begin(void) { return 0; }"}).items():
        (tmp_path / f"{name}.c").write_text(source)
    library = str(tmp_path / "libj9vm29.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "libj9vm29.c", "-o", library], cwd=tmp_path, check=True)
    for name, more in {"image": ["-s"], "other": [library], "plain": []}.items():
        subprocess.run(["gcc", f"{name}.c", "-o", name, *more], cwd=tmp_path, check=True)
    running = [subprocess.Popen([tmp_path / name]) for name in sources]
    probe = JvmProbe(tmp_path / "jvm", gc_every_s=0.5, every_s=0.1)
    probe.begin(lambda: [Process(one.pid) for one in running])
    said = {}
    try:
        give_up = time.monotonic() + 60
        while len(said) < 2:
            assert time.monotonic() < give_up
            assert probe.read() == {}
            said |= {notice.data["unread"]: notice.message for notice in probe.notices()}
            time.sleep(0.05)
    finally:
        probe.close()
        for one in running:
            one.kill()
            one.wait()
    assert said == {
        "native image": f"image ({running[0].pid}) is a GraalVM native image: its heap is not read",
        "OpenJ9": f"other ({running[1].pid}) is an OpenJ9 JVM: its heap is not read",
    }


def test_two_jvms_are_summed_and_one_that_dies_is_kept_in_the_totals(
    java: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = java(("-XX:+UseSerialGC",), ("-XX:+UseSerialGC",))
    for number, one in enumerate((first, second)):
        one.tell(f"direct {1000 + number}")
    every = [Process(one.pid) for one in (first, second)]
    probe = JvmProbe(tmp_path / "jvm", gc_every_s=0.5, every_s=0.1)
    probe.begin(lambda: [*every, Process()])
    try:
        row = until(probe, lambda row: row.get(DIRECT) == 2001 and row["gc.forced_collections"] >= 2)
        assert set(row) <= {quantity.name for quantity in probe.quantities()}
        assert row["gc.forced_pause_ns"] <= row["runtime.pause_ns"]
        first.popen.kill()
        first.popen.wait()
        after = until(probe, lambda row: row.get(DIRECT) == 1001)
        for total in ("runtime.full_collections", "gc.forced_pause_ns", "probe.jvm.inside_ns"):
            assert after[total] >= row[total] > 0
        # A JVM that stands still is not read, and its last readings do not stand for it.
        monkeypatch.setattr(probes, "STALE_S", 0.5)
        second.popen.send_signal(signal.SIGSTOP)
        until(probe, lambda row: not row)
        second.popen.send_signal(signal.SIGCONT)
        monkeypatch.undo()
        assert until(probe, lambda now: now.get("gc.forced_collections", 0) > after["gc.forced_collections"])
        assert probe.notices() == ()
    finally:
        probe.close()
    assert not (tmp_path / "jvm").exists()
    assert not Path(f"/tmp/.java_pid{first.pid}").exists()  # which a killed JVM leaves


def until(probe: JvmProbe, is_so: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    give_up = time.monotonic() + 60
    while True:
        row = {name: value for name, value in probe.read().items() if value is not None}
        if is_so(row):
            return row
        assert time.monotonic() < give_up, row
        time.sleep(0.05)


def test_another_user_s_jvm_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(pid: int) -> None:
        raise PermissionError

    monkeypatch.setattr(probes, "identify", hidden)
    found = type("Stat", (), {"name": "java", "start_ns": 1})()
    monkeypatch.setattr(probes.procfs, "stat", lambda pid: found)
    probe = JvmProbe(tmp_path / "jvm", gc_every_s=None, every_s=0.05)
    probe.begin(lambda: [Process()])
    said: list[str] = []
    for _ in range(20):
        probe.read()
        time.sleep(0.05)
        said += [notice.message for notice in probe.notices()]
    probe.close()
    assert len(said) == 1
    assert "another user's" in said[0]
    assert probe.read() == {}


def test_the_agent_s_jar_is_built_from_its_source(tmp_path: Path) -> None:
    with zipfile.ZipFile(build.JAR) as jar:
        manifest = jar.read(build.MANIFEST).decode()
        shipped = {name: jar.read(build.entry(name)) for name in build.CLASSES}
    assert f"Source-Hash: {build.source_hash()}\n" in manifest
    again = tmp_path / "agent.jar"
    build.build(again)
    with zipfile.ZipFile(again) as jar:
        rebuilt = {name: jar.read(build.entry(name)) for name in build.CLASSES}
        its_manifest = jar.read(build.MANIFEST).decode()
    # Another compiler may choose other instructions.
    if f"Build-Jdk-Spec: {build.compiler()}\n" in manifest:
        assert (rebuilt, its_manifest) == (shipped, manifest)
    # The versions of the formats of Java 8 and 9.
    assert [shipped[name][7] for name in ("Agent", "Opening")] == [52, 53]
