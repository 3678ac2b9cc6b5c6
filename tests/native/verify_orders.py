"""Run the native core under the C++ memory model, and show that each of its memory orders is needed.

Small programs (``tests/native/relaxed``) run over the core's own sources thousands of times under Relacy:
each time with another interleaving and, for each load, another of the values that the standard allows. It
finds data races, deadlocks (a missed wake-up) and broken promises. Its choices are random with a fixed
seed: every run is the same.

Then each memory order stronger than relaxed, and each fence, is made weaker, one at a time: the programs
must fail. Those that may be weaker are listed in SPARE with the reason why they stay. Last, bugs of other kinds
are planted one at a time (PLANTED), and must be found. Needs g++ and Relacy
(Debian: g++ relacy-dev). Prints a Markdown table; exit code 1 when anything was not as said, 2 when
something is missing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from core_under_relacy import Order, Planted, compiled, rewrite

WEAKER = {
    "acquire": ("relaxed",),
    "release": ("relaxed",),
    "acq_rel": ("relaxed", "acquire", "release"),
    "seq_cst": ("relaxed", "acq_rel"),
}


@dataclass(frozen=True)
class Spare:
    """An order that may be ``made`` weaker: ``nth`` in the line of ``file`` with ``code``; ``why`` it stays."""

    file: str
    code: str
    made: str
    why: str
    nth: int = 0


SPARE = (
    Spare("rings.hpp", "!= at + 1;", "relaxed", "a hint: pop() looks again"),
    Spare("rings.hpp", "== head_.load(", "relaxed", "a hint: pop() looks again"),
    Spare("rings.hpp", "== head_.load(", "relaxed", "the reader asks, and this is its own variable", 1),
    Spare(
        "overflow.cpp",
        "/ kChunk].load(",
        "relaxed",
        "the index came through idle_, which was acquired",
    ),
    Spare("overflow.cpp", "(changes << 32U) | next", "acquire", "who takes a header publishes nothing"),
    Spare(
        "overflow.cpp",
        "compare_exchange_weak(head, next,",
        "release",
        "who leaves a header reads nothing",
    ),
    Spare(
        "overflow.cpp",
        "chunks_[count].store(",
        "relaxed",
        "chunk_count_ and idle_ are released after it",
    ),
    Spare("overflow.hpp", "chunks_[c].load(", "relaxed", "chunk_count_ was acquired"),
    Spare("pool.cpp", "const bool free =", "relaxed", "check() runs while nobody acquires or returns"),
    Spare("capture.hpp", "stopping_.load(", "relaxed", "a flag: nothing is read because of it"),
    Spare("capture.cpp", "stopping_.store(", "relaxed", "a flag: nothing is read because of it"),
    Spare("capture.cpp", "ended_.store(", "relaxed", "the event count's fence comes between"),
    Spare("capture.cpp", "[this] { return !queue_.empty()", "relaxed", "a hint: drained() looks again"),
)


# What is not about orders: the protocol of segments that come and go, and the keeper's sleep.
PLANTED = (
    Planted(
        "maintain.cpp",
        "segment->home.size() == segment->count()",
        "segment->home.size() + 1 >= segment->count()",
        "a segment's memory goes while a slot of it is out",
    ),
    Planted(
        "maintain.cpp",
        "    } else {\n      while (!free_.push(slot)) std::this_thread::yield();\n    }",
        "    }",
        "a free slot is not put back after the search",
    ),
    Planted(
        "maintain.cpp",
        "  const std::lock_guard lock(segments_mutex_);\n  std::erase_if",
        "  std::erase_if",
        "the slab changes while somebody looks for the oldest lease",
    ),
    Planted(
        "pool.hpp",
        "demand_.notify_always()",
        "demand_.notify()",
        "the keeper is told to stop before it sleeps, and sleeps",
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--iterations", type=int, default=5_000, help="of each program (%(default)s)")
    iterations = str(parser.parse_args().iterations)
    if shutil.which("g++") is None:
        print("not installed: g++ (Debian: apt-get install g++ relacy-dev)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="zcbench-orders-") as folder:
        orders = rewrite(Path(folder))
        program = compiled(Path(folder))
        if program is None:
            return 2
        sound = _run(program, iterations)
        if sound.returncode:
            print(f"{sound.stdout}{sound.stderr}the core as it is fails", file=sys.stderr)
            return 1
        print("| memory order | made | outcome |\n|:--|:--|:--|")
        unused = set(SPARE)
        wrong = 0
        for number, order in enumerate(orders):
            for made in WEAKER[order.name]:
                spare = next((s for s in SPARE if _is_about(s, order, made)), None)
                unused.discard(spare)
                done = _run(program, iterations, str(number), made)
                failure = "crashed" if done.returncode not in (0, 1) else done.stdout.strip()
                wrong += _told(order, made, failure, spare)
    print("\n| planted bug | outcome |\n|:--|:--|")
    for planted in PLANTED:
        wrong += not _refuted(planted, iterations)
    for spare in unused:
        print(f"SPARE names what {spare.file} no longer has: {spare.code}", file=sys.stderr)
    wrong += len(unused)
    print(f"{wrong} not as they should be" if wrong else "all as they should be", file=sys.stderr)
    return 1 if wrong else 0


def _refuted(planted: Planted, iterations: str) -> bool:
    """Print whether the programs find ``planted``."""
    with tempfile.TemporaryDirectory(prefix="zcbench-planted-") as folder:
        rewrite(Path(folder), planted)
        program = compiled(Path(folder))
        if program is None:
            return False
        done = _run(program, iterations)
    failure = "crashed" if done.returncode not in (0, 1) else done.stdout.strip()
    print(f"| {planted.what} | {failure or '**WRONG**: not seen'} |", flush=True)
    return bool(failure)


def _run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=3600)


def _is_about(spare: Spare, order: Order, made: str) -> bool:
    return (
        (spare.file, spare.nth, spare.made) == (order.file, order.nth, made)
        and spare.code in order.code
    )  # fmt: skip


def _told(order: Order, made: str, failure: str, spare: Spare | None) -> bool:
    """Print what became of the order; whether that is not as it should be."""
    wrong = bool(failure) == (spare is not None)
    outcome = failure or f"holds: {spare.why if spare else 'not needed, or not seen to be'}"
    where = f"{order.file}:{order.line} `{order.code}`".replace("|", "\\|")
    print(f"| {where} | {made} | {'**WRONG**: ' if wrong else ''}{outcome} |", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
