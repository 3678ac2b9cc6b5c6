"""JUnit XML: one test case a check, in the subset that GitHub, GitLab and Jenkins all read.

There is no standard. What is written here is what Ant's task began with and all of them share: ``testsuites``
> ``testsuite`` > ``testcase``, with counts, seconds as decimals and ISO 8601 times. The file is green exactly
when the exit code is 0:

- a check that failed is a ``failure``; one that only warns is a passed case that says so in its output;
- a death of the subject, a failure of the harness, an interruption is an ``error`` of ``life``;
- a required check without an answer is an ``error`` too: JUnit's word for a test that could not be carried out;
- a check that was not asked, or may stay without an answer, is ``skipped``, with the reason.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from zcbench.exit_codes import ExitCode
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result
from zcbench.render.paths import public
from zcbench.verdict.checks import LIFE

# Everything but the Char production of XML 1.0, section 2.2: no parser takes it, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Exit codes that the findings decide; with any other the run's end did.
_BY_VERDICT = (ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.REGRESSION)


def render(record: Record, result: Result, attachments: Sequence[str] = ()) -> str:
    """The JUnit file of one run.

    ``attachments`` are paths, as the CI job sees them, of what belongs to the run; Jenkins and GitLab link
    them.
    """
    cases = [_case(finding, record, result, attachments) for finding in result.asked]
    if result.exit_code and not any(_kind_of(case) in ("failure", "error") for case in cases):
        cases.append(_nothing_judged(record, result))
    _number_namesakes(cases)
    kinds = Counter(map(_kind_of, cases))
    counts = {
        "tests": str(len(cases)),
        "failures": str(kinds["failure"]),
        "errors": str(kinds["error"]),
    }
    seconds = _seconds(result.end.elapsed_s)
    root = ET.Element("testsuites", {"name": "zcbench", **counts, "time": seconds})
    about = {"name": _clean(record.run.scenario.name), **counts}
    about |= {"skipped": str(kinds["skipped"]), "time": seconds}
    if (started := _timestamp(record.run.started_at)) is not None:
        about["timestamp"] = started
    suite = ET.SubElement(root, "testsuite", about)
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(record, result).items():
        ET.SubElement(properties, "property", {"name": _clean(name), "value": _clean(value)})
    suite.extend(cases)
    if attachments:
        ET.SubElement(suite, "system-out").text = _attached(attachments)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(finding: Finding, record: Record, result: Result, attachments: Sequence[str]) -> ET.Element:
    # The run's time is that of `life`: the other checks only read the record.
    time = _seconds(result.end.elapsed_s if finding.check == LIFE.name else 0.0)
    case = ET.Element("testcase", {**_named(finding.check, record), "time": time})
    kind = _kind(finding, result)
    if kind is None:
        limit = f"\ndetection limit: {finding.detection_limit}" if finding.detection_limit else ""
        warned = "WARNING: " if finding.outcome == "fail" else ""
        text = _story(finding) if warned else f"{finding.sentence}{limit}"
        ET.SubElement(case, "system-out").text = _clean(warned + text)
        return case
    said = ET.SubElement(case, kind, {"message": _line(finding.sentence)})
    if kind != "skipped":
        said.set("type", _line(finding.cause or finding.outcome))
    said.text = _clean(_story(finding))
    if kind == "error" and finding.check == LIFE.name and result.end.traceback:
        said.text += _clean(f"\n\n{result.end.traceback}")
    if kind != "skipped" and attachments:
        ET.SubElement(case, "system-out").text = _attached(attachments)
    return case


def _kind(finding: Finding, result: Result) -> str | None:
    """ "failure", "error", "skipped", or None for a case that passed."""
    if finding.check == LIFE.name and result.exit_code not in _BY_VERDICT:
        return "error"
    if finding.outcome == "fail":
        return "failure" if finding.level == "fail" else None
    if finding.outcome == "inconclusive" and finding.required:
        return "error"
    return None if finding.outcome == "pass" else "skipped"


def _kind_of(case: ET.Element) -> str | None:
    return next((c.tag for c in case if c.tag in ("failure", "error", "skipped")), None)


def _nothing_judged(record: Record, result: Result) -> ET.Element:
    """Not one check had an answer: no case of theirs is red, and the run is no pass."""
    case = ET.Element("testcase", {**_named("verdict", record), "time": "0.000"})
    message = f"{result.verdict}: no check could be answered"
    error = ET.SubElement(case, "error", {"message": message, "type": result.verdict})
    error.text = message
    return case


def _named(check: str, record: Record) -> dict[str, str]:
    return {"name": _line(check), "classname": f"zcbench.{_line(record.run.scenario.name)}"}


def _number_namesakes(cases: Sequence[ET.Element]) -> None:
    """GitLab keeps the first of two cases of one name: the second may be the one that failed."""
    seen: Counter[str] = Counter()
    for case in cases:
        name = case.attrib["name"]
        seen[name] += 1
        if seen[name] > 1:
            case.set("name", f"{name} ({seen[name]})")


def _story(finding: Finding) -> str:
    """Sentence, evidence and remedy, a paragraph each."""
    evidence = "\n".join(f"{name} = {_value(value)}" for name, value in finding.evidence.items())
    remedy = f"remedy: {finding.remedy}" if finding.remedy else ""
    return "\n\n".join(part for part in (finding.sentence, evidence, remedy) if part)


def _value(value: int | float | str | None) -> str:
    return "not measured" if value is None else str(value)


def _properties(record: Record, result: Result) -> Mapping[str, str]:
    run = record.run
    known = {
        "run": run.id,
        "scenario": run.scenario.name,
        **({"engine": run.scenario.engine} if run.subject.kind == "engine" else {"subject": run.about}),
        "verdict": result.verdict,
        "exit_code": str(result.exit_code),
        "zcbench": run.environment.zcbench,
        "python": run.environment.python,
        "system": run.environment.system,
    }
    if run.environment.git_commit is not None:
        changed = " (with changes)" if run.environment.git_dirty else ""
        known["commit"] = run.environment.git_commit + changed
    return known | {f"tag.{key}": value for key, value in run.tags.items()}


def _attached(paths: Sequence[str]) -> str:
    # The notation of Jenkins' attachments plugin, which GitLab reads too.
    return _clean("\n".join(f"[[ATTACHMENT|{path}]]" for path in paths), folders=True)


def _seconds(value: float | None) -> str:
    """Never an exponent, which Jenkins' schema refuses."""
    return f"{value or 0.0:.3f}"


def _timestamp(text: str) -> str | None:
    try:
        started = datetime.fromisoformat(text)
    except ValueError:
        return None
    zone = started.tzinfo
    return started.astimezone(UTC).isoformat(timespec="seconds") if zone else None


def _line(text: str) -> str:
    return _clean(" ".join(text.split()))


def _clean(text: str, *, folders: bool = False) -> str:
    """``text`` with what XML cannot hold replaced, and the machine's folders left out."""
    return _NOT_XML.sub("\ufffd", text if folders else public(text))
