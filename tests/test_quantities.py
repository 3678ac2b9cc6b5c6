"""A number is added in one place, and a subject's own number goes as far as ours."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from tests.records import Row, make_record, scenario
from zcbench.analysis.totals import totals
from zcbench.cli import cli
from zcbench.comparing.comparison import compare
from zcbench.expectations.language import ExpectationError, parse
from zcbench.quantities import names
from zcbench.quantities.formula import Formula
from zcbench.quantities.known import KNOWN
from zcbench.quantities.law import LawError
from zcbench.quantities.quantity import Better, Kind, Memory, Origin, Quantity, Reckoning
from zcbench.quantities.registry import STANDARD, VOCABULARY, QuantityError, Registry
from zcbench.quantities.units import BYTES, BYTES_PER_S, NS, SHARE, unit_of
from zcbench.record.brought import Brought
from zcbench.record.follow import Follower
from zcbench.record.reader import Record, read_record
from zcbench.record.writer import RecordWriter, write_result
from zcbench.render.figures import draw
from zcbench.render.figures.layers import Curve
from zcbench.render.formats import FORMATS
from zcbench.render.openmetrics import Exporter
from zcbench.scenario import Expectation
from zcbench.soak.abort import Aborts
from zcbench.verdict import judge

DEPTH = Quantity(
    "jitter.depth", unit_of("packets"), Kind.GAUGE, Origin.SUBJECT, "packets in the jitter buffer", Better.LOWER
)
LATE = Quantity("jitter.late_ns", NS, Kind.TOTAL, Origin.SUBJECT, "time by which packets came too late")
EXPECTED = ("jitter.depth < 12", "jitter.late.rate < 1%")


def own(tmp_path: Path, name: str = "run", depth: int = 8, **more: object) -> Record:
    """A record whose subject brought two quantities."""

    def bend(index: int, row: Row) -> None:
        row["jitter.depth"] = depth + index % 3
        row["jitter.late_ns"] = index * 1_000_000

    plan = scenario(duration_s=60, expect=[Expectation(that=that) for that in EXPECTED])
    return make_record(tmp_path / name, plan, rows=60, bend=bend, brought=(DEPTH, LATE), **more)


def test_one_row_of_a_table_is_all_that_a_new_number_takes(tmp_path: Path) -> None:
    # given a program in which the table of measured numbers has one row more
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent("""
        import zcbench.quantities.measured as measured
        degrees = measured.row("case.heat", "degrees", measured.Origin.PROCESS, "how warm the case is")
        measured.MEASURED += (degrees,)

        import sys, io, contextlib
        from pathlib import Path
        sys.path.append(sys.argv[2])
        from tests.records import make_record
        from zcbench.cli import cli
        from zcbench.expectations.language import parse
        from zcbench.render.openmetrics import _family

        folder = Path(sys.argv[1])
        record = make_record(folder / "run", bend=lambda index, row: row.update({"case.heat": 40 + index}))
        print("samples", record.samples["case.heat"][:2].tolist())
        print("header", "case_heat" in (folder / "run" / "samples.csv").read_text().splitlines()[0])
        print("expectation", parse("case.heat.max < 90").quantity is degrees)
        print("published", _family(degrees, 41).name)
        report = ["report", str(folder / "run"), "--format", "json"]
        for command in (["metrics"], ["history", "--list"], report):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                cli(command, standalone_mode=False)
            print(command[0], "case.heat" in out.getvalue())
    """))  # fmt: skip
    command = [sys.executable, program, tmp_path, Path(__file__).parents[1]]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    # then columns, expectations, endpoints, lists and results have it
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "samples [40.0, 41.0]",
        "header True",
        "expectation True",
        "published zcbench_case_heat",
        "metrics True",
        "history True",
        "report True",
    ]


def test_a_subjects_own_number_is_sampled_expected_and_judged(tmp_path: Path) -> None:
    record = own(tmp_path)
    assert record.quantities["jitter.depth"] == DEPTH
    assert record.samples["jitter.depth"][:3].tolist() == [8, 9, 10]
    result = judge(record)
    assert result.totals["jitter.late_ns"] == 59_000_000
    found = {finding.check: finding for finding in result.findings}
    assert found["expect: jitter.depth < 12"].outcome == "pass"
    # 1 ms a second is a share of the time
    assert found["expect: jitter.late.rate < 1%"].outcome == "pass"
    assert found["expect: jitter.late.rate < 1%"].sentence.startswith("jitter.late_ns is 0.1 % ")


def test_an_expectation_of_a_number_that_this_record_lacks_is_undecided(tmp_path: Path) -> None:
    plan = scenario(expect=[Expectation(that="jitter.depth < 12"), Expectation(that="malloc.live < 1 GiB")])
    found = {f.check: f for f in judge(make_record(tmp_path / "run", plan)).findings}
    for that in ("jitter.depth < 12", "malloc.live < 1 GiB"):
        assert found[f"expect: {that}"].outcome == "inconclusive"
        assert found[f"expect: {that}"].required  # so that no run passes for want of a reading
    assert (
        found["expect: jitter.depth < 12"].sentence
        == "the subject brought no jitter.depth, so this cannot be told"
    )


@pytest.mark.parametrize(
    ("text", "statistic", "limit"),
    [
        ("jitter.depth < 12", None, 12.0),
        ("max(jitter.late) < 20ms", "max", 0.02),
        ("ring.fill <= 90%", None, 0.9),
        ("arena.used.slope < 1 MiB/h", "slope", 2**20 / 3600),
        ("ring.turns.rate > 100/s", "rate", 100.0),
    ],
)
def test_before_the_start_a_number_may_be_one_that_the_subject_will_bring(
    text: str, statistic: str | None, limit: float
) -> None:
    with pytest.raises(ExpectationError, match="no metric"):
        parse(text)
    found = parse(text, own=True)
    assert (found.statistic, found.limit) == (statistic, pytest.approx(limit))


@pytest.mark.parametrize("text", ["pool.hit == 0", "gap == 0", "engine.deliverd > 3", "jitter.depth < apples"])
def test_a_slip_of_the_pen_is_no_number_of_the_subjects_own(text: str) -> None:
    with pytest.raises(ExpectationError, match="no metric"):
        parse(text, own=True)


def test_a_number_brought_late_can_end_a_run_from_then_on() -> None:
    plan = scenario(expect=[Expectation(that="jitter.late < 20ms", abort=True)])
    aborts = Aborts(plan)
    assert aborts.broken({"jitter.late_ns": 30e6}, 5.0) is None  # nobody knows yet what it is
    aborts.know(STANDARD.joined([LATE]))
    assert aborts.broken({"jitter.late_ns": 10e6}, 6.0) is None
    assert aborts.broken({"jitter.late_ns": 30e6}, 7.0) == "jitter.late < 20ms is broken: 30 ms"


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_a_subjects_own_number_is_in_the_report(tmp_path: Path, form: str) -> None:
    record = own(tmp_path)
    text = FORMATS[form].text(record, judge(record))
    assert "jitter.depth" in text


def test_a_subjects_own_numbers_are_drawn(tmp_path: Path) -> None:
    record = own(tmp_path)
    (figure,) = (figure for figure in draw(record, judge(record)) if figure.name == "own")
    assert [panel.title for panel in figure.panels] == ["jitter.depth, packets", "jitter.late_ns, %"]
    # 1 ms of lateness a second is 0.1 % of the time
    (line,) = (layer for layer in figure.panels[1].layers if isinstance(layer, Curve))
    assert line.y[1:] == pytest.approx(0.1, rel=0.01)
    assert "jitter.depth" in figure.svg()
    assert not any(f.name == "own" for f in draw(make_record(tmp_path / "plain"), judge(record)))


def test_a_subjects_own_numbers_are_compared(tmp_path: Path) -> None:
    base, new = own(tmp_path, "base", depth=8), own(tmp_path, "new", depth=80)
    found = {one.figure: one for one in compare((base, judge(base)), (new, judge(new)), {}).compared}
    assert found["jitter.depth"].verdict == "worse"
    assert found["jitter.late_ns"].verdict is None  # told, not judged
    same = compare((base, judge(base)), (own(tmp_path, "same", depth=8), judge(base)), {})
    assert {one.figure: one.verdict for one in same.compared}["jitter.depth"] == "no evidence"


def test_a_subjects_own_number_has_a_history(tmp_path: Path) -> None:
    record = own(tmp_path)
    write_result(record.path, judge(record))
    shown = CliRunner().invoke(cli, ["history", "--root", str(tmp_path), "--metric", "jitter.depth", "--json"])
    (story,) = json.loads(shown.stdout)["scenarios"]
    assert story["runs"][0]["values"] == {"jitter.depth": 10.0}
    unknown = CliRunner().invoke(cli, ["history", "--root", str(tmp_path), "--metric", "jitter.dept"])
    assert unknown.exit_code == 2
    assert "jitter.depth" in unknown.output


def test_a_subjects_own_number_is_published(tmp_path: Path) -> None:
    record = own(tmp_path)
    with Exporter("0") as exporter:
        exporter.on_start(record.run)
        exporter.on_sample({"jitter.depth": 9, "jitter.late_ns": 5e8})
        samples = {s.name: s.value for family in exporter.collect() for s in family.samples}
    assert samples["zcbench_jitter_depth"] == 9
    assert samples["zcbench_jitter_late_seconds_total"] == 0.5


# -- brought while it runs


def test_numbers_brought_before_the_first_sample_leave_one_header(tmp_path: Path) -> None:
    record = make_record(tmp_path / "given", brought=(DEPTH,))
    (tmp_path / "run").mkdir()
    writer = RecordWriter(tmp_path / "run", record.run)
    writer.declare([DEPTH, LATE])
    writer.sample({"elapsed_s": 1.0, "jitter.depth": 3, "jitter.late_ns": 7})
    writer.close()
    lines = (tmp_path / "run" / "samples.csv").read_text().splitlines()
    assert [line.startswith("elapsed_s,") for line in lines] == [True, False]
    assert read_record(tmp_path / "run").samples["jitter.late_ns"].tolist() == [7]


def test_numbers_brought_between_two_samples_are_missing_before(tmp_path: Path) -> None:
    run = make_record(tmp_path / "given").run
    (tmp_path / "run").mkdir()
    writer = RecordWriter(tmp_path / "run", run)
    writer.sample({"elapsed_s": 1.0, "pool.hits": 5})
    follower = Follower(tmp_path / "run")
    assert [row["pool.hits"] for row in follower.rows()] == [5]
    writer.declare([DEPTH], elapsed_s=1.5)
    writer.sample({"elapsed_s": 2.0, "pool.hits": 6, "jitter.depth": 3})
    # then whoever follows the run, and whoever reads it, has both rows
    assert [(row["pool.hits"], row["jitter.depth"]) for row in follower.rows()] == [(6, 3)]
    writer.close()
    record = read_record(tmp_path / "run")
    assert record.samples["pool.hits"].tolist() == [5, 6]
    np.testing.assert_array_equal(record.samples["jitter.depth"], [np.nan, 3])


def test_a_record_cut_off_anywhere_opens(tmp_path: Path) -> None:
    record = own(tmp_path)
    file = record.path / "samples.csv"
    whole = file.read_bytes()
    for length in (0, 5, whole.index(b"\n"), whole.index(b"\n") + 30, len(whole) - 3):
        file.write_bytes(whole[:length])
        assert "jitter.depth" in read_record(record.path).samples


@pytest.mark.parametrize(
    "brought",
    [
        [{"name": "pool.hits", "unit": "bytes", "kind": "gauge"}],  # a standard one stays what it is
        [{"name": "pool_hits", "unit": "x"}],  # would be the same column
        [{"name": "x", "unit": "s", "kind": "histogram"}],
        [{"name": "x", "unit": "x", "reckoning": "exact", "resolution_bytes": -1}],
        [{"name": "malloc.live_bytes", "unit": "apples", "title": "<b>"}],
        [{"name": "x", "unit": "x"}] * 3,
    ],
)
def test_what_a_hostile_record_brings_changes_nothing_that_is_known(
    tmp_path: Path, brought: list[dict[str, object]]
) -> None:
    record = make_record(tmp_path / "run")
    file = record.path / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "quantities": brought}))
    read = read_record(record.path)
    assert read.quantities["pool.hits"] is STANDARD["pool.hits"]
    assert read.samples["pool.hits"].tolist() == record.samples["pool.hits"].tolist()
    assert judge(read).verdict
    if "malloc.live_bytes" in read.quantities:
        assert read.quantities["malloc.live_bytes"].unit == BYTES


# -- the registry


def test_no_two_numbers_share_a_name_or_a_column() -> None:
    with pytest.raises(QuantityError, match="twice"):
        Registry((DEPTH, DEPTH))
    with pytest.raises(QuantityError, match="one column"):
        Registry((DEPTH, replace(DEPTH, name="jitter_depth")))


def test_an_alias_means_one_thing_and_is_no_name() -> None:
    assert not VOCABULARY.aliases.keys() & VOCABULARY.keys()
    assert {VOCABULARY.named(word) for word in VOCABULARY.aliases} <= {*VOCABULARY.values()}
    assert VOCABULARY.named("heap") is VOCABULARY["native_heap_bytes"]
    assert VOCABULARY.named("heapUsed") is VOCABULARY["v8.heap_bytes"]


def _memory(numbers: Iterable[Quantity]) -> dict[str, Memory | None]:
    of_a_subject = (one for one in numbers if not one.name.startswith("machine."))
    return {one.name: one.memory for one in of_a_subject if one.unit == BYTES and one.kind is Kind.GAUGE}


def test_the_memory_that_some_subjects_have_has_a_trend() -> None:
    assert VOCABULARY["growth.v8.heap"].unit is BYTES_PER_S
    assert "growth.malloc.live" in VOCABULARY
    assert "growth.rss" in STANDARD
    assert not any(".." in name or "," in name for name in VOCABULARY)


def test_memory_says_how_it_is_counted() -> None:
    assert all(_memory(KNOWN).values())
    found = {name: VOCABULARY[name].memory for name in ("malloc.live_bytes", "jvm.heap_bytes", "pss_bytes")}
    assert [m.reckoning for m in found.values() if m] == [Reckoning.EXACT, Reckoning.MANAGED, Reckoning.PAGES]


def test_what_is_brought_reads_back_as_it_was() -> None:
    memory = Quantity("arena.live_bytes", BYTES, Kind.GAUGE, Origin.SUBJECT, "in the arena",
                      Better.LOWER, memory=Memory(Reckoning.EXACT, 64), label="arena")  # fmt: skip
    for one in (DEPTH, LATE, memory, *KNOWN):
        data = msgspec.json.encode(Brought.of(one))
        assert msgspec.json.decode(data, type=Brought).quantity() == one


def test_each_formula_is_of_numbers_that_are_sampled() -> None:
    for one in STANDARD.values():
        assert one.formula is None or all(STANDARD[name].is_sampled for name in one.formula.names)


def test_a_formula_of_readings_and_of_columns_is_the_same(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    formula = STANDARD["pool.hit_rate"].formula
    assert formula is not None
    assert formula.of(totals(record)) == formula.over(record.samples)[-1]
    assert formula.of({"pool.hits": 0, "pool.misses": 0}) is None
    assert formula.of({"pool.hits": 3}) is None


@pytest.mark.parametrize("text", ["", "a +", "a / ", "(a", "a b", "a == b", "1 / 2 / a", "a" * 600])
def test_a_formula_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LawError):
        Formula(text)


@pytest.mark.parametrize(
    ("unit", "value", "limit", "shown"),
    [
        (SHARE, 0.98999, 0.99, "98.999 %"),
        (SHARE, 0.5, 0.99, "50 %"),
        (SHARE, 0.99, 0.99, "99 %"),
        (BYTES, 2**30 + 1, 2**30, "1,073,741,825 B"),
        (NS, 20_000_001, 20_000_000, "0.020000001 s"),
        (unit_of("packets"), 3000.0001, 3000, "3,000.0001"),
    ],
)
def test_a_value_is_never_shown_as_the_limit_that_it_is_not(unit, value, limit, shown: str) -> None:
    assert unit.beside(value, limit) == shown


def test_the_names_that_code_uses_are_those_of_the_registry() -> None:
    constants = {name: value for name, value in vars(names).items() if name.isupper()}
    assert constants
    for name, value in constants.items():
        assert VOCABULARY[value].is_sampled
        assert name == value.upper().replace(".", "_")


def test_metrics_of_a_run_lists_what_its_subject_brought(tmp_path: Path) -> None:
    record = own(tmp_path)
    listed = json.loads(CliRunner().invoke(cli, ["metrics", str(record.path), "--json"]).stdout)
    (depth,) = (row for row in listed if row["name"] == "jitter.depth")
    assert (depth["unit"], depth["better"], depth["meaning"]) == ("packets", "lower", DEPTH.title)
    assert "jitter.depth" not in CliRunner().invoke(cli, ["metrics"]).stdout
    assert CliRunner().invoke(cli, ["metrics", str(tmp_path / "none")]).exit_code == 2
