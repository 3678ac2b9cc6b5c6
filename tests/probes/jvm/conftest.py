"""Java programs that do what they are told, compiled and started once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HEAP = "-Xmx32m"


class Java:
    """A program that obeys: ``java.tell("direct 1000")``."""

    def __init__(self, classes: Path, folder: Path, *flags: str) -> None:
        self.output = folder / f"{'-'.join(flags).replace('/', '_')}.err"
        command = ["java", HEAP, *flags, "-cp", str(classes), "Obeys"]
        with self.output.open("wb") as errors:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder
            )

    @property
    def pid(self) -> int:
        """Of the JVM."""
        return self.popen.pid

    def hear(self) -> str:
        """Its next line."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def tell(self, line: str) -> str:
        """Have it do something; what it answers."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()
        return self.hear()

    def end(self) -> None:
        """Stop it at once."""
        self.popen.kill()
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled programs of this folder."""
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-d", str(folder), str(HERE / "Obeys.java")], check=True)
    return folder


@pytest.fixture
def java(classes: Path, tmp_path: Path) -> Iterator[Callable[..., list[Java]]]:
    """Starts JVMs side by side, one for each list of flags, and waits until they obey."""
    started: list[Java] = []

    def start(*flags: tuple[str, ...]) -> list[Java]:
        new = [Java(classes, tmp_path, *each) for each in flags]
        started.extend(new)
        for one in new:
            assert one.hear() == "ready", one.output.read_text()
        return new

    yield start
    for one in started:
        one.end()
