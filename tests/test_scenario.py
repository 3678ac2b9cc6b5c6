"""A scenario is resolved from file, environment and flags; what is wrong is named with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from zcbench.capture.engine import MAX_SLOTS
from zcbench.quantities.parsing import Duration, Size
from zcbench.scenario import (
    FLAGS,
    LimitsTable,
    PoolTable,
    ScenarioError,
    Setting,
    SourceTable,
    check_memory,
    environment_settings,
    load,
    parse_setting,
    parse_tag,
    probes,
    shipped,
    variable_of,
)

# The engine that needs nothing built, so that these tests are about scenarios alone.
ENGINE = 'engine = "reference"\n'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a scenario file and gives its path."""

    def write_it(text: str) -> Path:
        path = tmp_path / "x.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_it


def flag(name: str, text: str) -> Setting:
    return Setting(FLAGS[name], text, name)


# -- resolution


def test_a_flag_goes_before_the_environment_before_the_file_before_the_default(
    write: Write,
) -> None:
    # given the pool's size in none, one, two and three places
    bare, sized = write(ENGINE), None
    assert load(bare).pool.slots == PoolTable().slots
    sized = write(ENGINE + "[pool]\nslots = 11\n")
    environment = environment_settings({"ZCBENCH_POOL": "22"})
    # when each layer is laid over the one before / then the upper one is what counts
    assert load(sized).pool.slots == 11
    assert load(sized, environment=environment).pool.slots == 22
    assert load(sized, environment=environment, flags=[flag("--pool", "33")]).pool.slots == 33


def test_a_wrong_value_below_a_right_one_does_no_harm(write: Write) -> None:
    path = write(ENGINE + "[pool]\nslots = 0\n")
    assert load(path, flags=[flag("--pool", "5")]).pool.slots == 5


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("--duration", "1h30m", Duration(5400)),
        ("--warmup", "0", Duration(0)),
        ("--source", "noise", "noise"),
        ("--rate", "44.1k", 44_100),
        ("--frames", "512", 512),
        ("--channels", "6", 6),
        ("--dtype", "int16", "int16"),
        ("--speed", "60x", 60.0),
        ("--unpaced", "true", True),
        ("--pool", "1,000", 1000),
        ("--pool-policy", "drop", "drop"),
        ("--debug-pool", "yes", True),
        ("--sample-every", "250ms", Duration(0.25)),
    ],
)
def test_every_flag_is_also_a_variable(write: Write, name: str, text: str, value: object) -> None:
    path = write(ENGINE)
    from_flag = load(path, flags=[flag(name, text)])
    from_environment = load(path, environment=environment_settings({variable_of(name): text}))
    node: object = from_flag
    for part in FLAGS[name].split("."):
        node = getattr(node, part)
    assert node == value
    assert from_environment == from_flag


def test_set_reaches_every_key_and_tags(write: Write) -> None:
    resolved = load(
        write(ENGINE),
        environment=environment_settings({"ZCBENCH_SET": "limits.hang=1m memory.budget=1MiB/h"}),
        flags=[parse_setting("limits.rss=512 MiB"), parse_tag("branch=main")],
    )
    assert resolved.limits == LimitsTable(hang=Duration(60), rss=Size(512 * 2**20))
    assert resolved.memory.budget == 2**20 / 3600
    assert resolved.tags == {"branch": "main"}


def test_naming_a_file_or_a_device_says_the_source_is_one(write: Write) -> None:
    path = write(ENGINE)
    assert load(path, flags=[flag("--path", "a.wav")]).source.kind == "file"
    assert load(path, flags=[flag("--device", "3")]).source == SourceTable(kind="device", device=3)
    assert load(path, flags=[flag("--device", "pulse")]).source.device == "pulse"


def test_the_newest_word_on_the_pace_replaces_all_older_ones(write: Write) -> None:
    fast, unpaced = write(ENGINE + "source.speed = 60\n"), [flag("--unpaced", "true")]
    assert load(fast, flags=unpaced).source == SourceTable(unpaced=True)
    endless = write(ENGINE + "source.unpaced = true\n")
    assert load(endless, flags=[flag("--speed", "60")]).source == SourceTable(speed=60.0)


def test_unpaced_turns_tracemalloc_off(write: Write) -> None:
    path = write(ENGINE + "sampling.tracemalloc = true\n")
    assert load(path).sampling.tracemalloc
    assert not load(path, flags=[flag("--unpaced", "true")]).sampling.tracemalloc


def test_a_scenario_without_a_name_has_its_file_s(write: Write) -> None:
    assert load(write(ENGINE)).name == "x"
    assert load(write(ENGINE + "name = 'y'\n")).name == "y"


