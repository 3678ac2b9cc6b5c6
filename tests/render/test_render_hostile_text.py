"""Text of a record acts nowhere: not on a terminal, not in Markdown, HTML, JUnit, CSV, nor on GitHub."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from rich.console import Console

from tests.records import make_record, scenario
from zcbench.cli.output import shown_json
from zcbench.consumers.consumer import ConsumerFacts
from zcbench.foreign import plain
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Event, Result
from zcbench.render import github, html, junit, markdown
from zcbench.render.content.verdict import headline
from zcbench.render.live import LiveView
from zcbench.render.openmetrics import about
from zcbench.render.progress import ASCII
from zcbench.render.spreadsheet import harmless
from zcbench.render.summary import summary
from zcbench.scenario import ConsumerTable
from zcbench.verdict import judge

EVIL = "\x1b[2J\x1b]0;pwned\x07\x9b31m\u202eevil\u2066\u200b\ufeff\r\u2028##[error]x\n::error::pwned"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Result]:
    """A run that died, all of whose texts are hostile."""
    record = make_record(tmp_path_factory.mktemp("hostile") / "run", scenario(), rows=8)
    run = record.run
    machine = msgspec.structs.replace(
        run.environment, git_commit=EVIL, processor=EVIL, zcbench=EVIL, packages={EVIL: EVIL}
    )
    application = ConsumerTable(kind=EVIL, options={EVIL: EVIL})
    plan = msgspec.structs.replace(run.scenario, name=EVIL, description=EVIL, engine=EVIL, consumer=application)
    facts = ConsumerFacts(keeps_packets=True, does=EVIL, options=(EVIL,))
    run = msgspec.structs.replace(
        run,
        id=EVIL,
        environment=machine,
        scenario=plan,
        tags={EVIL: EVIL},
        command=[EVIL],
        consumer=facts,
    )
    end = msgspec.structs.replace(
        record.end, ending=Ending.CRASHED, signal=EVIL, message=EVIL, traceback=f"a\n\tb\n{EVIL}"
    )
    events = (*record.events, Event(elapsed_s=1.0, kind=EVIL, message=EVIL))
    record = replace(record, run=run, end=end, events=events, problems=(EVIL,))
    return record, judge(record)


def of_live(record: Record, _result: Result) -> str:
    view = LiveView()
    view.on_start(record.run)
    view.on_event(Event(elapsed_s=1.0, kind=EVIL, message=EVIL))
    terminal = Console(width=300, record=True, file=io.StringIO())
    terminal.print(view.picture())
    return terminal.export_text()


def of_summary(record: Record, result: Result) -> str:
    return "\n".join(line.plain for line in summary(record, result, [], 80, ASCII))


EDGES: dict[str, Callable[[Record, Result], str]] = {
    "markdown": markdown.render,
    "html": html.render,
    "junit": junit.render,
    "annotations": lambda record, result: "\n".join(github.workflow_commands(record, result)),
    "outputs": lambda _, result: github.outputs({"headline": headline(result)}),
    "summary": of_summary,
    "live": of_live,
    "metrics": lambda record, _: "".join(about(record.run).values()),
    "csv": lambda record, _: str(harmless(record.run.tags[EVIL])),
}


@pytest.mark.parametrize("edge", EDGES)
def test_nothing_of_a_record_acts_where_it_is_shown(hostile: tuple[Record, Result], edge: str) -> None:
    shown = EDGES[edge](*hostile)
    assert "evil" in shown
    # Vega's own script in the page holds such characters, none of them a terminal's.
    if edge != "html":
        assert plain(shown) == shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_an_output_that_a_step_echoes_is_no_workflow_command() -> None:
    written = github.outputs({"headline": f"::error::a\n{EVIL}", "more": "a ##[error]b"})
    assert not [line for line in written.splitlines() if line.strip().startswith("::")]
    assert "##[" not in written
    assert len(written.splitlines()) == 6


def test_a_traceback_keeps_its_lines(hostile: tuple[Record, Result]) -> None:
    assert "a\n\tb\n" in markdown.render(*hostile)


def test_json_on_a_terminal_is_the_same_json() -> None:
    text = msgspec.json.encode({"a": EVIL, "b": "größe 😀"}).decode()
    assert shown_json(text).isascii()
    assert msgspec.json.decode(shown_json(text)) == {"a": EVIL, "b": "größe 😀"}
