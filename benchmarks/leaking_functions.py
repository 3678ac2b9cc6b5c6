"""The twelve functions of benchmarks/pytest_leaks.py: six leak, each has a clean twin of its kind."""

import ctypes
import functools
import itertools
import json

import leaking  # benchmarks/leaking.c
import numpy as np

_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p
_libc.free.argtypes = [ctypes.c_void_p]
_kept = []
_by_number = {}
_callbacks = []
_views = []
_numbers = itertools.count(10**6)
_document = json.dumps({"packets": [{"sequence": n, "gain": n / 3} for n in range(10)]})
_samples = np.random.default_rng(1).random(480)


def list_leaks():
    """A list that keeps 44 bytes of each call: 100 with the object's header."""
    _kept.append(bytearray(43))


def json_clean():
    """A document of ten packets, parsed."""
    json.loads(_document)


def cache_leaks():
    """A cache without a bound."""
    number = next(_numbers)
    _by_number[number] = str(number)


@functools.lru_cache(maxsize=256)
def _text(number):
    return str(number) * 5


def cache_clean():
    """A cache of 256 entries, asked for ever other ones."""
    _text(next(_numbers))


def callback_leaks():
    """A listener that is registered and forgotten, in one call of a hundred."""
    if next(_numbers) % 100 == 0:
        _callbacks.append(lambda: None)


class _Node:
    def __init__(self):
        self.other = None


def cycle_clean():
    """A cycle: garbage until a collection."""
    a, b = _Node(), _Node()
    a.other, b.other = b, a


def malloc_leaks():
    """100 bytes that nobody frees."""
    _libc.malloc(100)


def malloc_clean():
    """100 bytes, freed."""
    _libc.free(_libc.malloc(100))


extension_leaks = leaking.forget
extension_clean = leaking.keep_count


def numpy_leaks():
    """A view of four samples that keeps its block of 3,840 bytes."""
    _views.append(_samples.copy()[:4])


def numpy_clean():
    """A transform of a block of 480 samples."""
    np.fft.rfft(_samples)


FUNCTIONS = (
    *("list_leaks", "cache_leaks", "callback_leaks", "malloc_leaks", "extension_leaks", "numpy_leaks"),
    *("json_clean", "cache_clean", "cycle_clean", "malloc_clean", "extension_clean", "numpy_clean"),
)