# -- what is shipped


def test_every_shipped_scenario_loads_by_its_name_and_says_what_it_is_for() -> None:
    names = [scenario.name for scenario in shipped()]
    assert {
        "crash-debug",
        "stability-5min",
        "stability-5min-pool100",
        "stability-1h",
        "nightly",
        "gc-held",
        "device-30s",
    } <= set(names)
    for scenario in shipped():
        resolved = load(scenario.name)
        assert resolved.name == scenario.name == scenario.path.stem
        assert resolved.description == scenario.description
        assert scenario.description


@pytest.mark.parametrize(
    ("name", "duration_s", "slots"),
    [
        ("crash-debug", 30, 10),
        ("stability-5min", 300, 10),
        ("stability-5min-pool100", 300, 100),
        ("stability-1h", 3600, 100),
        ("nightly", 28_800, 100),
    ],
)
def test_a_shipped_scenario_runs_as_long_as_its_name_says(name: str, duration_s: float, slots: int) -> None:
    resolved = load(name)
    assert (resolved.duration, resolved.pool.slots) == (duration_s, slots)


# -- what is wrong with a file


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[pool]\n\nslots = 0\n", 3, "pool.slots: 0 is not in 1..1,000,000"),
        ("pool.slots = 1000001\n", 1, "pool.slots: 1,000,001 is not in 1..1,000,000"),
        ("pool = { policy = 'grow', slots = 0 }\n", 1, "pool.slots: 0 is not in"),
        ("[pool]\nslots = 'many'\n", 2, "pool.slots: 'many' is not a whole number"),
        ("[pool]\nslots = 1.5\n", 2, "pool.slots: 1.5 is not a whole number"),
        ("[pool]\nslots = true\n", 2, "pool.slots: true is not a whole number"),
        ("[pool]\nslots = [\n1,\n]\n", 2, "pool.slots: [1] is not a whole number"),
        ("pool = 3\n", 1, "pool: 3 is not a table; write [pool]"),
        ("[pool]\nslotz = 1\n", 2, "pool.slotz: unknown key; did you mean 'pool.slots'?"),
        ("slots = 1\n", 1, "slots: unknown key; did you mean 'pool.slots'?"),
        ("[poool]\nslots = 1\n", 1, "did you mean 'pool'?"),
        ("[pool]\nzzz = 1\n", 2, "[pool] has slots, policy, min, max,"),
        ("duration = '5 parsecs'\n", 1, "duration: 5 parsecs: unknown unit 'parsecs'; use ms"),
        ("duration = '-1s'\n", 1, "duration: -1s: a duration cannot be negative"),
        ("duration = 0\n", 1, "duration: 0s is not above 0"),
        ("duration = inf\n", 1, "duration: "),
        ("duration = '400d'\n", 1, "duration: 400d is not above 0 and at most 366d"),
        ("duration = '1ms'\n", 1, "shorter than one packet (10 ms)"),
        (
            "warmup = '1m'\n",
            1,
            "the warm-up of 1m is not shorter than the 30s of the run; add --warmup 3s",
        ),
        ("limits.rss = 0\n", 1, "limits.rss: "),
        ("limits.rss = '1 furlong'\n", 1, "unknown unit 'furlong'"),
        ("sampling.every = '1us'\n", 1, "at least 10ms"),
        ("budget.files = -1\n", 1, "budget.files: -1 is not in 0.."),
        ("budget.disk = '-1 KiB'\n", 1, "budget.disk: "),
        ("budget.output = -1\n", 1, "budget.output: "),
        ("budget.cpu = 0\n", 1, "budget.cpu: 0 cores are not above 0"),
        ("budget.cpu = nan\n", 1, "budget.cpu: "),
        ("name = '../up'\n", 1, "name: '../up' is not a name"),
        ("tags.a = 3\n", 1, "tags.a: 3 is not text"),
        ("source.kind = 'tonne'\n", 1, "no source 'tonne' (did you mean 'tone'?); there are tone,"),
        ("consumer.kind = 'gold'\n", 1, "no consumer 'gold' (did you mean 'hold'?)"),
        ("pool.policy = 'shrink'\n", 1, "'shrink' is not known; use grow, drop, block"),
        ("source.dtype = 'float64'\n", 1, "use float32, int32, int16"),
        ("source.speed = 0\n", 1, "source.speed: 0 is not above 0"),
        ("source.speed = -1.0\n", 1, "source.speed: -1 is not above 0"),
        ("source.kind = 'file'\n", 1, "a file source needs source.path"),
        ("source = {path = 'a.wav', channels = 9}\n", 1, "source.channels: 9 is not in 1..8"),
        ("source.channels = 65\n", 1, "source.channels: 65 is not in 1..64"),
        ("source.frames = 100000000\n", 1, "at most 64.00 MiB"),
        ("source = {kind = 'device', speed = 2}\n", 1, "a device runs at real pace"),
        ("source = {kind = 'device', unpaced = true}\n", 1, "a device runs at real pace"),
        ("source = {speed = 2, unpaced = true}\n", 1, "give one of the two"),
        ("source.kind = 'device'\npool.policy = 'block'\n", 2, "would stall a device"),
        ("[pool]\npolicy = 'adaptive'\nmin = 200\n", 3, "200 is not in 1..100"),
        ("[pool]\npolicy = 'adaptive'\nmax = 99\n", 3, "99 is not in 100..1,000,000"),
        ("[pool]\npolicy = 'adaptive'\nmin = 0\n", 3, "0 is not in 1.."),
        ("[pool]\nshrink_after = '0s'\n", 2, "is not above 0"),
        ("[pool]\nlock = true\n", 2, "the reference engine has no such thing; use native"),
        ("[source]\npriority = 10\n", 2, "the reference engine has no such thing; use native"),
        ("[source]\npriority = 100\n", 2, "100 is not in 1..99"),
        ("consumer = {kind = 'burst', every = '1m'}\n", 1, "taken for a hang"),
    ],
)
def test_an_error_names_the_file_the_line_the_key_and_what_is_right(
    write: Write, text: str, line: int, says: str
) -> None:
    # given a file with the fault below the engine's line
    path = write(ENGINE + text)
    # when it is loaded
    with pytest.raises(ScenarioError) as error:
        load(path)
    # then the message starts with file and line, and says what would be right
    assert str(error.value).startswith(f"{path}:{line + 1}: ")
    assert says in str(error.value)


