"""Quote the measured tables in docs/performance.md, each place those that the report it names begins with.

    rm -r docs/bench/targets && zcbench bench ... --out docs/bench/targets && python benchmarks/quote.py

puts into the document what was measured, and nothing else of it is touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
_QUOTED = re.compile(r"(<!-- from (\S+) -->\n).*?(<!-- end -->\n)", re.S)


def tables(report: str) -> str:
    """How and where it was measured, then of each table of ratios its first: an application of one thread that
    holds nothing, if that was measured."""
    _, about, *_ = report.split("\n\n")
    parts = [about]
    for title, body in re.findall(r"^## (Time for a packet.*?)\n\n(.*?)(?=^## )", report, re.M | re.S):
        parts += [f"**{title}**", body.split("\n\n")[0].strip()]
    return "\n\n".join(parts) + "\n"


def quoted(document: str, read: Callable[[str], str]) -> str:
    """``document`` with, between each two marks, the tables of the report that ``read`` gives for its name."""
    return _QUOTED.sub(lambda place: f"{place[1]}\n{tables(read(place[2]))}\n{place[3]}", document)


def main() -> None:
    """Rewrite the document."""
    path = DOCS / "performance.md"
    document = path.read_text(encoding="utf-8")
    path.write_text(quoted(document, lambda name: (DOCS / name).read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
