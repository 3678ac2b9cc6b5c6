"""Planted bugs as a program in C: what proves the verdict on a command. The program is ``faulty.c``.

Each has clean twins, which do the same work and give back what they take, and some happen in a child process.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from zcbench.faults.trial import Trial
from zcbench.page import header

SOURCE = Path(__file__).parent / "faulty.c"
COMPILERS = ("cc", "gcc", "clang")
COMPILE_S = 120.0  # a loaded machine; it takes a second

_COMMON: Mapping[str, str] = {"sampling.every": "250ms", "subject.ready": "page"}
# 4,000 steps; 80 samples: 6 of them for each of the 12 blocks of a staircase.
_CLIMBING: Mapping[str, str] = {**_COMMON, "duration": "20s"}
# A busy machine spoils some blocks of a short run: of 20 runs of 20 s two left a leak of 64 kB/s undecided.
_LEAKING: Mapping[str, str] = {**_COMMON, "duration": "30s"}
# It dies, or stands still, at step 400, after 2 s and a little; a machine that stood still for 14 of 15 s has
# let one of 20 live to its end.
_DYING: Mapping[str, str] = {**_COMMON, "duration": "30s", "limits.hang": "4s"}
# Private memory is not judged below two minutes.
_SLOW: Mapping[str, str] = {**_COMMON, "duration": "150s", "sampling.uss_every": "1s"}

# Bug, what it does, the finding that it must get, the run that shows it.
_BUGS: tuple[tuple[str, str, str, str, Mapping[str, str]], ...] = (
    ("malloc-leak", "320 bytes a step are not freed", "memory", "native", _LEAKING),
    ("mmap-leak", "16 KiB a step stay mapped", "memory", "mapped", _SLOW),
    ("descriptor-leak", "a file is opened each 20 steps and never closed", "resources", "fds", _CLIMBING),
    ("thread-leak", "a thread is started each 40 steps and never ends", "resources", "threads", _CLIMBING),
    ("child-leak", "a process is started each 100 steps and never ends", "resources", "children", _CLIMBING),
    ("zombies", "a process each 100 steps ends and is not waited for", "resources", "zombies", _CLIMBING),
    ("lost-slot", "each 100th slot is never given back", "pool.recycling", "leases_left", _CLIMBING),
    ("no-op-return", "giving a slot back does nothing", "pool.recycling", "never_recycled", _CLIMBING),
    ("double-return", "each 100th slot is given back twice", "conservation", "returned_twice", _CLIMBING),
    ("crash", "it writes to address 8 (SIGSEGV)", "life", "crashed", _DYING),
    ("exit", "it leaves with code 3", "life", "exited", _DYING),
    ("hang", "it waits for ever", "life", "hung", _DYING),
)
_CLEAN = ("malloc-leak", "mmap-leak", "descriptor-leak", "thread-leak", "child-leak", "zombies")
_FORKED = ("malloc-leak", "zombies", "lost-slot", "crash", "exit", "hang")


class NoCompilerError(LookupError):
    """The program cannot be made; the message says what to install."""


def _trials() -> Iterator[Trial]:
    for bug, meaning, check, cause, settings in _BUGS:
        own = Trial(f"c-{bug}", f"a program in C: {meaning}", settings, check, cause, program=(bug,))
        own = replace(own, slow=settings is _SLOW)
        yield own
        if bug in _FORKED:
            meaning = f"{own.meaning}, in a child process"
            yield replace(own, name=f"c-{bug}-forked", meaning=meaning, program=(bug, "forked"))
        if bug in _CLEAN:
            clean = replace(own, name=f"c-{bug}-clean", check=None, cause=None, program=(bug, "clean"))
            yield replace(clean, meaning=f"a program in C without a bug: the twin of {own.name}")


TRIALS: tuple[Trial, ...] = tuple(_trials())


def compiler() -> str | None:
    """The C compiler that CC names, or one that is installed; None if there is none."""
    named = os.environ.get("CC")
    found = [shutil.which(name) for name in ((named,) if named else COMPILERS)]
    return next((path for path in found if path is not None), None)


def build(folder: Path) -> Path:
    """Compile the program into ``folder``. Raises NoCompilerError."""
    cc = compiler()
    if cc is None:
        raise NoCompilerError(
            f"no C compiler ({', '.join(COMPILERS)}): the planted faults in C cannot be made; install one "
            "(Debian: apt-get install gcc), or name it by CC"
        )
    program = folder / "faulty"
    arguments = [cc, "-O1", "-pthread", f"-I{header.folder()}", str(SOURCE), "-o", str(program)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=COMPILE_S, check=False)
    if done.returncode:
        first = (done.stderr.strip() or "it said nothing").splitlines()[0]
        raise NoCompilerError(f"{cc} cannot compile {SOURCE.name}: {first}")
    return program


def ready(trial: Trial, program: Path) -> Trial:
    """``trial`` with the command that runs ``program``."""
    command = shlex.join([str(program), *trial.program])
    return replace(trial, settings={**trial.settings, "subject.command": command})
