"""Programs over zcpage.h, compiled once a session."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from zcbench.page.layout import PAGE_VARIABLE

PROGRAMS = Path(__file__).parent / "programs"
INCLUDE = Path(__file__).parents[2] / "include"
STRICT = ["-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror", f"-I{INCLUDE}"]
C, CPP = ["-xc", "-std=c11"], ["-xc++", "-std=c++17"]

Build = Callable[..., Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """``build("shared.c", "gcc", C, "-fsanitize=thread")``: the path of the program, built once."""
    folder = tmp_path_factory.mktemp("programs")
    made: dict[tuple[str, ...], Path] = {}

    def compiled(source: str, compiler: str, language: list[str], *flags: str) -> Path:
        key = (source, compiler, *language, *flags)
        if key not in made:
            path = folder / f"{len(made)}"
            libraries = ["-lstdc++"] if language == CPP else []
            subprocess.run(
                [compiler, *STRICT, *language, *flags, str(PROGRAMS / source), "-o", str(path), *libraries],
                check=True,
                timeout=100,
            )
            made[key] = path
        return made[key]

    return compiled


def run(program: Path, page: Path | None, *arguments: str) -> str:
    """What ``program`` prints, with its page at ``page``; it must end with 0."""
    environment = {"TSAN_OPTIONS": "halt_on_error=1", "LSAN_OPTIONS": "exitcode=9"}
    if page is not None:
        environment[PAGE_VARIABLE] = str(page)
    done = subprocess.run(
        [str(program), *arguments], env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    return done.stdout
