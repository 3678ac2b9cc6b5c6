"""Every way in which a command can end is told apart. The runs are made side by side, once."""

from __future__ import annotations

import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.subjects.conftest import planned, recorded
from zcbench.record.reader import Record
from zcbench.record.schema import STDERR_FILE, Ending, EventKind, Phase
from zcbench.scenario import Setting, load
from zcbench.subjects.output import KEPT_OF_LOG, LARGEST_LOG
from zcbench.verdict import judge

if sys.platform != "linux":
    pytest.skip("shell programs and /proc", allow_module_level=True)

STUBBORN = f"{sys.executable} -c 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(97)'"
PUBLISHING = shlex.join(
    [
        sys.executable,
        "-c",
        """
import time, zcbench.page
page = zcbench.page.open()
step = page.total("pool.hits", "acquires").add
page.law("pool.hits >= 0")
page.state = zcbench.page.State.READY
{}
""",
    ]
)
PRINTING = shlex.join(
    [
        sys.executable,
        "-uc",
        """
import time
for n in range(10):
    print('at 9:15: {"pool": {"hits": %d}}' % n)
    time.sleep(0.05)
time.sleep(97)
""",
    ]
)
# name: the command, in words of a shell, and keys of its scenario.
COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "finished": ("sh -c 'sleep 0.3'", {}),
    "failed": ("sh -c 'sleep 0.3; echo no device; exit 3'", {}),
    "allowed": ("sh -c 'exit 3'", {"subject.exit_codes": "0 3"}),
    "crashed": ("sh -c 'sleep 0.3; kill -SEGV $$'", {}),
    "core": ("sh -c 'ulimit -c unlimited; kill -SEGV $$'", {}),
    "relayed": ("sh -c 'sh -c \"kill -ABRT \\$\\$\"; exit $?'", {}),
    "killed": ("sh -c 'kill -KILL $$'", {}),
    "mistyped": ("sh -c no-such-program", {}),
    "stopped": ("sleep 97", {}),
    "exit at stop": ("sh -c 'trap \"exit 7\" TERM; while :; do sleep 0.1; done'", {}),
    "crash at stop": ("sh -c 'trap \"kill -BUS \\$\\$\" TERM; while :; do sleep 0.1; done'", {}),
    "stubborn": (STUBBORN, {"subject.grace": "500ms"}),
    "suspended": ("sh -c 'kill -STOP $$; sleep 97'", {"subject.grace": "500ms", "duration": "3s"}),
    "reads": ("cat", {"subject.stop": "stdin"}),
    "unasked": ("sleep 97", {"subject.stop": "none"}),
    "daemon": ("sh -c '(setsid sleep 97 &) & exit 0'", {}),
    "workers": ("sh -c 'for n in 1 2 3; do sh -c \"kill -SEGV \\$\\$\"; done; sleep 97'", {}),
    "orphan": ("sh -c '(sh -c \"sleep 0.3; kill -ABRT \\$\\$\" &); exec sleep 97'", {"duration": "4s"}),
    "survived": (f"sh -c 'trap \"exit 0\" TERM; {STUBBORN.replace(chr(39), chr(34))} & wait'", {}),
    "silent": ("sh -c 'exec >&- 2>&-; sleep 97'", {}),
    "chatty": ("sh -c 'yes a long line of nothing 2>/dev/null | head -c 150M'", {"duration": "60s"}),
    "bomb": ("sh -c 'for n in $(seq 200); do sleep 97 & done; wait'",
             {"limits.processes": "60", "duration": "9s"}),
    "never ready": ("sleep 97", {"subject.ready": "listening", "subject.ready_limit": "500ms"}),
    "ready": ("sh -c 'sleep 0.4; printf list; sleep 0.1; echo ening; sleep 97'",
              {"subject.ready": "^listening$"}),
    "publishes": (PUBLISHING.format("while True: step()"), {"subject.ready": "page"}),
    "hung": (PUBLISHING.format("for _ in range(200): step(); time.sleep(0.02)\ntime.sleep(97)"),
             {"limits.hang": "500ms", "duration": "60s"}),
    "rests": (PUBLISHING.format("while True: step(); time.sleep(0.7)"),
              {"limits.hang": "500ms", "duration": "4s"}),
    "never publishes": ("sleep 97", {"subject.ready": "page", "subject.ready_limit": "500ms"}),
    "prints": (PRINTING, {"subject.read": "jsonl"}),
    "load": ("sleep 97", {"subject.load": "sh -c 'echo 9 requests; sleep 97'"}),
    "failed load": ("sleep 97", {"subject.load": "sh -c 'exit 9'"}),
    "early load": ("sleep 97", {"subject.load": "sleep 0.2"}),
    "no program": ("./garbage", {}),
    "unready": ("sh -c 'sleep 0.3; echo starting'", {"subject.ready": "listening"}),
    "unready and failed": ("sh -c 'echo no device; exit 3'", {"subject.ready": "listening"}),
    "ready at its end": ("sh -c 'echo listening'", {"subject.ready": "listening"}),
    "aborted": ("sh -c 'sleep 97 & sleep 96'", {"expect": "rss < 1 KiB", "duration": "30s"}),
}  # fmt: skip


