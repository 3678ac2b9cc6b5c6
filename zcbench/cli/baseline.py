"""``zcbench run --baseline``: what became better or worse since an earlier run, at the end of this one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result

COMPARISON_FILES = {"comparison.md": "markdown", "comparison.json": "json"}


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


def against(base: Record, record: Record, result: Result, quiet: bool) -> int:
    """Compare the run with ``base``, write the comparison into its directory; the exit code of the two.

    What the run itself came to goes before: a regression turns only a pass into 6.
    """
    from zcbench.analysis.comparison import compare, together
    from zcbench.render import comparison
    from zcbench.verdict import REGRESSION, judge

    compared = compare((base, judge(base)), (record, result))
    both = together([compared])
    for name, form in COMPARISON_FILES.items():
        try:
            (record.path / name).write_text(getattr(comparison, form)(both), encoding="utf-8")
        except OSError as error:  # the run is over and judged: its exit code must not be lost
            print(f"zcbench: {name} cannot be written ({error.strerror})", file=sys.stderr)
    if not quiet:
        for line in comparison.lines(compared):
            print(f"zcbench: {line}", file=sys.stderr)
        print(f"zcbench: see {record.path / next(iter(COMPARISON_FILES))}", file=sys.stderr)
    return REGRESSION if compared.verdict == "worse" and not result.exit_code else result.exit_code
