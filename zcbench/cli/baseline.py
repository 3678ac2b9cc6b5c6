"""``zcbench run --baseline``: what became better or worse since an earlier run, at the end of this one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zcbench.analysis.comparison import Comparison
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result

_DATA_FILE = "comparison.json"
COMPARISON_FILES = {"comparison.md": "markdown", _DATA_FILE: "json"}
CHECK = "baseline"


def read_baseline(directory: Path, scenario: str) -> Record:
    """The run to compare with: ``directory`` itself, or the newest run of ``scenario`` below it that passed.

    Raises RecordError if there is none.
    """
    from zcbench.record.reader import read_record
    from zcbench.record.results import read_results
    from zcbench.record.schema import RUN_FILE
    from zcbench.record.writer import RecordError

    try:
        if not directory.is_dir() or (directory / RUN_FILE).exists():
            return read_record(directory)
        rows = read_results(directory, [], scenario).rows
        passed = [row.path for row in rows if row.verdict == "pass"]
        if passed:
            return read_record(passed[-1])
    except RecordError as error:
        raise RecordError(f"--baseline: {error}") from error
    raise RecordError(
        f"--baseline: {directory}: no run of scenario {scenario!r} passed there; name a run's own directory"
    )


def judged(record: Record, base: Record | None = None) -> Result:
    """The verdict over ``record``, with a finding about what became worse since ``base``.

    With ``base`` the two are compared, and what came of it is written into the run's directory; without,
    what was written there before is read. What the run itself came to goes before: a regression turns only a
    pass into a failure, and that into exit code 6. Raises RecordError for a comparison that cannot be read.
    """
    from zcbench.verdict import judge

    result = judge(record)
    compared = _written(record.path) if base is None else _against(base, record, result)
    return result if compared is None else _with(result, compared)


def _against(base: Record, record: Record, result: Result) -> Comparison:
    from zcbench.analysis.comparison import compare, together
    from zcbench.files import write_whole
    from zcbench.render import comparison
    from zcbench.verdict import judge

    compared = compare((base, judge(base)), (record, result))
    both = together([compared])
    for name, form in COMPARISON_FILES.items():
        try:
            write_whole(
                record.path / name, getattr(comparison, form)(both).encode(errors="replace")
            )
        except OSError as error:  # the run is over and judged: its exit code must not be lost
            print(f"zcbench: {name} cannot be written ({error.strerror})", file=sys.stderr)
    return compared


def _written(directory: Path) -> Comparison | None:
    """What an earlier end of the run in ``directory`` has written; None for a run without a baseline."""
    from zcbench.analysis.comparison import Comparisons
    from zcbench.files import read_regular
    from zcbench.record.decoding import DamagedError, decode
    from zcbench.record.writer import RecordError

    path = directory / _DATA_FILE
    try:
        found = decode(read_regular(path), Comparisons).comparisons
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}") from error
    except DamagedError as error:
        raise RecordError(f"{path}: damaged ({error}); move it away") from error
    if not found:
        raise RecordError(f"{path}: damaged (compares nothing); move it away")
    return found[0]


def _with(result: Result, compared: Comparison) -> Result:
    import msgspec

    from zcbench.record.schema import Finding
    from zcbench.render.comparison import MOST_NAMED, change, sentence
    from zcbench.verdict import PASS, REGRESSION

    worse = compared.verdict == "worse"
    explaining = [str(d) for d in compared.differences if d.explains][:MOST_NAMED]
    apart = f"; not all is comparable: {'; '.join(explaining)}" if explaining else ""
    finding = Finding(
        check=CHECK,
        outcome="fail" if worse else "skipped" if compared.verdict == "not comparable" else "pass",
        sentence=f"against {compared.base.name}: {sentence(compared)}{apart}",
        cause="regression" if worse else None,
        evidence={one.title: change(one) for one in compared.regressions[:MOST_NAMED]},
        remedy=f"see {next(iter(COMPARISON_FILES))} in the run's directory" if worse else None,
    )
    result = msgspec.structs.replace(result, findings=[*result.findings, finding])
    if worse and result.exit_code == PASS:
        return msgspec.structs.replace(result, verdict="fail", exit_code=REGRESSION)
    return result
