"""``zcbench ingest`` as a user types it, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from zcbench.cli import cli

LOGS = Path(__file__).parents[1] / "data" / "logs"


@dataclass(frozen=True)
class Answer:
    """What a command said: its exit code, its findings by check, and stderr."""

    exit_code: int
    findings: dict[str, dict[str, Any]]
    stderr: str
    directory: Path

    def failures(self) -> set[str]:
        """The checks that failed."""
        return {name for name, found in self.findings.items() if found["outcome"] == "fail"}

    def sentence(self, check: str) -> str:
        """What a check found."""
        return str(self.findings[check]["sentence"])


Ingest = Callable[..., Answer]


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    """Run ``zcbench ingest`` on a file, or on text that becomes one."""

    def run(log: Path | str, *arguments: str, name: str = "log.txt", stdin: bytes | None = None) -> Answer:
        if isinstance(log, str):
            path = tmp_path / name
            path.write_text(log, encoding="utf-8")
        else:
            path = log
        out = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        words = ["ingest", "--report", "json", "--json", "--out", str(out), *arguments]
        words += [str(path)] if "--" in arguments else ["--", str(path)]
        done = CliRunner().invoke(cli, words, input=stdin)
        try:
            findings = {one["check"]: one for one in json.loads(done.stdout)["findings"]}
        except ValueError:
            findings = {}
        return Answer(done.exit_code, findings, done.stderr, out)

    return run
