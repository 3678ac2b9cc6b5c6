"""Checks of a user's own (entry-point group ``zcbench.checks``): whatever they raise, the run is judged."""

from __future__ import annotations

from typing import Any

import msgspec

from zcbench.analysis.totals import Totals
from zcbench.foreign import of_error
from zcbench.plugins import load, names
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result
from zcbench.typed import prepared
from zcbench.verdict.check import Check, Facts
from zcbench.verdict.checks import CHECKS, by_name
from zcbench.verdict.moments import Moment

GROUP = "zcbench.checks"


def findings(record: Record, totals: Totals) -> list[Finding]:
    """A finding for each installed check, in the order of their names."""
    return [ask(check, record, totals) for check in installed()]


def installed() -> list[Check[Any]]:
    """The checks that a user has installed, in the order of their names."""
    return [loaded(name) for name in names(GROUP)]


def find(name: str) -> Check[Any] | None:
    """The check called ``name``, shipped or installed; None if there is none."""
    shipped = by_name(name)
    return loaded(name) if shipped is None and name in names(GROUP) else shipped


def moment_of(check: Check[Any], record: Record, result: Result) -> Moment | None:
    """When it was that its finding speaks of; None for the whole run, and where its author's code raises."""
    if check.moment is None:
        return None
    if by_name(check.name) is check:
        return check.moment(record, result)
    try:
        found = check.moment(record, result)
    except KeyboardInterrupt:
        raise
    except BaseException:  # the finding is shown all the same, without a figure of its moment
        return None
    return found if isinstance(found, Moment) else None


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
        plain = msgspec.json.decode(msgspec.json.encode(finding), type=prepared(Finding))
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