def test_a_key_is_found_where_it_is_set_and_not_where_text_only_looks_like_it(
    write: Write,
) -> None:
    text = 'description = """\n[pool]\nslots = 0\n"""\n# slots = 0\n[pool]\nslots = 0 # here\n'
    with pytest.raises(ScenarioError, match=r"x\.toml:8: pool\.slots"):
        load(write(ENGINE + text))


def test_an_unknown_engine_is_answered_with_those_there_are(write: Write) -> None:
    with pytest.raises(ScenarioError) as error:
        load(write("\nengine = 'referense'\n"))
    message = str(error.value)
    assert "x.toml:2: engine: " in message
    assert "reference" in message
    assert "copying" in message
    with pytest.raises(ScenarioError, match="engine"):
        load(write("engine = 'no.such.module:Engine'\n"))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"duration = 30s\n", ":1: not TOML"),
        (b"[pool\nslots = 1\n", ":1: not TOML"),
        (b"a = 1\na = 2\n", ":2: not TOML"),
        (b'name = "open', ":1: not TOML"),
        (b"\n\xff\xfe\x00", ":2: not TOML: not text in UTF-8"),
        (b"x = " + b"[" * 5000, "not TOML"),
        (b"x = " + b"9" * 5000, "not TOML"),
        (b"#" * (2**20 + 1), "larger than 1 MiB"),
    ],
)
def test_what_is_not_toml_is_said_with_its_line(tmp_path: Path, raw: bytes, says: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(raw)
    with pytest.raises(ScenarioError, match=re.escape(f"{path}") + ".*" + re.escape(says)):
        load(path)


def test_a_file_from_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (ENGINE + "[pool]\nslots = 7\n").replace("\n", "\r\n").encode())
    assert load(path).pool.slots == 7


