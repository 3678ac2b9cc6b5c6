"""What a scenario may get wrong of its subject: two of them at once, or keys that it does not read."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from zcbench.scenario.keys import ENGINE_KEYS, ENGINE_TABLES, FLAGS, FREE_TABLES
from zcbench.scenario.probes import named, probe_names
from zcbench.scenario.sheet import Sheet
from zcbench.scenario.tables import (
    AUTO_PROBES,
    STOP_BY_CLOSING,
    STOP_BY_NOTHING,
    Scenario,
    ScenarioError,
    SubjectKind,
    SubjectTable,
    filled,
)
from zcbench.scenario.values import did_you_mean, shown

MOST_CALLS_PER_S = 1e6
LONGEST_LIMIT_S = 86_400.0
READY_BY_PAGE = "page"
PF_KTHREAD = 0x00200000  # flag of a process: include/linux/sched.h
_OF_COMMAND = (
    *("cwd", "env", "args", "ready", "ready_limit", "stop", "grace", "exit_codes", "load"),
    *("read", "poison"),
)
# Which kinds of subject read a key of [subject].
_READ_BY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_OF_COMMAND, ("command",)),
    **dict.fromkeys(("rate", "setup", "teardown"), ("call",)),
    "env": ("command", "call"),
    "cwd": ("command", "call"),
    "probes": ("command", "attached"),
    **dict.fromkeys(("scrape", "map", "laws"), ("command", "attached", "call")),
}
_EXAMPLES = {"command": "-- ./my-engine --port 0", "call": "--call package.module:function"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXT_FILE = 512  # bytes of a file's beginning that tell a script from a program


def check_subject(scenario: Scenario, sheet: Sheet) -> None:
    """There is one subject, and each key that was given is read. Raises ScenarioError."""
    subject = scenario.subject
    named = [key for key in ("subject.command", "subject.pid", "subject.call") if key in sheet.values]
    if "subject.command" in named and not (subject.command and subject.command[0]):
        sheet.fail("subject.command", "names no program; write -- PROGRAM ARGUMENT...")
    if len(named) > 1:
        last = sheet.last_given(*named)
        others = " and ".join(key for key in named if key != last)
        sheet.fail(last, f"excludes {others}; a run has one subject")
    for key, value in sheet.values.items():
        # A variable of a whole CI job is not about this run.
        if value.origin.startswith("ZCBENCH_"):
            continue
        table, _, name = key.partition(".")
        # Collections are made in whatever has a runtime.
        if subject.kind != "engine" and value.origin != "default" and table != "gc":
            _refuse_engines(key, table, sheet)
        name = name.partition(".")[0]
        if table == "subject" and not reads(subject.kind, name):
            readers = _READ_BY[name]
            sheet.fail(key, f"has no effect {_of(subject)}; it goes with {_EXAMPLES[readers[0]]}")
    for rule in (_check_command, _check_ready, _check_stop, _check_published, _check_call):
        rule(subject, sheet)
    if subject.pid is not None and not 0 < subject.pid < 2**31:
        sheet.fail("subject.pid", f"{subject.pid} is no process id")
    if scenario.limits.processes < 1:
        sheet.fail("limits.processes", f"{scenario.limits.processes} is not above 0")


def _check_published(subject: SubjectTable, sheet: Sheet) -> None:
    there = probe_names()
    for probe in named(subject):
        if probe not in (*there, AUTO_PROBES):
            meant = did_you_mean(probe, there)
            every = f'there are {", ".join(there)}; or "{AUTO_PROBES}", or "none"'
            sheet.fail("subject.probes", f"no probe {shown(probe)}{meant}; {every}")
    for url in subject.endpoints:
        if not is_url(url) or (problem := _no_address(url)):
            problem = "is no URL" if not is_url(url) else problem
            sheet.fail("subject.scrape", f"{shown(url)} {problem}; write http://127.0.0.1:9100/metrics")
    if subject.map and not (subject.scrape or subject.read):
        sheet.fail("subject.map", "has no effect without --scrape URL or --read jsonl")


def _check_call(subject: SubjectTable, sheet: Sheet) -> None:
    for key in ("call", "setup", "teardown"):
        text = getattr(subject, key)
        if text is not None and not re.fullmatch(r"(?:[\w.]+|.+\.py):[\w.]+", text):
            sheet.fail(
                f"subject.{key}", f"{shown(text)} is not package.module:function, nor script.py:function"
            )
    if subject.rate is not None and not 0 < subject.rate <= MOST_CALLS_PER_S:
        sheet.fail("subject.rate", f"{subject.rate:g}/s is not above 0 and at most {MOST_CALLS_PER_S:,.0f}/s")


def reads(kind: SubjectKind, name: str) -> bool:
    """Whether a subject of ``kind`` reads the key ``name`` of [subject]."""
    return kind in _READ_BY.get(name, (kind,))


def _refuse_engines(key: str, table: str, sheet: Sheet) -> None:
    if key in ENGINE_KEYS or (table in ENGINE_TABLES and "." in key):
        sheet.fail(key, "is about an engine of zcbench's, which is not the subject here; leave it out")


def _of(subject: SubjectTable) -> str:
    names = {"attached": "on a process that runs already", "call": "on a callable", "command": "on a command"}
    return names.get(subject.kind, "without a command")


def _check_command(subject: SubjectTable, sheet: Sheet) -> None:
    for prefix in FREE_TABLES:
        for name, value in getattr(subject, prefix.split(".")[1]).items():
            if not _NAME.fullmatch(name):
                sheet.fail(prefix + name, f"{shown(name)} is not a name of letters, digits and '_'")
            if "\0" in value:
                sheet.fail(prefix + name, f"{shown(value)} has a NUL in it")
    texts = (*subject.command, *subject.load, subject.ready or "", *subject.scrape)
    for name in subject.args:
        if not any(f"{{{name}}}" in text for text in texts):
            sheet.fail(f"subject.args.{name}", f"the command has no {{{name}}} in it")
    if any("\0" in word for word in (*subject.command, *subject.load, subject.cwd or "")):
        sheet.fail("subject.command", "has a NUL in it")
    if "subject.load" in sheet.values and not subject.load:
        sheet.fail("subject.load", "names no program")


def _check_ready(subject: SubjectTable, sheet: Sheet) -> None:
    ready = subject.awaited
    if not 0 < subject.ready_limit <= LONGEST_LIMIT_S:
        sheet.fail("subject.ready_limit", f"{subject.ready_limit} is not above 0 and at most a day")
    if ready is None:
        return
    if is_url(ready):
        if problem := _no_address(ready):
            sheet.fail("subject.ready", f"{shown(ready)} {problem}; write http://127.0.0.1:8080/health")
    elif ready != READY_BY_PAGE:
        try:
            re.compile(ready)
        except re.error as error:
            problem = f"{shown(ready)} is no regular expression: {error}"
            sheet.fail("subject.ready", f'{problem}; or give a URL, or "{READY_BY_PAGE}"')


def is_url(text: str) -> bool:
    """Whether a text is meant as an address that is asked."""
    return text.startswith(("http://", "https://"))


def _no_address(url: str) -> str | None:
    """Why nobody can be asked at ``url``; None if somebody can."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:  # "Port out of range 0-65535", "Invalid IPv6 URL"
        return f"is no URL: {error}"
    if not host:
        return "names no host"
    if port == 0:
        return "names no port"
    return None if not re.search(r"[\s\x00-\x1f]", url) else "has a space in it"