# These have all the time that a busy machine may need to end them.
END_BY_THEMSELVES = {
    "finished", "failed", "allowed", "crashed", "core", "relayed", "killed", "mistyped",
    "unready", "unready and failed", "ready at its end",
}  # fmt: skip
AT_ONCE = 10  # more would wait for each other
records_folder: list[Path] = []


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """The record of each command, run side by side in this process."""
    folder = tmp_path_factory.mktemp("commands")

    def record(name: str) -> Record:
        directory, cwd = folder / name.replace(" ", "-"), folder / f"{name.replace(' ', '-')}-cwd"
        directory.mkdir()
        cwd.mkdir()
        (cwd / "garbage").write_bytes(b"\x7fELF and then nothing")
        (cwd / "garbage").chmod(0o755)
        words, keys = COMMANDS[name]
        flags = {"subject.command": words, "subject.cwd": str(cwd), "sampling.every": "200ms"}
        flags |= {
            "duration": "30s" if name in END_BY_THEMSELVES else "1s",
            "name": "test",
            "subject.env.MINE": str(folder),
            **keys,
        }
        expect = flags.pop("expect", None)
        plan = planned(flags)
        if expect is not None:
            from msgspec.structs import replace

            from zcbench.scenario import Expectation

            plan = replace(plan, expect=(Expectation(that=expect, abort=True),))
        return recorded(plan, directory)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        records = dict(zip(COMMANDS, pool.map(record, COMMANDS), strict=True))
    records_folder.append(folder)
    return records


def end(records: dict[str, Record], name: str) -> tuple[Ending, str]:
    found = records[name].end
    return found.ending, found.message or ""


@pytest.mark.parametrize(
    ("name", "ending", "says"),
    [
        ("finished", Ending.FINISHED, "ended by itself after"),
        ("failed", Ending.EXITED, "the command exited with code 3; it said: no device"),
        ("allowed", Ending.FINISHED, "with code 3"),
        ("crashed", Ending.CRASHED, "the command died of SIGSEGV"),
        ("core", Ending.CRASHED, "the command died of SIGSEGV, which left "),
        ("relayed", Ending.CRASHED, "the command died of SIGABRT (as code 134 says)"),
        ("killed", Ending.CRASHED, "the command died of SIGKILL (nobody here sent it"),
        ("mistyped", Ending.EXITED, "code 127 (as a shell says: there is no such program)"),
        ("stopped", Ending.FINISHED, "ended by SIGTERM, as it was asked to"),
        (
            "exit at stop",
            Ending.EXITED,
            "answered SIGTERM with exit code 7; if that is how it ends well: exit_codes = [0, 7]",
        ),
        ("crash at stop", Ending.CRASHED, "the command died of SIGBUS"),
        ("stubborn", Ending.HUNG, "did not end within 500 ms of SIGTERM; killed"),
        (
            "suspended",
            Ending.HUNG,
            "did not end within 500 ms of SIGTERM, as it was stopped (SIGSTOP, SIGTSTP or a debugger)",
        ),
        ("reads", Ending.FINISHED, "exited normally"),
        ("unasked", Ending.FINISHED, "killed when its time was over"),
        ("daemon", Ending.FINISHED, "ended by SIGTERM"),
        ("workers", Ending.FINISHED, "ended by SIGTERM"),
        ("orphan", Ending.FINISHED, "ended by SIGTERM"),
        ("survived", Ending.FINISHED, "exited normally"),
        ("silent", Ending.FINISHED, "ended by SIGTERM"),
        ("chatty", Ending.FINISHED, "ended by itself after"),
        ("bomb", Ending.EXITED, "processes, limits.processes is 60"),
        ("never ready", Ending.HUNG, "not ready after 500 ms: waited until its output matches 'listening'"),
        ("ready", Ending.FINISHED, "ended by SIGTERM"),
        ("publishes", Ending.FINISHED, "ended by SIGTERM"),
        ("hung", Ending.HUNG, "nothing moved on its page for "),
        ("rests", Ending.FINISHED, "ended by SIGTERM"),
        ("never publishes", Ending.HUNG, "not ready after 500 ms: waited until its page says that it is ready"),
        ("no program", Ending.FAILED, "could not be started"),
        (
            "unready",
            Ending.EXITED,
            "exited with code 0 before it was ready: waited until its output matches 'listening'",
        ),
        ("unready and failed", Ending.EXITED, "exited with code 3 before it was ready: waited until"),
        ("ready at its end", Ending.FINISHED, "ended by itself after"),
        ("aborted", Ending.ABORTED, "rss < 1 KiB is broken"),
    ],
)
def test_each_ending_of_a_command_is_told_apart(
    records: dict[str, Record], name: str, ending: Ending, says: str
) -> None:
    found, message = end(records, name)
    assert (found, says in message) == (ending, True), message


