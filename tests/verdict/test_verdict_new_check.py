"""What it takes to add a check: one file, and a planted fault that only it calls by its name."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import program

CHECK = '''
"""Does the application keep packets that it has read?"""

from zcbench.analysis.totals import count
from zcbench.verdict import moments
from zcbench.verdict.check import Check

MOST = 4  # one in work, and what a busy machine lets pile up


def kept(facts):
    high = count(facts.totals, "pool.high_water")
    if high is not None and high > MOST:
        return CHECK.failed(f"{high} leases at once", {"high_water": high}, cause="kept", remedy="release")


def none(facts):
    return CHECK.passed("no more than it works on", detection_limit=f"{MOST + 1} leases at once")


CHECK = Check(
    "kept",
    "Does the application keep packets that it has read?",
    (kept, none),
    {"kept": "more leases are out than it works on"},
    meaning="the pool has to be larger than the work needs",
    figure="pool",
    moment=moments.shortage,
    item="Nothing is kept",
    reads=("pool.high_water",),
    needs=("pool",),
)
'''
FAULT = """
from zcbench.faults import Fault, FaultyConsumer


class Keeps(FaultyConsumer):
    kept = ()

    def _damage(self, packet):
        self.kept = (*self.kept, packet.array)[-8:]


FAULT = Fault("keeper", "keeps the last eight", "kept", "kept", consumer=Keeps, settings={"duration": "1s"})
"""
# The installed program is not written to: this makes the folder of its checks reach to another one.
REACH = """
import sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "zcbench.verdict.checks":
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(spec for spec in others if spec is not None)
        spec.submodule_search_locations.append({folder!r})
        return spec


sys.meta_path.insert(0, Finder())
"""


def test_a_new_check_is_one_file_and_calls_its_planted_fault_by_its_name(tmp_path: Path) -> None:
    # given one file more among the checks, and a fault
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "kept.py").write_text(CHECK, "utf-8")
    (tmp_path / "sitecustomize.py").write_text(REACH.format(folder=str(tmp_path / "checks")), "utf-8")
    (tmp_path / "keeper.py").write_text(FAULT, "utf-8")
    here = {"cwd": tmp_path, "PYTHONPATH": str(tmp_path)}
    # then it is listed behind the others
    listed = json.loads(program("checks", "--json", **here).stdout)
    assert (listed[-1]["name"], listed[-1]["reads"]) == ("kept", ["pool.high_water"])
    # and a run of the fault gets its cause from it
    done = program("selftest", "keeper:FAULT", **here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kept" in done.stdout
