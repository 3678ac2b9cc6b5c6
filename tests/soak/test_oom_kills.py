"""An out-of-memory kill is recognised in control groups of both versions, also from inside a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcbench.soak.oom import OomKills


class Machine:
    """A /proc and the control groups it tells of, in a folder."""

    def __init__(self, folder: Path, kind: str, root: str = "/", option: str = "rw") -> None:
        self.proc, self._groups = folder / "proc", folder / "cgroup"
        mount = f"30 20 0:26 {root} {self._groups} rw,nosuid - {kind} {kind} {option}\n"
        other = f"29 20 0:25 / {folder} rw shared:1 - tmpfs tmpfs rw\n"
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "self" / "mountinfo").write_text(other + mount)

    def process(self, pid: str, line: str) -> None:
        (self.proc / pid).mkdir(exist_ok=True)
        (self.proc / pid / "cgroup").write_text(f"1:name=systemd:/\n{line}\n")

    def count(self, file: str, kills: int) -> None:
        path = self._groups / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"low 0\noom_kill_disable 0\nunder_oom 0\noom_kill {kills}\noom_group_kill 0\n")


@pytest.mark.parametrize(
    ("kind", "root", "option", "line", "file"),
    [
        ("cgroup2", "/", "rw", "0::/ci/job", "ci/job/memory.events"),
        ("cgroup2", "/docker/1", "rw", "0::/docker/1/job", "job/memory.events"),
        ("cgroup2", "/", "rw", "0::/../elsewhere", "../elsewhere/memory.events"),
        ("cgroup", "/", "rw,memory", "4:memory:/ci/job", "ci/job/memory.oom_control"),
        ("cgroup", "/docker/1", "rw,cpu,memory", "4:cpu,memory:/docker/1", "memory.oom_control"),
        ("cgroup", "/docker/1", "rw,memory", "4:memory:/kubepods/2", "memory.oom_control"),
    ],
)
def test_a_kill_raises_the_count(
    tmp_path: Path, kind: str, root: str, option: str, line: str, file: str
) -> None:
    # given a group that has had kills before
    machine = Machine(tmp_path, kind, root, option)
    machine.process("7", line)
    machine.count(file, 2)
    kills = OomKills(machine.proc)
    kills.follow(7)
    assert not kills.risen()
    # when there is another
    machine.count(file, 3)
    assert kills.risen()


def test_a_subject_that_moves_into_a_group_of_its_own_is_followed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "cgroup", option="rw,memory")
    machine.process("7", "4:memory:/job")
    machine.count("job/memory.oom_control", 0)
    machine.count("job/own/memory.oom_control", 5)
    kills = OomKills(machine.proc)
    kills.follow(7)
    machine.process("7", "4:memory:/job/own")
    kills.follow(7)
    assert not kills.risen()
    machine.count("job/own/memory.oom_control", 6)
    assert kills.risen()


def test_a_group_of_another_kind_or_a_process_that_is_gone_counts_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "cgroup", option="rw,cpu")
    machine.process("7", "4:memory:/job")
    machine.count("job/memory.oom_control", 0)
    kills = OomKills(machine.proc)
    kills.follow(7)
    kills.follow(8)
    machine.count("job/memory.oom_control", 1)
    assert not kills.risen()
