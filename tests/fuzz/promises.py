"""What zcbench promises of anything it is given to read. Each function breaks something and asserts it.

Whatever is raised here and is not the one error that the promise names is a bug.
"""

from __future__ import annotations

import contextlib
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from click.testing import CliRunner

from tests.fuzz import damage
from zcbench.cli import cli
from zcbench.expectations import language as expectation
from zcbench.quantities import parsing, units
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.schema import (
    EVENTS_FILE,
    RESULT_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
)

_json_lines = partial(damage.lines_of, change=damage.json_of)
_csv_lines = partial(damage.lines_of, change=damage.cells_of)
WAYS: Mapping[str, tuple[Callable[[Random, bytes], bytes], ...]] = {
    RUN_FILE: (damage.json_of,),
    RESULT_FILE: (damage.json_of,),
    EVENTS_FILE: (_json_lines,),
    WORKER_EVENTS_FILE: (_json_lines,),
    SAMPLES_FILE: (_csv_lines, damage.column_of),
    SCOREBOARD_FILE: (damage.words_of,),
}


def damaged_record(random: Random, directory: Path) -> None:
    """Damage one to three files of the run in ``directory``."""
    for _ in range(random.randrange(1, 4)):
        name = random.choice(list(WAYS))
        if (directory / name).is_file():
            damage.file(random, directory / name, WAYS[name])


def record(random: Random, directory: Path, sound: Path) -> None:
    """Any damage to a record: it is refused by RecordError, or judged, and shown in every way."""
    from zcbench.record.reader import read_record
    from zcbench.record.writer import RecordError, result_json
    from zcbench.render import comparison, github, junit, markdown
    from zcbench.verdict import judge

    damaged_record(random, directory)
    try:
        found = read_record(directory)
    except RecordError as error:
        _one_line(str(error))
        return
    result = judge(found)
    _strict_json(result_json(result))
    markdown.render(found, result).encode()
    ET.fromstring(junit.render(found, result))
    for line in github.workflow_commands(found, result):
        assert "\n" not in line
    compared = _compared(directory, sound)
    for text in (comparison.markdown(compared), comparison.table(compared)):
        text.encode()
    _strict_json(comparison.json(compared))


def _compared(directory: Path, sound: Path) -> Any:
    from zcbench.comparing.comparison import compare, together
    from zcbench.record.reader import read_record
    from zcbench.verdict import judge
    from zcbench.verdict.checks import EXPLAINED

    one, other = ((read, judge(read)) for read in map(read_record, (directory, sound)))
    return together([compare(one, other, EXPLAINED), compare(other, one, EXPLAINED)])


def pictures(random: Random, directory: Path) -> None:
    """Of a damaged record that can be read every figure is drawn, and the page made. Seconds each."""
    from zcbench.record.reader import read_record
    from zcbench.record.writer import RecordError
    from zcbench.render import html
    from zcbench.verdict import judge

    damaged_record(random, directory)
    try:
        found = read_record(directory)
    except RecordError:
        return
    html.render(found, judge(found)).encode()


def watched(random: Random, directory: Path) -> None:
    """``zcbench watch --once`` of a damaged record: a picture, or one line and exit code 2."""
    damaged_record(random, directory)
    _command("watch", "--once", directory)


def history(random: Random, runs: Path) -> None:
    """``zcbench history`` over runs, one of which is damaged: it is left out and named, or counted."""
    for directory in sorted(path for path in runs.iterdir() if path.is_dir())[:1]:
        damaged_record(random, directory)
    _command("history", "--root", runs, "--metric", "engine.delivered", "--format", "json")


def scenario(random: Random, text: str, path: Path) -> None:
    """Any text as a scenario: ScenarioError, or one that is the same when it is printed and read."""
    from zcbench.scenario import ScenarioError, load, to_toml

    path.write_bytes(_toml(random, text))
    try:
        found = load(path)
    except ScenarioError as error:
        _one_line(str(error))
        return
    path.write_text(to_toml(found), encoding="utf-8")
    assert load(path) == found


def setting(random: Random) -> None:
    """Any text as the value of any key: ScenarioError, or a scenario."""
    from zcbench.scenario import FLAGS, ScenarioError, Setting, load

    keys = [
        *FLAGS.values(),
        "limits.rss",
        "memory.budget",
        "memory.limit",
        "gc.every",
        "tags.x",
        "name",
        "expect",
        "expect.0",
    ]
    given = [Setting(random.choice(keys), _text(random), "--set") for _ in range(random.randrange(1, 4))]
    try:
        load(flags=given)
    except ScenarioError as error:
        _one_line(str(error))


