"""``zcbench run --baseline``: what became better or worse since an earlier run, at the end of this one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from zcbench.foreign import brief, one_line

if TYPE_CHECKING:
    from zcbench.comparing.comparison import Comparison
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result

_DATA_FILE = "comparison.json"
COMPARISON_FILES = {"comparison.md": "markdown", _DATA_FILE: "json"}
_LONGEST_NOTICE = 500  # characters


def read_baseline(directory: Path, scenario: str) -> Record | None:
    """The run to compare with: ``directory`` itself, or the newest run of ``scenario`` below it that passed.

    None, and a notice on stderr, where there is no such run yet: the first night of a job has none. Raises
    RecordError for what is no place of runs at all, or cannot be read.
    """
    from zcbench.record.writer import RecordError

    try:
        found = _found(directory, scenario)
    except OSError as error:
        raise RecordError(f"--baseline {directory}: {error.strerror}") from error
    except RecordError as error:
        raise RecordError(f"--baseline: {error}") from error
    if isinstance(found, str):
        _tell(f"--baseline {directory} {found}: no earlier run to compare with")
        return None
    return found


def _found(directory: Path, scenario: str) -> Record | str:
    """The run, or why there is none yet."""
    from zcbench.comparing.results import read_results
    from zcbench.record.reader import find_runs, read_record
    from zcbench.record.schema import RUN_FILE
    from zcbench.record.writer import RecordError

    if not directory.exists():
        return "is not there yet"
    if not directory.is_dir():
        raise RecordError(f"{directory}: is a file; name a run's directory, or one that holds runs")
    if (directory / RUN_FILE).exists():
        return _warned(read_record(directory), directory, scenario)
    if not any(directory.iterdir()):
        return "is empty"
    if not find_runs(directory):
        raise RecordError(
            f"{directory}: no run in it; name a run's directory, one that holds runs, or a new one"
        )
    rows = read_results(directory, []).rows
    alike = [row for row in rows if row.scenario == scenario]
    passed = [row.path for row in alike if row.verdict == "pass"]
    if passed:
        return read_record(passed[-1])
    if alike:
        return f"has no run of scenario {scenario!r} that passed"
    others = ", ".join(dict.fromkeys(repr(row.scenario) for row in rows))
    return f"has no run of scenario {scenario!r}, only of {others}"


def _warned(base: Record, directory: Path, scenario: str) -> Record:
    """``base``, with a warning if it is of another scenario than ``scenario``."""
    name = base.run.scenario.name
    if name != scenario:
        _tell(
            f"warning: --baseline {directory} is a run of scenario {name!r}, not of {scenario!r}: what differs "
            "between the two is not comparable"
        )
    return base


def _tell(text: str) -> None:
    print(f"zcbench: {brief(one_line(text), _LONGEST_NOTICE)}", file=sys.stderr)


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
    from zcbench.comparing.comparison import compare, together
    from zcbench.files import write_whole
    from zcbench.render import comparison
    from zcbench.verdict import judge
    from zcbench.verdict.checks import EXPLAINED

    compared = compare((base, judge(base)), (record, result), EXPLAINED)
    both = together([compared])
    for name, form in COMPARISON_FILES.items():
        try:
            write_whole(record.path / name, getattr(comparison, form)(both).encode(errors="replace"))
        except OSError as error:  # the run is over and judged: its exit code must not be lost
            print(f"zcbench: {name} cannot be written ({error.strerror})", file=sys.stderr)
    return compared


def _written(directory: Path) -> Comparison | None:
    """What an earlier end of the run in ``directory`` has written; None for a run without a baseline."""
    from zcbench.comparing.comparison import Comparisons
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
    from zcbench.render.comparison import MOST_NAMED, change, sentence
    from zcbench.verdict.regression import with_comparison

    explaining = [str(d) for d in compared.differences if d.explains][:MOST_NAMED]
    apart = f"; not all is comparable: {'; '.join(explaining)}" if explaining else ""
    return with_comparison(
        result,
        compared,
        sentence=f"against {compared.base.name}: {sentence(compared)}{apart}",
        changes={one.title: change(one) for one in compared.regressions[:MOST_NAMED]},
        remedy=f"see {next(iter(COMPARISON_FILES))} in the run's directory",
    )