def _check_stop(subject: SubjectTable, sheet: Sheet) -> None:
    stop = subject.stop
    names = [s.name for s in signal.Signals] + [STOP_BY_CLOSING, STOP_BY_NOTHING]
    if stop not in names:
        near = did_you_mean(stop if stop.islower() else f"SIG{stop.removeprefix('SIG')}", names)
        sheet.fail("subject.stop", f'{shown(stop)} is no signal{near}; write SIGINT, "stdin" or "none"')
    if subject.grace is not None and not 0 <= subject.grace <= LONGEST_LIMIT_S:
        sheet.fail("subject.grace", f"{subject.grace} is not 0 to a day")
    for code in subject.exit_codes:
        if not 0 <= code < 2**32:
            sheet.fail("subject.exit_codes", f"{code} is no exit code")


def check_subject_here(subject: SubjectTable) -> None:
    """Whether the subject is there: its command, its process. Raises ScenarioError."""
    if subject.command:
        _check_programs(subject)
    if subject.call is not None and not Path(subject.cwd or "").is_dir():
        raise ScenarioError(f"subject.cwd: {subject.cwd}: no such directory")
    if subject.pid is not None:
        _check_process(subject.pid)


def _check_process(pid: int) -> None:
    import psutil

    if pid == os.getpid() or pid in (parent.pid for parent in psutil.Process().parents()[:-1]):
        raise ScenarioError(f"subject.pid: {pid} is zcbench itself, or what started it; name another process")
    if not psutil.pid_exists(pid):
        raise ScenarioError(f"subject.pid: no process {pid}; `pgrep NAME` finds one")
    if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
        raise ScenarioError(f"subject.pid: {pid} has ended already; name one that runs")
    stat = Path(f"/proc/{pid}/stat")
    if sys.platform == "linux" and is_kernels(stat.read_text(errors="replace")):
        raise ScenarioError(
            f"subject.pid: {pid} is a thread of the kernel, with no memory of its own; name a program"
        )


