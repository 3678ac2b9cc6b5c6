"""Checks of a user's own (entry-point group ``zcbench.checks``): whatever they raise, the run is judged."""

from __future__ import annotations

from typing import Any

import msgspec

from zcbench.analysis.totals import Totals
from zcbench.foreign import of_error
from zcbench.plugins import load, names
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict.check import Check, Facts
from zcbench.verdict.checks import CHECKS, by_name

GROUP = "zcbench.checks"


def findings(record: Record, totals: Totals) -> list[Finding]:
    """A finding for each installed check, in the order of their names."""
    return [ask(loaded(name), record, totals) for name in names(GROUP)]


def check_names() -> tuple[str, ...]:
    """The names of the shipped checks, and of those that a user has installed."""
    return (*(check.name for check in CHECKS), *names(GROUP))


def loaded(name: str) -> Check[Any]:
    """The check behind an entry point; one that cannot be had is a check that says why."""
    try:
        check = load("check", GROUP, name)
    except LookupError as error:
        return _silent(name, str(error.args[0]))
    if not isinstance(check, Check):
        return _silent(name, f"check {name!r}: it is no zcbench.verdict.check.Check")
    if check.name != name or by_name(name) is not None:
        return _silent(name, f"check {name!r}: its entry point and its name must be the same, and new")
    return check


def ask(check: Check[Any], record: Record, totals: Totals) -> Finding:
    """Its finding. An exception, and an answer that is no finding, is an inconclusive one that names it."""
    try:
        finding = check.ask(record, dict(totals))
        if not isinstance(finding, Finding):
            return check.undecided(f"{check.name} answered with a {type(finding).__name__}, no Finding")
        # As it will be written and read again: what result.json cannot hold is found here.
        plain = msgspec.json.decode(msgspec.json.encode(finding), type=Finding)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and a Rust panic too
        return check.undecided(
            f"{check.name} raised {of_error(error)}",
            remedy=f"mend the check {check.name}, which is not zcbench's own",
        )
    return msgspec.structs.replace(plain, check=check.name)


def _silent(name: str, why: str) -> Check[Any]:
    check: Check[Any]

    def rule(_facts: Facts) -> Finding:
        return check.undecided(why, remedy="mend or uninstall it")

    check = Check(name, "It could not be loaded.", rules=(rule,))
    return check
