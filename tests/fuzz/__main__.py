"""Fuzz for as long as asked: ``python -m tests.fuzz [--seconds 60] [PROMISE...]`` (``make fuzz SECONDS=600``).

Each promise (:mod:`tests.fuzz.promises`) gets its share of the time and a process of its own, guided by the
branches that an input reaches (atheris, libFuzzer). What was interesting is kept in ``build/fuzz``, and an
input that breaks a promise. Exit code 1 then. Needs atheris (Linux, macOS), which is not in the test extra.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import tests.conftest  # noqa: F401  (the zcbench that is installed)

HOME = Path("build") / "fuzz"
SEED_INPUTS = 64
INPUT_BYTES = 400


def main() -> int:
    """Start one process for each promise, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("promise", nargs="*", help="all of them if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for all together (%(default)s)")
    parser.add_argument("--input", type=Path, help="of one promise: this input alone, once")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    names = asked.promise or list(PROMISES)
    unknown = [name for name in names if name not in PROMISES]
    if unknown or (asked.input and len(names) != 1):
        parser.error(f"no promise {unknown}; there are {', '.join(PROMISES)}")
    if asked.input is not None:
        promise(names[0], Path(tempfile.mkdtemp(prefix="zcbench-fuzz-")))(asked.input.read_bytes())
        return 0
    if asked.child:
        _fuzz(names[0], asked.seconds)
    broken = []
    for name in names:
        share = max(1, asked.seconds // len(names))
        command = [sys.executable, "-m", "tests.fuzz", "--child", name, "--seconds", str(share)]
        if subprocess.run(command, check=False).returncode:
            broken.append(name)
            print(
                f"broken: {name}; again: {Path(sys.executable).name} -m tests.fuzz {name} --input "
                f"{HOME / name}-FILE (its name is above)",
                file=sys.stderr,
            )
    return 1 if broken else 0


def _fuzz(name: str, seconds: int) -> None:
    """Hand the process to libFuzzer."""
    import atheris

    corpus = HOME / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number in range(SEED_INPUTS):
        (corpus / f"seed-{number:02}").write_bytes(Random(number).randbytes(INPUT_BYTES))
    with tempfile.TemporaryDirectory(prefix="zcbench-fuzz-") as folder:
        # An editable installation's finder hides the source; the packages know their paths.
        sys.meta_path[:] = [f for f in sys.meta_path if "Redirecting" not in type(f).__name__]
        with atheris.instrument_imports(include=["zcbench"]):
            keep = promise(name, Path(folder))
            # Imports all that it needs. What atheris says of that is in a command's stderr: no broken promise.
            with contextlib.suppress(AssertionError):
                keep(b"")
        flags = [f"-max_total_time={seconds}", f"-artifact_prefix={HOME / name}-", "-max_len=4096"]
        atheris.Setup([sys.argv[0], *flags, "-len_control=0", "-timeout=60", str(corpus)], keep)
        atheris.Fuzz()


def promise(name: str, folder: Path) -> Callable[[bytes], None]:
    """A promise as a function of a fuzzer's bytes; it works in ``folder``."""
    from tests.fuzz.chance import Chance

    keep = PROMISES[name](folder)
    return lambda data: keep(Chance(data))


Keep = Callable[[Random], None]


def _of_record(name: str) -> Callable[[Path], Keep]:
    def make(folder: Path) -> Keep:
        from tests.fuzz import damage, materials, promises

        sound = materials.records(folder / "sound")

        def keep(random: Random) -> None:
            directory = damage.copy(random.choice(sound), folder / "run")
            if name == "record":
                promises.record(random, directory, sound[0])
            else:
                getattr(promises, name)(random, directory)

        return keep

    return make


def _of_history(folder: Path) -> Keep:
    from tests.fuzz import damage, materials, promises

    sound = materials.records(folder / "sound")[-3:]

    def keep(random: Random) -> None:
        for name, source in zip("abc", sound, strict=True):
            damage.copy(source, folder / "runs" / name)
        promises.history(random, folder / "runs")

    return keep


def _of_scenario(folder: Path) -> Keep:
    from tests.fuzz import materials, promises

    texts = materials.scenarios()
    return lambda random: promises.scenario(random, random.choice(texts), folder / "x.toml")


def _of_table(folder: Path) -> Keep:
    from tests.fuzz import damage, materials, promises

    def keep(random: Random) -> None:
        content = random.choice((materials.CSV, materials.JSON_LINES))
        promises.table(random, content, damage.emptied(folder / "table"))

    return keep


def _of_audio(folder: Path) -> Keep:
    from tests.fuzz import materials, promises

    sound = materials.audio()
    return lambda random: promises.audio(random, random.choice(sound), folder / "input")


def _of_plan(folder: Path) -> Keep:
    from tests.fuzz import damage, materials, promises

    sound = materials.sweep(folder / "sound")
    return lambda random: promises.plan(random, damage.copy(sound, folder / "sweep"))


def _of_text(name: str) -> Callable[[Path], Keep]:
    def make(_: Path) -> Keep:
        from tests.fuzz import promises

        keep: Keep = getattr(promises, name)
        return keep

    return make


def _of_page(folder: Path) -> Keep:
    from tests.fuzz import materials, promises

    sound = materials.page()
    return lambda random: promises.page(random, sound, folder / "page.bin")


PROMISES: dict[str, Callable[[Path], Keep]] = {
    **{name: _of_record(name) for name in ("record", "pictures", "watched")},
    **{name: _of_text(name) for name in ("setting", "quantity", "expected")},
    "history": _of_history,
    "scenario": _of_scenario,
    "table": _of_table,
    "audio": _of_audio,
    "page": _of_page,
    "plan": _of_plan,
}

if __name__ == "__main__":
    sys.exit(main())
