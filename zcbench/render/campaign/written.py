"""A campaign's report in each of its formats, and as a directory with every run's own report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zcbench.files import write_whole
from zcbench.record.schema import FIGURES_FOLDER, HTML_FILE, REPORT_FILE
from zcbench.render import campaign as content
from zcbench.render import html, markdown
from zcbench.render.campaign.runs import report_of
from zcbench.render.formats import FormatError, write_figures, write_reports
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


FORMATS: Mapping[str, tuple[str, Callable[[Final], str]]] = {
    "md": (REPORT_FILE, Final.markdown),
    "html": (HTML_FILE, Final.html),
    "json": (JSON_FILE, Final.json),
}


def check_formats(formats: Sequence[str]) -> None:
    """Raises FormatError for one that a report of several runs does not have."""
    for name in formats:
        if name not in FORMATS:
            raise FormatError(f"--format {name}: for one run only; several runs make {', '.join(FORMATS)}")


def campaign_paths(formats: Sequence[str], directory: Path) -> list[Path]:
    """Where :func:`write_campaign` writes the report of the campaign: a file for each format."""
    return [directory / FORMATS[name][0] for name in formats]


def check_free(formats: Sequence[str], directory: Path) -> None:
    """Nothing would be lost by writing ``formats`` to ``directory``. Raises FormatError."""
    beside = (directory / FIGURES_FOLDER, directory / RUNS_FOLDER)
    for path in (*campaign_paths(formats, directory), *beside):
        if path.exists():
            raise FormatError(f"--report-dir {directory}: holds a {path.name} already; name another directory")


def write_campaign(formats: Sequence[str], final: Final, directory: Path) -> list[Path]:
    """Write the report and, below ``runs/``, that of each run; return the former. Raises OSError."""
    own = [name for name in formats if name != "json"]
    for run in (*final.campaign.before, *final.campaign.runs) if own else ():
        write_reports(own, run.record, run.result, (directory / report_of(run)).parent)
    directory.mkdir(parents=True, exist_ok=True)
    for name, path in zip(formats, campaign_paths(formats, directory), strict=True):
        write_whole(path, _text(name, final, directory).encode(errors="replace"))
    return campaign_paths(formats, directory)


def _text(name: str, final: Final, directory: Path) -> str:
    """The report in a format, with its figures and the reports of its runs beside it."""
    told = (final.title, final.campaign, final.readiness)
    match name:
        case "md":
            shown, _ = write_figures(content.draw(final.campaign), directory)
            return markdown.render_campaign(*told, shown, has_reports=True)
        case "html":
            return html.render_campaign(*told, has_reports=True)
        case _:
            return final.json()
