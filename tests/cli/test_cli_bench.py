"""`zcbench bench` as a person types it. No time is asserted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.conftest import program
from zcbench.bench.peers import PEERS
from zcbench.bench.rounds import Rounds

Invoke = Callable[..., Result]


def test_a_quick_benchmark_writes_its_report_its_data_and_a_figure(tmp_path: Path) -> None:
    peers = ["memcpy", "zcbench", "queue"]
    done = program("bench", "--quick", "--peers", ",".join(peers), "--out", "found", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    files = [
        Path("found") / "bench.md",
        Path("found") / "bench.json",
        Path("found/figures/bench.svg"),
    ]
    assert done.stdout.split() == [str(file) for file in files]
    found = json.loads((tmp_path / files[1]).read_text())["results"]
    assert [peer["missing"] for peer in found["peers"]] == [None] * 3
    assert [(c["peer"], c["setting"]["size"]) for c in found["cells"]] == [
        (peer, size) for size in (3840, 65_536) for peer in peers
    ]
    assert all(one["wall_ns"] > 0 for c in found["cells"] for one in c["rounds"])
    assert "figures/bench.svg" in (tmp_path / files[0]).read_text(encoding="utf-8")


def test_what_is_wrong_is_one_line_and_exit_code_2(invoke: Invoke, here: Path) -> None:
    (here / "full").mkdir()
    (here / "full" / "file").touch()
    for wrong, said in (
        (("--peers", "nobody"), "--peers: no peer 'nobody'; there are memcpy, copyto, "),
        (("--sizes", "10"), "--sizes: 10: 10 B is not a multiple of 8"),
        (("--out", "full"), "--out full: exists and is not an empty directory"),
    ):
        done = invoke("bench", "--quick", *wrong)
        assert done.exit_code == 2
        (line,) = done.stderr.splitlines()
        assert said in line


def test_the_peers_are_listed(invoke: Invoke) -> None:
    done = invoke("bench", "--list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(PEERS)


def test_an_interrupted_benchmark_shows_the_rounds_it_has(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = Rounds._in_turn

    def interrupted(self: Rounds) -> object:
        if self.results.rounds == 1:
            raise KeyboardInterrupt
        return turn(self)

    monkeypatch.setattr(Rounds, "_in_turn", interrupted)
    done = invoke("bench", "--quick", "--peers", "memcpy", "--rounds", "9", "--format", "json")
    assert done.exit_code == 130
    assert json.loads(done.stdout)["results"]["rounds"] == 1
    assert "interrupted" in done.stderr
