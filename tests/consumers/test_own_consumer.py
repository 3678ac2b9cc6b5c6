"""An application of a user's own: tested as ours are, and judged without its code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import program
from zcbench.consumers import kinds
from zcbench.consumers.consumer import Traits
from zcbench.consumers.registry import built_in, recorded_facts
from zcbench.record.reader import read_record
from zcbench.record.schema import RunInfo
from zcbench.scenario import FLAGS, ConsumerTable, load, to_toml

YOUR_CONSUMER = Path(__file__).parents[2] / "docs" / "your-consumer.md"
SHORT = ("run", "--duration", "1s", "--warmup", "0s")
BROKEN = """
from zcbench.consumers.consumer import Option, Traits

class App:
    traits = Traits(keeps_packets=False)
    def consume(self, packet, ledger): ledger.release(packet)
    def drain(self, ledger): pass

class Traitless(App):
    traits = None

class Argument(App):
    def __init__(self, what): pass

class Undrained:
    traits = Traits(keeps_packets=False)
    consume = App.consume

class Direct(App):
    def consume(self, packet, ledger): packet.release()

class Scoped(App):
    def consume(self, packet, ledger):
        with packet: packet.array.sum()

class Threads(App):
    def __init__(self):
        import queue, threading
        self.queue = queue.Queue()
        self.threads = [threading.Thread(target=self.work) for _ in range(4)]
        for thread in self.threads: thread.start()
    def work(self):
        while (packet := self.queue.get()) is not None: packet.release()
    def consume(self, packet, ledger): self.queue.put(packet)
    def drain(self, ledger):
        for _ in self.threads: self.queue.put(None)
        for thread in self.threads: thread.join()

class Drops(App):
    def consume(self, packet, ledger): pass

class Greedy(App):
    kept = []
    def consume(self, packet, ledger): self.kept.append(packet)

class Fails(App):
    def consume(self, packet, ledger): raise RuntimeError("the window is closed")

def function(packet): pass
"""


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run of the application in the documentation."""
    folder = tmp_path_factory.mktemp("documented")
    code, _ = re.findall(r"```python\n(.*?)```", YOUR_CONSUMER.read_text("utf-8"), re.DOTALL)
    (folder / "my_app.py").write_text(code, "utf-8")
    options = ("--set", "consumer.options.packets=7", "--set", "pool.slots=20")
    done = program(
        *SHORT, "--consumer", "my_app:Newest", *options, "--out", "run", cwd=folder,
        PYTHONPATH=str(folder),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "my_app.py").unlink()
    return folder / "run"


def test_the_documented_application_passes_and_keeps_what_its_option_says(documented: Path) -> None:
    record = read_record(documented)
    assert record.result is not None
    assert record.result.totals["pool.high_water"] in (7, 8, 9, 10, 11, 12)
    assert record.result.totals["pool.in_flight"] == 0
    assert record.run.application.keeps_packets
    assert record.run.application.does == "keeps the newest 7 packets"


def test_a_run_of_it_is_judged_without_its_code(documented: Path) -> None:
    done = program("report", documented, "--format", "json", cwd=documented)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "pass"


@pytest.mark.parametrize(
    ("consumer", "options", "told"),
    [
        ("Traitless", (), "it has no traits; write traits = Traits(keeps_packets=...)"),
        ("Argument", (), "its constructor must take no argument"),
        ("Undrained", (), "it has no method drain(ledger)"),
        ("function", (), "it is no class"),
        ("Nothing", (), "has no attribute 'Nothing'"),
        ("App", ("gain=3",), "no option of consumer 'broken:App'; it has none"),
    ],
)
def test_what_is_wrong_with_it_is_told_before_the_run(
    tmp_path: Path, consumer: str, options: tuple[str, ...], told: str
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN, "utf-8")
    settings = [word for option in options for word in ("--set", f"consumer.options.{option}")]
    done = program(
        *SHORT, "--consumer", f"broken:{consumer}", *settings, cwd=tmp_path,
        PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("consumer", "code", "causes"),
    [("Greedy", 1, {"pool.recycling": "leases_left"}), ("Fails", 5, {"life": "failed"})],
)
def test_an_application_that_misbehaves_does_not_pass(
    tmp_path: Path, consumer: str, code: int, causes: dict[str, str]
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN, "utf-8")
    done = program(
        *SHORT, "--consumer", f"broken:{consumer}", "--out", "run", cwd=tmp_path,
        PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    result = json.loads((tmp_path / "run" / "result.json").read_bytes())
    failed = {f["check"]: f["cause"] for f in result["findings"] if f["outcome"] == "fail"}
    assert (done.returncode, failed) == (code, causes)


@pytest.mark.parametrize("consumer", ["Direct", "Scoped", "Drops", "Threads"])
def test_however_it_releases_a_packet_its_bytes_are_compared_and_no_slot_seems_shared(
    tmp_path: Path, consumer: str
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN, "utf-8")
    # given a pool that goes round ten times
    done = program(
        *SHORT, "--consumer", f"broken:{consumer}", "--pool", "10", "--out", "run", cwd=tmp_path,
        PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = read_record(tmp_path / "run").result
    assert result is not None
    counted = [result.totals[f"consumer.{n}"] for n in ("received", "rechecked", "aliased")]
    assert counted == [100, 100, 0]


def test_options_stand_in_the_scenario_file_with_their_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "timed.py").write_text(
        "from zcbench.consumers.consumer import Option, Traits\n"
        "from zcbench.quantities.parsing import Duration\n"
        "from tests_base import App\n"
        "class Timed(App):\n"
        "    traits = Traits(keeps_packets=False, rhythm='rest',\n"
        "                    options=(Option('rest', Duration(0.1), 'a rest'), Option('n', 3, 'n')))\n"
        "    def __init__(self, rest, n): pass\n",
        "utf-8",
    )
    (tmp_path / "tests_base.py").write_text(BROKEN, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "own.toml"
    path.write_text('[consumer]\nkind = "timed:Timed"\n[consumer.options]\nrest = "20ms"\n', "utf-8")
    scenario = load(path)
    assert scenario.consumer.options == {"rest": "20ms"}
    path.write_text(to_toml(scenario), "utf-8")
    assert load(path) == scenario


def test_a_consumer_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given one more file in the folder of the consumers
    (tmp_path / "doubled.py").write_text(BROKEN.partition("class Traitless")[0], "utf-8")
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    built_in.cache_clear()
    try:
        # then it is there, after those that are
        assert list(built_in()) == [*kinds.ORDER, "doubled"]
        assert isinstance(built_in()["doubled"].traits, Traits)
    finally:
        monkeypatch.undo()
        built_in.cache_clear()


def test_every_option_of_a_built_in_consumer_is_a_key_and_a_flag() -> None:
    for kind, consumer in built_in().items():
        for option in consumer.traits.options:
            assert FLAGS[f"--{option.name}"] == f"consumer.{option.name}", kind
            assert getattr(ConsumerTable(), option.name) == option.default


def test_an_older_record_is_judged_by_its_consumer_s_name() -> None:
    assert recorded_facts("cycle", {}).needs_gc
    assert recorded_facts("burst", {"every": 0.5}).rhythm_s == 0.5
    assert recorded_facts("immediate", {}).releases_at_once
    # one that nobody knows may keep packets, and nothing is imported to find out
    assert not recorded_facts("os:system", {}).releases_at_once
    assert "consumer" not in {f.name for f in msgspec.structs.fields(RunInfo) if f.required}
