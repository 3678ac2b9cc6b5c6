"""What is preloaded into Node changes no program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from zcbench.probes.runtimes import Setting
from zcbench.probes.v8 import make, preload

VISIBLE = str(Path(__file__).parent / "programs" / "node" / "visible.js")
LIMIT_S = 100

# Each as it is called, and whether it prints what a program can see.
CALLS = {
    **{how: [VISIBLE, how] for how in ("ends", "code", "exits", "throws", "rejects", "works", "closes")},
    "with gc": ["--expose-gc", VISIBLE, "ends"],
    "limited": ["--max-old-space-size=24", VISIBLE, "works"],
    "module": ["--input-type=module", "-e", "import fs from 'node:fs'; console.log(typeof fs)"],
    "test": ["--test", "--test-reporter=tap"],
    "syntax error": ["-e", "let let"],
    "fake clock": [
        "-e",
        "for (const name of ['setTimeout', 'clearTimeout']) globalThis[name] = () => { throw name };"
        "process.hrtime = process.memoryUsage = () => { throw 1 };"
        "for (const name of Object.keys(fs)) fs[name] = () => { throw name };"
        "for (const until = performance.now() + 300; performance.now() < until;);",
    ],
}  # fmt: skip


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    probe = make(Setting(tmp_path / "probes" / "v8", gc_every_s=0.1, sample_every_s=0.2, launched=True))
    return os.environ | {"OWN_FILE": str(tmp_path / "own"), **probe.environment(os.environ)}


def test_nothing_that_a_program_prints_and_no_way_that_it_ends_is_changed(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    work = tmp_path / "work"  # a program that walks its working directory meets no file of ours
    work.mkdir()
    (work / "own.test.js").write_text("require('node:test').test('its own', () => {});")
    plain = os.environ | {"OWN_FILE": str(tmp_path / "other")}
    started = {
        (call, which): subprocess.Popen(
            ["node", *arguments],
            env=variables,
            cwd=work,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for call, arguments in CALLS.items()
        for which, variables in (("with", environment), ("without", plain))
    }
    ended = {}
    for key, popen in started.items():
        output = popen.communicate(timeout=LIMIT_S)
        ended[key] = (popen.returncode, *("".join(_steady(text)) for text in output))
    for call in CALLS:
        assert ended[call, "with"] == ended[call, "without"], call
    assert ended["works", "with"][1].endswith("worked\nworker 0\n")
    assert ended["closes", "with"][1].endswith("\n0\n")
    # and each of them had an agent; where a program closed its file it has said so
    pages = tmp_path / "probes" / "v8"
    assert len(list(pages.glob("*.page"))) > len(CALLS)


def _steady(text: str) -> list[str]:
    """Without what differs from run to run: how long a test took."""
    return [line for line in text.splitlines(keepends=True) if "duration_ms" not in line]


def test_a_process_that_is_left_alone_ends_when_its_program_does(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    # A timer of 50 ms is its last: an agent that kept it alive would never let it end.
    code = "setTimeout(() => console.log('last'), 50)"
    done = subprocess.run(
        ["node", "-e", code], env=environment, timeout=LIMIT_S, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "last\n", "")


def test_node_options_are_extended_and_any_path_is_one_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / 'a "folder" with \\ and spaces'
    folder.mkdir()
    shutil.copy(preload.AGENT, folder)
    monkeypatch.setattr(preload, "AGENT", folder / "agent.js")
    probe = make(Setting(tmp_path / "pages of it", None, 1.0, launched=True))
    given = os.environ | {"NODE_OPTIONS": "--max-old-space-size=77 --title=theirs"}
    variables = dict(probe.environment(given))
    assert variables["NODE_OPTIONS"].endswith(given["NODE_OPTIONS"])
    done = subprocess.run(
        ["node", "-p", "process.title + v8.getHeapStatistics().heap_size_limit / 2 ** 20"],
        env=given | variables,
        timeout=LIMIT_S,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("theirs"), done.stderr
    assert 77 <= float(done.stdout.removeprefix("theirs")) < 200
    assert len(list((tmp_path / "pages of it").glob("*.page"))) == 2  # the template, and its own


def test_where_a_preloaded_file_would_stop_the_program_none_is_preloaded(tmp_path: Path) -> None:
    probe = make(Setting(tmp_path / "v8", None, 1.0, launched=True))
    assert not probe.environment({"NODE_OPTIONS": "--permission --allow-fs-read=/app"})
    assert any("permission" in notice.message for notice in probe.notices())


def test_a_program_that_outlives_its_run_goes_on_without_an_agent(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    folder = tmp_path / "probes" / "v8"
    count = (
        "function pages() { return fs.readdirSync('/proc/self/fd').filter((file) => {"
        "  try { return /[.]page/.test(fs.readlinkSync('/proc/self/fd/' + file)); } catch { return false; }"
        "}).length }"
    )
    # it ends once it has no page open any more
    code = f"{count}; console.log(pages()); setInterval(() => pages() || process.exit(), 20)"
    popen = subprocess.Popen(["node", "-e", code], env=environment, stdout=subprocess.PIPE, text=True)
    assert popen.stdout is not None
    with popen.stdout:
        assert popen.stdout.readline() == "1\n"
        shutil.rmtree(folder)
        assert popen.wait(LIMIT_S) == 0
    # and one that starts after the run has none
    done = subprocess.run(["node", "-p", "7"], env=environment, timeout=LIMIT_S, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_another_user_can_read_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    shutil.copy(preload.AGENT, hidden)
    monkeypatch.setattr(preload, "AGENT", hidden / "agent.js")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    agent = preload.ReadableAgent()
    path = agent.path()
    assert path != hidden / "agent.js"
    assert [part.stat().st_mode & 0o005 for part in (path.parent, path)] == [0o005, 0o004]
    agent.remove()
    assert not path.exists()


def test_the_setting_is_what_the_agent_is_told(tmp_path: Path, environment: Mapping[str, str]) -> None:
    told = json.loads((tmp_path / "probes" / "v8" / "setting.json").read_text())
    assert told == {"gc_every_s": 0.1, "sample_every_s": 0.2}
