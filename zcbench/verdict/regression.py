"""What a comparison with an earlier run adds to a verdict."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from zcbench.comparing.comparison import Comparison
from zcbench.exit_codes import ExitCode
from zcbench.record.schema import Finding, Outcome, Result

CHECK = "baseline"
_OUTCOMES: Mapping[str, Outcome] = {"worse": "fail", "not comparable": "skipped"}


def with_comparison(
    result: Result,
    compared: Comparison,
    sentence: str,
    changes: Mapping[str, str],
    remedy: str,
) -> Result:
    """``result`` with a finding about ``compared``, which says ``sentence``; ``changes`` are its evidence.

    What the run itself came to goes before: a regression turns only a pass into a failure, and that into exit
    code 6.
    """
    outcome = _OUTCOMES.get(compared.verdict, "pass")
    worse = outcome == "fail"
    finding = Finding(
        check=CHECK,
        outcome=outcome,
        sentence=sentence,
        cause="regression" if worse else None,
        evidence=dict(changes),
        remedy=remedy if worse else None,
    )
    result = msgspec.structs.replace(result, findings=[*result.findings, finding])
    if worse and result.exit_code == ExitCode.PASS:
        return msgspec.structs.replace(result, verdict="fail", exit_code=ExitCode.REGRESSION)
    return result
