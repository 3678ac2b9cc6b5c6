"""The bytes of Python's small objects: counted by its own allocator, in every size class, on every Python."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import sysconfig
import tracemalloc
from pathlib import Path

import pytest

from zcbench.subjects.inside import small_objects

counted = pytest.mark.skipif(
    sys.platform == "win32" or bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="no statistics into memory on Windows, no pymalloc without a GIL",
)
SOURCE = Path(small_objects.__file__)
# As on 3.12 with PYTHONMALLOC=debug: a class without pools has no line, and other tables follow.
STATISTICS = b"""Small block threshold = 512, in 32 size classes.

class   size   num pools   blocks in use  avail blocks
-----   ----   ---------   -------------  ------------
    1     32           2             782           238
   31    512       12345      4000000001             2

# arenas allocated total           =                    2
10 unused pools * 16384 bytes      =              163,840
Total                              =            2,097,152

3 free 1-sized PyTupleObjects * 48 bytes each =                 144
"""


def test_the_statistics_are_read_class_by_class() -> None:
    assert small_objects.parse(STATISTICS) == {32: 782, 512: 4_000_000_001}
    assert small_objects.parse(b"") == {}


@counted
@pytest.mark.parametrize("size", range(48, 513, 16))
def test_one_object_more_is_one_block_of_its_class(size: int) -> None:
    # given 5,000 objects of a size class: bytes objects, whose header is 33 bytes
    read = small_objects.reader()
    assert read is not None
    kept: list[bytes | None] = [None] * 5000
    gc.collect()
    before = read()
    for index in range(len(kept)):
        kept[index] = bytes(size - 33)
    after = read()
    # then its class has so many blocks more, and no other: give or take what pytest itself keeps
    grown = {s: after.get(s, 0) - before.get(s, 0) for s in after}
    assert grown.pop(size) == pytest.approx(5000, abs=100)
    assert {s: number for s, number in grown.items() if abs(number) > 100} == {}


@counted
def test_what_python_prints_elsewhere_is_not_disturbed(capfd: pytest.CaptureFixture[str]) -> None:
    read = small_objects.reader()
    assert read is not None
    read()
    assert capfd.readouterr() == ("", "")


PROGRAM = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("small_objects", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
read = module.reader()
print(-1 if read is None else sum(size * n for size, n in read().items()))
"""


@counted
@pytest.mark.parametrize(
    ("allocator", "least", "most"),
    [("pymalloc", 10**5, 10**8), ("pymalloc_debug", 10**5, 10**8), ("malloc", 0, 0)],
)
def test_every_allocator_of_pythons_is_understood(allocator: str, least: int, most: int) -> None:
    # given a Python whose objects lie elsewhere, or are padded: nothing small is held outside malloc then
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(SOURCE)],
        env={**os.environ, "PYTHONMALLOC": allocator},
        capture_output=True,
        text=True,
        check=True,
    )
    assert least <= int(done.stdout) <= most
    assert done.stderr == ""


@counted
def test_while_tracemalloc_stands_before_the_allocator_there_is_no_reading() -> None:
    # given tracemalloc, behind which the allocator says that it is not in use
    read = small_objects.reader()
    assert read is not None
    tracemalloc.start()
    try:
        # then 0 bytes would be a heap that does not grow: it is no reading instead
        with pytest.raises(ValueError, match="tells nothing"):
            read()
    finally:
        tracemalloc.stop()
    assert read()