def _toml(random: Random, text: str) -> bytes:
    """A scenario's text with values, lines or bytes changed."""
    content = text.encode()
    for _ in range(random.randrange(1, 4)):
        way = random.choice((_toml_line, _toml_line, damage.bytes_of))
        content = damage.lines_of(random, content, way) if way is _toml_line else way(random, content)
    return content


def _toml_line(random: Random, line: bytes) -> bytes:
    key, equals, _ = line.partition(b" = ")
    value = damage.hostile(random)
    shown = json.dumps(value).encode() if random.randrange(4) else str(value).encode("utf-8", "replace")
    if not equals:
        return random.choice(
            (b"[", b"[[expect]]", b"[pool.slots]", b"a.b.c = 1", b'"' + b"x" * 3000 + b'" = 1')
        )
    return key + b" = " + shown.replace(b"null", b"nan").replace(b"Infinity", b"inf").replace(b"NaN", b"nan")


# What a person may write, in pieces that are put together at random.
_PIECES = (
    *("pool.hit_rate", "rss", "latency", "hold", "p99", "p99.9", "slope", "last", "first", "from", "to", "max"),
    *("<", "<=", ">", ">=", "==", "!=", "=", "(", ")", ",", ".", " ", "-", "+", "%", "/", "e", "_"),
    *("0", "1", "5", "30", "1.5", "1e3", "1e999", "1e-999", "9" * 400, "nan", "inf", "٣", "²", "½", "Ⅷ", "１"),
    *("s", "ms", "us", "µs", "m", "h", "d", "KiB", "MiB", "GB", "B", "k", "kHz", "Hz", "/s", "/h", "/d", "x"),
    *damage.TEXTS,
)  # fmt: skip


def _text(random: Random) -> str:
    return "".join(random.choice(_PIECES) for _ in range(random.randrange(1, 8)))


def quantity(random: Random) -> None:
    """Any text as a duration, size, rate, growth or speed: UnitError, or one above 0 that prints as itself."""
    text = _text(random)
    parsers: tuple[Callable[[str], float], ...] = (
        parsing.parse_duration,
        parsing.parse_size,
        parsing.parse_rate,
        parsing.parse_growth,
        parsing.parse_speed,
    )
    for parse in parsers:
        try:
            found = parse(text)
        except parsing.UnitError as error:
            _one_line(str(error))
            continue
        assert math.isfinite(found)
        assert found > 0
        assert parse(str(found)) == found
        for show in (
            units.format_bytes,
            units.format_duration,
            units.format_rate,
            units.format_count,
        ):
            show(found)


def expected(random: Random) -> None:
    """Any text as an expectation: ExpectationError, or one that says of every number whether it holds."""
    text = _text(random)
    if random.randrange(3):
        name = random.choice([*VOCABULARY.expectable, *VOCABULARY.aliases])
        statistic = random.choice(("", ".p99", ".max", ".slope", ".rate", ".delta", ".mean", ".last"))
        window = random.choice(("", ", last=5m", ", from=1s", ", to=0", ", first=1e9d"))
        text = f"{name}{statistic}{window} {random.choice(list(expectation.OPERATORS))} {_text(random)}"
    try:
        found = expectation.parse(text)
    except expectation.ExpectationError as error:
        _one_line(str(error))
        return
    assert math.isfinite(found.limit)
    assert expectation.longest_s(found) >= 0
    assert expectation.parse(found.text) == found
    found.shown(found.limit)
    for value in (0.0, found.limit, -1.0, 1e308):
        assert found.holds(value) in (True, False)


def table(random: Random, content: bytes, folder: Path) -> None:
    """``zcbench ingest`` of any file: a judged record, or one line, exit code 2 and nothing left behind."""
    way = random.choice((_csv_lines, damage.column_of, _json_lines, damage.bytes_of))
    file = folder / "table.csv"
    for _ in range(random.randrange(1, 3)):
        content = way(random, content)
    file.write_bytes(content)
    out = folder / "out"
    mapped = random.choice(("elapsed_s=time", "elapsed_s=time:unix", "elapsed_s=time:iso", _text(random)))
    totals = random.choice(("pool.hits=10", "pool.slots=4", f"pool.misses={_text(random)}", _text(random)))
    arguments: list[Any] = ["--map", mapped, "--total", totals, "--out", out]
    if random.randrange(4) == 0:
        arguments += [random.choice(("--rate", "--duration", "--slots", "--name")), _text(random)]
    with mock.patch("zcbench.render.figures.draw", return_value=[]):  # pictures() is about those
        code = _command("ingest", *arguments, "--", file)
    assert (code != 2) == out.exists(), "what was refused left something behind"