def is_kernels(stat: str) -> bool:
    """Whether ``/proc/PID/stat`` (proc_pid_stat(5)) tells of no program but a thread of Linux's own."""
    return bool(int(stat.rpartition(")")[2].split()[6]) & PF_KTHREAD)


def _check_programs(subject: SubjectTable) -> None:
    cwd = Path(subject.cwd) if subject.cwd is not None else Path()
    if not cwd.is_dir():
        raise ScenarioError(f"subject.cwd: {cwd}: {'not a' if cwd.exists() else 'no such'} directory")
    path = subject.env.get("PATH", os.environ.get("PATH"))
    load = tuple(filled(word, subject.args) for word in subject.load)
    for key, words in (("subject.command", subject.words), ("subject.load", load)):
        if words:
            _check_program(key, words[0], cwd, path)


def _check_program(key: str, program: str, cwd: Path, path: str | None) -> None:
    in_folder = os.sep in program or (os.altsep or os.sep) in program
    file = cwd / program
    if not in_folder:
        found = shutil.which(program, path=path)
        if found is None:
            hint = f"; write ./{program} for the file here" if file.is_file() else ""
            raise ScenarioError(f"{key}: no program {shown(program)} in PATH{hint}")
        file = Path(found)
    if not file.exists():
        # A path is looked up where the program starts, which need not be where the user is.
        where = f" in {cwd} (subject.cwd)" if cwd != Path() and not Path(program).is_absolute() else ""
        raise ScenarioError(f"{key}: {program}: no such file{where}")
    if file.is_dir():
        raise ScenarioError(f"{key}: {program}: is a directory; name a program")
    if not os.access(file, os.X_OK):
        raise ScenarioError(
            f"{key}: {program}: may not be executed; chmod +x it, or name its interpreter before it"
        )
    if os.name == "posix" and _is_text(file):
        raise ScenarioError(
            f"{key}: {program}: a text without #! at its beginning, which no system can start; begin it with "
            f"#!/bin/sh, or name its interpreter: -- sh {program}"
        )
    if os.name == "posix" and (named := _interpreter(file)) is not None and not (cwd / named).exists():
        ending = " (its line ends as on Windows: dos2unix mends that)" if named.endswith("\r") else ""
        raise ScenarioError(
            f"{key}: {program}: its first line names {shown(named)}, which is not there{ending}; install that, "
            "or name another interpreter before it"
        )


def _interpreter(file: Path) -> str | None:
    """The program that a script names behind its #!; None of what names none, or cannot be read."""
    try:
        with file.open("rb") as opened:
            line = opened.read(_TEXT_FILE).partition(b"\n")[0]
    except OSError:
        return None
    # As the kernel splits it: a carriage return belongs to the name.
    name = line[2:].strip(b" \t").replace(b"\t", b" ").partition(b" ")[0]
    return os.fsdecode(name) if line.startswith(b"#!") and name else None


def _is_text(file: Path) -> bool:
    """Whether a file is text that names no interpreter. What cannot be read is left to the system."""
    try:
        with file.open("rb") as opened:
            head = opened.read(_TEXT_FILE)
    except OSError:
        return False
    return bool(head) and not head.startswith(b"#!") and b"\0" not in head and head[:4] != b"\x7fELF"


def rate_flag(flag_key: str, origin: str, is_call: bool) -> str:
    """The key that a setting is about: --rate is the callable's where one is called."""
    of_call = is_call and flag_key == FLAGS["--rate"] and origin in ("--rate", "ZCBENCH_RATE")
    return "subject.rate" if of_call else flag_key
