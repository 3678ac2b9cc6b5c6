"""``zcbench run --baseline``: what became better or worse since an earlier run, at the end of this one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result

COMPARISON_FILES = {"comparison.md": "markdown", "comparison.json": "json"}


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
        text = getattr(comparison, form)(both)
        (record.path / name).write_text(text, encoding="utf-8")
    if not quiet:
        path = record.path / next(iter(COMPARISON_FILES))
        print(f"zcbench: against {base.path.name}: {comparison.sentence(compared)} See {path}",
              file=sys.stderr)  # fmt: skip
    return REGRESSION if compared.verdict == "worse" and not result.exit_code else result.exit_code


def read_baseline(directory: Path) -> Record:
    """The run to compare with. Raises RecordError if ``directory`` is none."""
    from zcbench.record.reader import read_record
    from zcbench.record.writer import RecordError

    try:
        return read_record(directory)
    except RecordError as error:
        raise RecordError(f"--baseline: {error}") from error
