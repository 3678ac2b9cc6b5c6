"""A campaign's report in each of its formats, and as a directory with every run's own report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zcbench.record.schema import FIGURES_FOLDER, HTML_FILE, REPORT_FILE
from zcbench.render import campaign as content
from zcbench.render import html, markdown
from zcbench.render.campaign.runs import report_of
from zcbench.render.formats import write_reports
from zcbench.render.writing import (
    Format,
    FormatError,
    Table,
    check_free,
    write_all,
    write_figures,
    write_text,
)
from zcbench.verdict.readiness import Campaign, Judged, Readiness

JSON_FILE = "campaign.json"
RUNS_FOLDER = "runs"


@dataclass(frozen=True)
class Final:
    """The final report of a campaign: its title, its runs, and what follows from them."""

    title: str
    campaign: Campaign
    readiness: Readiness

    def markdown(self) -> str:
        """As Markdown, without figures."""
        return markdown.render_campaign(self.title, self.campaign, self.readiness)

    def html(self) -> str:
        """As one page."""
        return html.render_campaign(self.title, self.campaign, self.readiness)

    def json(self) -> str:
        """For programs: the answer, every item, every run's verdict, the steps."""
        said = {
            "schema": 1,
            "title": self.title,
            "ready": self.readiness.answer,
            "sentence": self.readiness.sentence,
            "items": [asdict(item) for item in self.readiness.items],
            "steps": self.readiness.steps,
            "runs": [_run(run) for run in self.campaign.runs],
            "before": [_run(run) for run in self.campaign.before],
        }
        return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def _run(run: Judged) -> dict[str, Any]:
    return {
        "name": run.name,
        "id": run.result.id,
        "scenario": run.record.run.scenario.name,
        "verdict": run.result.verdict,
        "exit_code": run.result.exit_code,
    }


def check_formats(formats: Sequence[str]) -> None:
    """Raises FormatError for one that a report of several runs does not have."""
    for name in formats:
        if name not in FORMATS:
            raise FormatError(f"--format {name}: for one run only; several runs make {', '.join(FORMATS)}")


def check_campaign(formats: Sequence[str], directory: Path) -> None:
    """Nothing would be lost by writing ``formats`` to ``directory``. Raises FormatError."""
    check_free(FORMATS, formats, directory, (FIGURES_FOLDER, RUNS_FOLDER))


def write_campaign(formats: Sequence[str], final: Final, directory: Path) -> list[Path]:
    """Write the report and, below ``runs/``, that of each run; return the former. Raises OSError."""
    own = [name for name in formats if name != "json"]
    for run in (*final.campaign.before, *final.campaign.runs) if own else ():
        write_reports(own, run.record, run.result, (directory / report_of(run)).parent)
    return write_all(FORMATS, formats, directory, final)


# -- the formats


def _write_markdown(final: Final, directory: Path) -> None:
    shown, _ = write_figures(content.draw(final.campaign), directory)
    told = (final.title, final.campaign, final.readiness)
    write_text(directory / REPORT_FILE, markdown.render_campaign(*told, shown, has_reports=True))


def _write_html(final: Final, directory: Path) -> None:
    told = (final.title, final.campaign, final.readiness)
    write_text(directory / HTML_FILE, html.render_campaign(*told, has_reports=True))


def _write_json(final: Final, directory: Path) -> None:
    write_text(directory / JSON_FILE, final.json())


FORMATS: Table[Final] = {
    "md": Format(REPORT_FILE, "Markdown", Final.markdown, _write_markdown),
    "html": Format(HTML_FILE, "one page", Final.html, _write_html),
    "json": Format(JSON_FILE, "for programs", Final.json, _write_json),
}