def log(random: Random, samples: Sequence[Path], folder: Path) -> None:
    """A damaged log of any tool, in one or two files: a reading of it that goes on in time, or RecordError."""
    from zcbench.importers.columns import columns_of
    from zcbench.importers.format import names
    from zcbench.importers.ingest import Foreign, Story, survey
    from zcbench.importers.series import only_one
    from zcbench.importers.table import open_table
    from zcbench.record.writer import RecordError

    sample = random.choice(samples)
    content = sample.read_bytes()
    for _ in range(random.randrange(1, 4)):
        content = random.choice((damage.bytes_of, _csv_lines, _json_lines))(random, content)
    (folder / "log").write_bytes(content)
    form = random.choice(names()) if random.randrange(4) == 0 else None
    try:
        table = only_one(open_table([folder / "log"] * random.randrange(1, 3), form))
        mapped = columns_of((), table, deltas=random.randrange(4) == 0)
        foreign = Foreign(table, mapped.columns, {}, Story("log", every_s=random.choice((None, 5.0))))
        seen = survey(foreign)
    except RecordError as error:
        _one_line(str(error))
        return
    assert math.isfinite(seen.last_s)
    before = 0.0
    for _, sample_row in foreign.reading().samples():
        elapsed = sample_row["elapsed_s"]
        assert elapsed is not None
        assert before <= elapsed
        before = elapsed


def page(random: Random, content: bytes, path: Path) -> None:
    """Any file as a page: PageError or OSError, or values that are numbers, and what is wrong in a few lines. A
    writer that opens it declares and counts, or says PageError."""
    from zcbench.page import PageError
    from zcbench.page.reader import PageReader
    from zcbench.page.writer import PageWriter

    for _ in range(random.randrange(1, 4)):
        content = random.choice((damage.words_of, damage.words_of, damage.entry_of, damage.bytes_of))(
            random, content
        )
    path.write_bytes(content)
    try:
        with PageReader(path) as reader:
            found = reader.read(settle=False)
            problems = reader.problems(found)
    except (PageError, OSError) as error:
        _one_line(str(error))
    else:
        assert len(problems) <= 8
        for problem in (*problems, *found.laws):
            _one_line(problem)
        assert all(value is None or -(2**62) <= value < 2**63 for value in found.values.values())
        for histogram in found.histograms.values():
            histogram.percentile(99)
            histogram.since(histogram)
    with contextlib.suppress(PageError):
        writer = PageWriter(memoryview(bytearray(content)))
        writer.total("fuzz.total", "things").add()
        writer.law("fuzz.total >= 0")


def audio(random: Random, content: bytes, path: Path) -> None:
    """Any file as a source: SourceError that names it, or frames of as many channels as it has."""
    from zcbench.capture.sources import MAX_FILE_CHANNELS, SourceError, from_file

    for _ in range(random.randrange(1, 3)):
        content = random.choice((damage.header_of, damage.bytes_of))(random, content)
    path.write_bytes(content)
    try:
        pcm = from_file(path, random.choice(("float32", "int32", "int16")))
    except SourceError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert str(path) in said
        return
    assert pcm.size
    assert pcm.ndim == 2
    assert pcm.shape[1] <= MAX_FILE_CHANNELS


def plan(random: Random, directory: Path) -> None:
    """A damaged plan of a sweep: SweepError or ScenarioError, or one whose every run lies in its directory."""
    from zcbench.record.writer import RecordError
    from zcbench.scenario import ScenarioError
    from zcbench.sweep.journal import SWEEP_FILE, is_done, read_plan, run_directory, scenario_of
    from zcbench.sweep.plan import SweepError

    damage.file(random, directory / SWEEP_FILE, (damage.json_of,))
    try:
        sweep = read_plan(directory)
        for run in sweep.runs:
            place = run_directory(directory, run.name)
            assert place.resolve().parent == (directory / "runs").resolve()
            scenario_of(directory, run.name)
            is_done(directory, run.name)
    except (SweepError, ScenarioError, RecordError) as error:
        _one_line(str(error))


def _command(*arguments: Any) -> int:
    """Run a command in this process: it ends with a code of the design, and says why when that is 2."""
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code in (0, 1, 2, 4, 5, 130, 143), done.output
    if done.exit_code == 2 and not done.stderr.startswith("Usage:"):
        assert done.stdout == ""
        assert done.stderr.startswith("zcbench: ")
        _one_line(done.stderr.rstrip("\n"))
    return int(done.exit_code)


def _one_line(message: str) -> None:
    """An error is one line that a terminal and a log survive."""
    assert message
    message.encode()


def _strict_json(text: str) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads(text, parse_constant=refuse)
