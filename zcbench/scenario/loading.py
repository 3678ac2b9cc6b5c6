"""A scenario from a file, the environment and flags: flag > environment > file > default."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from zcbench.scenario.checks import NAME, bounded, check
from zcbench.scenario.consuming import with_options
from zcbench.scenario.expected import check_expected, expected_by_file
from zcbench.scenario.files import find, read_text
from zcbench.scenario.keys import FLAGS, variable_of
from zcbench.scenario.plain import plain
from zcbench.scenario.sheet import Sheet, build, from_file, from_settings
from zcbench.scenario.subject import rate_flag
from zcbench.scenario.tables import Expectation, Scenario, ScenarioError, Setting
from zcbench.scenario.values import Value


def load(
    scenario: str | Path | None = None,
    *,
    environment: Iterable[Setting] = (),
    flags: Iterable[Setting] = (),
    checks: Callable[[], Collection[str]] | None = None,
) -> Scenario:
    """The scenario named or stored at ``scenario``, with ``environment``, then ``flags`` over it.

    ``scenario`` is the name of a shipped one, the path of a TOML file, or None for a plain soak.
    ``checks`` gives the names that ``require`` may have; without it, judging says of a name that it is none.
    Raises ScenarioError; nothing is opened but the scenario file.
    """
    path = None if scenario is None else find(scenario)
    sheet = Sheet({}, path, "" if path is None else read_text(path))
    if path is not None:
        sheet.overlay(from_file(sheet))
    environment, flags = list(environment), list(flags)
    is_call = any(key == "subject.call" for key in (*sheet.values, *(s.key for s in (*environment, *flags))))
    environment, flags = (
        [Setting(rate_flag(s.key, s.origin, is_call), s.text, s.origin) for s in settings]
        for settings in (environment, flags)
    )
    expected = expected_by_file(sheet)
    for settings in (environment, flags):
        expected += [(Expectation(that=s.text), s.origin) for s in settings if s.key == "expect"]
        sheet.overlay(from_settings([s for s in settings if s.key != "expect"]))
    if path is not None and "name" not in sheet.values and NAME.fullmatch(path.stem):
        sheet.values["name"] = Value(path.stem, "default", False)
    resolved = msgspec.structs.replace(build(sheet), expect=tuple(e for e, _ in expected))
    resolved = with_options(resolved, sheet)
    if path is None:
        resolved = plain(resolved, sheet, [*environment, *flags])
    check(resolved, sheet, [flag for flag in flags if flag.key != "expect"], checks)
    check_expected(resolved, expected)
    if path is not None:
        resolved = _tell_changes(resolved, [*environment, *flags], path.stem)
    if resolved.pool.policy == "adaptive":
        resolved = msgspec.structs.replace(resolved, pool=bounded(resolved.pool))
    if resolved.source.unpaced and resolved.sampling.tracemalloc:
        # tracemalloc costs more than an unpaced packet does: it would be all that is measured.
        sampling = msgspec.structs.replace(resolved.sampling, tracemalloc=False)
        resolved = msgspec.structs.replace(resolved, sampling=sampling)
    return resolved


def _tell_changes(scenario: Scenario, settings: Sequence[Setting], file: str) -> Scenario:
    """Describe ``scenario`` by its ``file`` and what differs: its "30 seconds" may be true no more."""
    if any(setting.key == "description" for setting in settings):
        return scenario
    said = [s for s in settings if s.key != "name" and not s.key.startswith("tags.")]
    values = {s.key: s.text for s in said if s.key != "expect"}
    if not values:
        return scenario
    changed = ", ".join(f"{key} = {value}" for key, value in values.items())
    return msgspec.structs.replace(scenario, description=f"{file} (changed: {changed})")


def environment_settings(environ: Mapping[str, str]) -> list[Setting]:
    """The settings in ``ZCBENCH_*`` variables: one for each of FLAGS, ZCBENCH_EXPECT, _SET and _TAG.

    ZCBENCH_EXPECT holds expectations with ";" between them, the last two hold words as in
    ``ZCBENCH_SET="pool.slots=10 limits.hang=1m"``. Empty variables count as not set. Raises
    ScenarioError for a malformed word.
    """
    settings = [
        Setting(key, environ[variable], variable)
        for variable, key in ((variable_of(flag), key) for flag, key in FLAGS.items())
        if environ.get(variable)
    ]
    settings += [
        Setting("expect", text.strip(), "ZCBENCH_EXPECT")
        for text in environ.get("ZCBENCH_EXPECT", "").split(";")
        if text.strip()
    ]
    for variable, parse in (("ZCBENCH_SET", parse_setting), ("ZCBENCH_TAG", parse_tag)):
        try:
            words = shlex.split(environ.get(variable, ""))
        except ValueError as error:
            problem = f"{error}; write key=value, quoted where needed"
            raise ScenarioError(f"{variable}: {problem}") from None
        settings += [parse(word, variable) for word in words]
    return settings


def parse_setting(text: str, origin: str = "--set") -> Setting:
    """``key=value`` as a setting. Raises ScenarioError without a ``=`` or a key."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ScenarioError(f"{origin}: {text!r} is not key=value, as in pool.slots=10")
    return Setting(key.strip(), value.strip(), origin)


def parse_tag(text: str, origin: str = "--tag") -> Setting:
    """``key=value`` as a tag of the run. Raises ScenarioError without a ``=`` or a key."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ScenarioError(f"{origin}: {text!r} is not key=value, as in branch=main")
    return Setting(f"tags.{key.strip()}", value.strip(), origin)