def test_an_unknown_scenario_is_answered_with_the_nearest_and_all(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"did you mean 'crash-debug'\?.*nightly"):
        load("crash-debgu")
    with pytest.raises(ScenarioError, match="no such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(ScenarioError, match="a directory"):
        load(tmp_path)


# -- what is wrong with flags and variables


@pytest.mark.parametrize(
    ("environment", "flags", "says"),
    [
        ({}, [("--pool", "0")], "--pool: pool.slots: 0 is not in"),
        ({"ZCBENCH_POOL": "0"}, [], "ZCBENCH_POOL: pool.slots: 0 is not in"),
        ({"ZCBENCH_POOL": "few"}, [], "ZCBENCH_POOL: pool.slots: 'few' is not a whole number"),
        ({}, [("--duration", "0")], "--duration: duration: 0s is not above 0"),
        ({}, [("--duration", "-1s")], "--duration: duration: -1s: a duration cannot be negative"),
        ({}, [("--rate", "48q")], "--rate: source.rate: 48q: unknown unit 'q'"),
        ({}, [("--speed", "inf")], "--speed: source.speed: inf: not a speed"),
        ({"ZCBENCH_UNPACED": "perhaps"}, [], "ZCBENCH_UNPACED: source.unpaced: 'perhaps'"),
        ({}, [("--engine", "natvie")], "--engine: engine: no engine 'natvie'"),
        ({}, [("--hold", "1s")], "no effect with consumer 'immediate'; add --consumer hold"),
        ({}, [("--speed", "2"), ("--unpaced", "true")], "give one of the two"),
        ({}, [("--path", "a.wav"), ("--device", "1")], "name one source"),
        ({}, [("--source", "file")], "--source: source.kind: a file source needs source.path"),
        ({"ZCBENCH_SET": "pool"}, [], "ZCBENCH_SET: 'pool' is not key=value"),
        ({"ZCBENCH_SET": "'open"}, [], "ZCBENCH_SET: "),
        ({"ZCBENCH_SET": "pool.slot=1"}, [], "ZCBENCH_SET: pool.slot: unknown key"),
        ({"ZCBENCH_TAG": "=1"}, [], "ZCBENCH_TAG: '=1' is not key=value"),
    ],
)
def test_an_error_names_the_flag_or_variable_that_brought_the_value(
    write: Write, environment: dict[str, str], flags: list[tuple[str, str]], says: str
) -> None:
    path = write(ENGINE)
    with pytest.raises(ScenarioError, match=re.escape(says)):
        load(
            path,
            environment=environment_settings(environment),
            flags=[flag(name, text) for name, text in flags],
        )


def test_one_key_given_two_values_at_once_is_refused(write: Write) -> None:
    given_twice = [flag("--pool", "3"), parse_setting("pool.slots=4")]
    with pytest.raises(ScenarioError, match="given twice, '3' by --pool and '4' by --set"):
        load(write(ENGINE), flags=given_twice)


def test_a_pool_beyond_the_machine_s_memory_is_refused_with_the_size_that_fits(
    write: Write,
) -> None:
    # given packets of 8 MB, of which this machine can hold far fewer than the most slots there may be
    most = psutil.virtual_memory().total // 8_000_000
    assert most < MAX_SLOTS
    flags = [flag("--pool", str(MAX_SLOTS)), flag("--frames", "1000000")]
    # when as many as possible are asked for / then the error says how many fit
    with pytest.raises(ScenarioError, match=rf"--pool: pool\.slots: .*at most {most:,} slots"):
        load(write(ENGINE), flags=flags)
    with pytest.raises(ScenarioError, match="this machine has"):
        check_memory(MAX_SLOTS, 8_000_000)


def test_a_replay_too_slow_to_come_to_an_end_is_refused(write: Write) -> None:
    flags = [flag("--speed", "1e-7"), flag("--duration", "1m")]
    with pytest.raises(ScenarioError, match=r"--speed: source\.speed: 1e-07 makes 1m take longer"):
        load(write(ENGINE), flags=flags)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, probes.probe_names()),
        ("auto", probes.probe_names()),
        ("none", ()),
        ("malloc", ("malloc",)),
    ],
)
def test_probes_are_asked_for_by_name_all_or_none(given: str | None, wanted: tuple[str, ...]) -> None:
    flags = [flag("--pid", "1")] + ([] if given is None else [flag("--probe", given)])
    assert probes.wanted(load(None, flags=flags).subject) == set(wanted)


def test_a_probe_that_there_is_not_is_named_with_those_there_are() -> None:
    with pytest.raises(ScenarioError, match=r"no probe 'maloc' .*mean 'malloc'.*or .none"):
        load(None, flags=[flag("--pid", "1"), flag("--probe", "maloc,auto")])


def test_what_is_awaited_and_read_is_filled_in_as_the_command_is(write: Write) -> None:
    path = write(
        "[subject]\n"
        'command = ["true"]\n'
        'args = { port = "8080", path = "x" }\n'
        'ready = "http://127.0.0.1:{port}/health"\n'
        'scrape = ["http://127.0.0.1:{port}/{path}", "http://127.0.0.1/{other}"]\n'
    )
    subject = load(path).subject
    assert subject.awaited == "http://127.0.0.1:8080/health"
    assert subject.endpoints == ("http://127.0.0.1:8080/x", "http://127.0.0.1/{other}")
    lines = path.read_text().replace("{path}", "metrics")
    path.write_text(lines)
    with pytest.raises(ScenarioError, match=r"subject\.args\.path: the command has no \{path\} in it"):
        load(path)