def test_nothing_that_came_from_a_command_outlives_its_run(records: dict[str, Record]) -> None:
    def mine(process: psutil.Process) -> bool:
        try:
            return process.environ().get("MINE") == str(records_folder[0])
        except psutil.Error:
            return False

    assert [p for p in psutil.process_iter() if mine(p)] == []
    assert not [p for p in psutil.Process().children() if p.status() == psutil.STATUS_ZOMBIE]


def events(record: Record, kind: str) -> list[str]:
    return [event.message for event in record.events if event.kind == kind]


def test_a_daemon_and_a_child_that_survives_are_told_of(records: dict[str, Record]) -> None:
    (goes_on,) = events(records["daemon"], "left_processes")
    assert goes_on.startswith("the command goes on in 1 process")
    assert records["daemon"].end.elapsed_s > 0.9  # it was watched on
    assert events(records["survived"], "left_processes")[0].startswith(
        "the command was survived by 1 process: py"
    )
    assert not events(records["stopped"], "left_processes")


def test_a_crash_that_its_parent_lives_on_after_fails_the_run(records: dict[str, Record]) -> None:
    def crashes(name: str) -> int:
        return sum(e.data["count"] for e in records[name].events if e.kind == EventKind.CHILD_CRASH)

    assert crashes("workers") == 3
    assert "a child of sh, died of SIGSEGV" in events(records["workers"], "child_crash")[0]
    assert (crashes("orphan"), crashes("crashed"), crashes("stopped")) == (1, 0, 0)
    for name in ("workers", "orphan"):
        (life,) = (one for one in judge(records[name]).findings if one.check == "life")
        assert (life.outcome, life.cause) == ("fail", "child_crashed")


def test_the_output_is_kept_bounded_and_counted(records: dict[str, Record]) -> None:
    chatty = records["chatty"]
    size = (chatty.path / STDERR_FILE).stat().st_size
    assert KEPT_OF_LOG <= size <= LARGEST_LOG
    assert max(chatty.samples["output_bytes"]) == 150 * 2**20
    assert b"bytes of output were cut out here" in (chatty.path / STDERR_FILE).read_bytes()
    assert (records["failed"].path / STDERR_FILE).read_text() == "no device\n"


def test_a_program_of_python_s_that_had_to_be_killed_leaves_its_stacks(records: dict[str, Record]) -> None:
    assert "Fatal Python error: Aborted" in (records["stubborn"].path / STDERR_FILE).read_text()


def test_a_core_dump_is_named(records: dict[str, Record]) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    named = "a core dump, given to" if pattern.startswith("|") else "core"
    assert named in (records["core"].end.message or "")


