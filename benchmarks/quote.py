"""Quote the measured tables in docs/performance.md: those that docs/bench/bench.md begins with.

    rm -r docs/bench && zcbench bench --out docs/bench && python benchmarks/quote.py

puts into the document what was measured, and nothing else of it is touched.
"""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
_BEGIN, _END = "<!-- from bench/bench.md -->\n", "<!-- end -->\n"


def tables(report: str) -> str:
    """How and where it was measured, then of each table of ratios its first: an application of one thread that
    holds nothing, if that was measured."""
    _, about, *_ = report.split("\n\n")
    parts = [about]
    for title, body in re.findall(
        r"^## (Time for a packet.*?)\n\n(.*?)(?=^## )", report, re.M | re.S
    ):
        parts += [f"**{title}**", body.split("\n\n")[0].strip()]
    return "\n\n".join(parts) + "\n"


def quoted(document: str, report: str) -> str:
    """``document`` with the tables of ``report`` between its two marks."""
    before, rest = document.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}\n{tables(report)}\n{_END}{after}"


def main() -> None:
    """Rewrite the document."""
    path = DOCS / "performance.md"
    report = (DOCS / "bench" / "bench.md").read_text(encoding="utf-8")
    path.write_text(quoted(path.read_text(encoding="utf-8"), report), encoding="utf-8")


if __name__ == "__main__":
    main()
