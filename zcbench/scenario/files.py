"""Scenario files: those that come with zcbench, and the one that is meant."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from zcbench.files import open_at_once
from zcbench.scenario.tables import ScenarioError
from zcbench.scenario.values import did_you_mean

_LARGEST_FILE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Shipped:
    """A scenario that comes with zcbench."""

    name: str
    description: str
    path: Path


def shipped() -> list[Shipped]:
    """The scenarios that come with zcbench, by name: the checkout's, or the installed package's."""
    found = []
    for path in sorted(_shipped_paths()):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        found.append(Shipped(data.get("name", path.stem), data.get("description", ""), path))
    return found


def _shipped_paths() -> list[Path]:
    checkout = Path(__file__).resolve().parents[2]
    # Only beside a pyproject.toml: site-packages may hold a "scenarios" folder of somebody else.
    if (checkout / "pyproject.toml").is_file() and (checkout / "scenarios").is_dir():
        return list((checkout / "scenarios").glob("*.toml"))
    folder = resources.files("zcbench").joinpath("_scenarios")
    if not folder.is_dir():
        return []
    return [Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".toml")]


def find(scenario: str | Path) -> Path:
    """The file of a shipped scenario's name, or of a path. Raises ScenarioError if there is none."""
    name = str(scenario)
    is_path = isinstance(scenario, Path) or name.endswith(".toml") or re.search(r"[/\\]", name)
    if not is_path:
        there = {s.name: s.path for s in shipped()}
        if name in there:
            return there[name]
        raise ScenarioError(
            f"no scenario {name!r}{did_you_mean(name, there)}; "
            f"shipped: {', '.join(there) or 'none'}; or give the path of a TOML file"
        )
    path = Path(scenario)
    try:
        is_directory, exists = path.is_dir(), path.exists()
    except OSError as error:  # a name too long, a folder that may not be entered
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    if is_directory:
        raise ScenarioError(f"{path}: a directory; give the path of a scenario's TOML file")
    if not exists:
        raise ScenarioError(f"{path}: no such file; `zcbench scenarios` lists those shipped")
    return path


def read_text(path: Path) -> str:
    """The text of a scenario file. Raises ScenarioError if it is too large, or no text."""
    try:
        with open_at_once(path) as file:
            raw = file.read(_LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    if not raw and not path.is_file():
        raise ScenarioError(f"{path}: nothing was written to this pipe")
    if len(raw) > _LARGEST_FILE_BYTES:
        raise ScenarioError(f"{path}: larger than 1 MiB; a scenario is a short TOML file")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ScenarioError(f"{path}:{line}: not TOML: not text in UTF-8") from None