def test_the_time_of_a_command_begins_when_it_is_ready(records: dict[str, Record]) -> None:
    (message,) = events(records["ready"], "phase")
    assert message.startswith("ready after ")
    assert message.endswith("its output matches '^listening$'")
    (event,) = [event for event in records["ready"].events if event.kind == "phase"]
    assert (records["ready"].end.elapsed_s or 0) - event.elapsed_s > 0.8  # of 1 s, looked at every 0.1 s
    assert set(records["never ready"].samples["phase"]) == {Phase.STARTING}
    assert set(records["stopped"].samples["phase"]) == {Phase.RUNNING, Phase.DRAINING}
    assert records["publishes"].samples["phase"][-1] == Phase.DRAINING  # it never said that it was done


def test_a_load_generator_runs_beside_and_what_became_of_it_is_told(records: dict[str, Record]) -> None:
    def states(name: str) -> list[str]:
        return [event.data["state"] for event in records[name].events if event.kind == "load"]

    assert states("load") == ["runs", "stopped"]
    assert (records["load"].path / "load.log").read_text() == "9 requests\n"
    assert states("failed load") == ["runs", "failed"]
    assert states("early load") == ["runs", "ended"]
    assert "exit code 9" in events(records["failed load"], "load")[1]
    for name in ("load", "failed load", "early load"):
        assert end(records, name)[0] is Ending.FINISHED


def test_what_a_command_publishes_is_in_its_samples(records: dict[str, Record]) -> None:
    page, lines = records["publishes"], records["prints"]
    assert page.samples["pool.hits"][-1] > 0  # also after its death
    (laws,) = [event.data["laws"] for event in page.events if event.kind == "laws"]
    assert laws == ["pool.hits >= 0"]
    assert np.nanmax(lines.samples["pool.hits"]) == 9
    assert np.nanmax(records["stopped"].samples["malloc.metered"]) == 1


def test_the_whole_tree_is_counted(records: dict[str, Record]) -> None:
    # sh and its two children; of each 1 MB or so resident
    one, tree = records["stopped"].samples["rss_bytes"], records["aborted"].samples["rss_bytes"]
    assert max(tree) > 1.5 * max(one)


def test_words_of_a_command_reach_it_as_they_were_written() -> None:
    words = ["a b", "c'd", "$HOME", "{x}", ""]
    scenario = load(flags=[Setting("subject.command", shlex.join(words), "--")])
    assert scenario.subject.words == tuple(words)
    filled = load(
        flags=[
            Setting("subject.command", shlex.join(words), "--"),
            Setting("subject.args.x", "1{x}", "--set"),
        ]
    )
    assert filled.subject.words[3] == "1{x}"
    assert os.environ.get("MINE") is None


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("(env -i setsid sleep 98 &) & exit 0", "ended by SIGTERM, as it was asked to"),
        ("(setsid sh -c 'sleep 0.5; exit 5' &) & exit 0", "the command exited with code 5"),
        # what it leaves ends well, and later
        ("(setsid sh -c 'sleep 0.6 & sleep 0.3; exit 5' &) & exit 0", "the command exited with code 5"),
        # the same daemon, begun when the first process had ended
        (
            "(sleep 0.1; setsid sh -c 'sleep 0.6 & sleep 0.3; exit 5' &) & exit 0",
            "the command exited with code 5",
        ),
        (
            "(setsid sh -c 'sleep 0.6 & sleep 0.3; kill -SEGV $$' &) & exit 0",
            "the command died of SIGSEGV",
        ),
    ],
)
def test_a_daemon_is_found_without_its_environment_and_by_its_code(
    tmp_path: Path, command: str, message: str
) -> None:
    # alone: beside other commands nobody could tell whose it is
    its_sleep = f"98.{os.getpid()}"  # no other test process has one as long
    command = command.replace("98", its_sleep)
    # Only what has to be asked waits for it.
    duration = "1s" if "SIGTERM" in message else "30s"
    flags = {"subject.command": shlex.join(["sh", "-c", command]), "duration": duration}
    record = recorded(planned(flags), tmp_path)
    (goes_on,) = events(record, "left_processes")
    assert goes_on.startswith("the command goes on in ")
    assert record.end.message == message
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", its_sleep]]
