"""Tab in a shell: names of what there is, by click's own completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import Result

from tests.records import write_record
from zcbench.cli import COMMANDS, cli
from zcbench.cli.completion import SHELLS

Invoke = Callable[..., Result]


def offered(*words: str) -> list[str]:
    """What is offered for the last of ``words``, which are typed after "zcbench"."""
    shell = ShellComplete(cli, {}, "zcbench", "_ZCBENCH_COMPLETE")
    items = shell.get_completions(list(words[:-1]), words[-1])
    return [item.value for item in items if item.type == "plain"]


def test_behind_two_dashes_there_are_files_and_no_scenarios() -> None:
    shell = ShellComplete(cli, {}, "zcbench", "_ZCBENCH_COMPLETE")
    for words in (["run", "--"], ["run", "--", "sh"]):
        (item,) = shell.get_completions(words, "st")
        assert (item.type, item.value) == ("file", "st")


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (("re",), ("report",)),
        (("run", "stab"), ("stability-1h", "stability-5min")),
        (("sweep", "crash"), ("crash-debug",)),
        (("run", "--eng"), ("--engine",)),
        (("run", "--engine", ""), ("native", "reference", "copying")),
        (("run", "--consumer", "h"), ("hold",)),
        (("run", "--source", ""), ("tone", "file", "device")),
        (("run", "--pool-policy", "a"), ("adaptive",)),
        (("run", "--fault", "no-op"), ("no-op-return",)),
        (("run", "--stop", "SIGIN"), ("SIGINT",)),
        (("run", "--read", ""), ("jsonl",)),
        (("selftest", "con"), ("controls",)),
        (("run", "--expect", "pool.hit"), ("pool.hit_rate", "pool.hits")),
        (("run", "--expect", "p99(deliv"), ("p99(delivery",)),
        (("run", "--set", "pool.sl"), ("pool.slots=",)),
        (("sweep", "--vary", "consumer.h"), ("consumer.hold=",)),
        (("run", "--require", "life,mem"), ("life,memory",)),
        (("run", "--report", "md,ju"), ("md,junit",)),
        (("history", "--metric", "growth.nat"), ("growth.native_heap",)),
        (("history", "--scenario", "night"), ("nightly",)),
        (("ingest", "log.csv", "--map", "elapsed_s=t,rss"), ("elapsed_s=t,rss_bytes=",)),
        (("ingest", "log.csv", "--total", "pool.hi"), ("pool.hits=",)),
        (("help", "exit"), ("exit-codes",)),
    ],
    ids=" ".join,
)
def test_names_are_offered(words: tuple[str, ...], some: tuple[str, ...]) -> None:
    found = offered(*words)
    assert set(some) <= set(found)
    assert all(name.startswith(words[-1]) for name in found)


@pytest.mark.parametrize("words", [("report",), ("watch",), ("compare", "a"), ("run", "--baseline")])
def test_runs_are_offered_newest_first(here: Path, words: tuple[str, ...]) -> None:
    runs = [write_record(here / "reports" / "runs" / name) for name in ("one", "two")]
    found = offered(*words, "")
    assert set(found) >= {str(run.relative_to(here)) for run in runs}


def test_where_there_is_no_run_paths_are_completed(here: Path) -> None:
    shell = ShellComplete(cli, {}, "zcbench", "_ZCBENCH_COMPLETE")
    (item,) = shell.get_completions(["report"], "some")
    assert (item.value, item.type) == ("some", "dir")


def test_a_damaged_record_offers_nothing_and_says_nothing(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = write_record(here / "reports" / "runs" / "one")
    (run / "run.json").write_bytes(b"\xff{")
    offered("report", "")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_that_asks_this_program(invoke: Invoke, shell: str) -> None:
    done = invoke("completion", shell)
    assert done.exit_code == 0
    assert f"_ZCBENCH_COMPLETE={shell}_complete" in done.stdout


def test_the_program_answers_its_shell(here: Path) -> None:
    # given what the script of bash asks when Tab is typed behind "zcbench run gc"
    asked = {
        "_ZCBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": "zcbench run gc",
        "COMP_CWORD": "2",
    }
    # when this program is asked
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'zcbench'; from zcbench.cli import main; main()"],
        env=os.environ | asked, capture_output=True, text=True, check=False,
    )  # fmt: skip
    # then it answers with the scenario, and nothing else
    assert (done.stdout, done.stderr, done.returncode) == ("plain,gc-held\n", "", 0)


def test_every_command_is_offered_and_none_is_imported_for_it() -> None:
    script = (
        "import sys; from click.shell_completion import ShellComplete; from zcbench.cli import cli\n"
        "print(*(i.value for i in ShellComplete(cli, {}, 'zcbench', '_X').get_completions([], '')))\n"
        "sys.exit('zcbench.cli.run' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.returncode) == (list(COMMANDS), 0)
