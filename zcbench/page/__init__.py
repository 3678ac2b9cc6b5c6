"""The shared page of counters, gauges and histograms that a subject publishes on.

A program in Python publishes like this; outside a run the same code counts in private memory:

    >>> import zcbench.page
    >>> page = zcbench.page.open()                    # the page that ZCBENCH_PAGE names
    >>> captured = page.total("engine.captured", "packets")
    >>> in_flight = page.gauge("pool.in_flight", "leases")
    >>> returns = page.total("pool.returns", "returns")
    >>> hold = page.histogram("hold_ns", "ns")
    >>> page.law("engine.captured == pool.returns + pool.in_flight")
    >>> page.state = zcbench.page.State.READY         # the warm-up begins here
    >>> for _ in range(3):
    ...     captured.add()
    ...     in_flight.add()
    >>> returns.add(), in_flight.add(-1), hold.record(1_200)
    (None, None, None)
    >>> captured.get(), in_flight.get(), returns.get()
    (3, 2, 1)

Other languages: ``include/zcpage.h`` for C and C++ (``zcbench include`` prints its folder). docs/page.md has
the layout; any language that writes eight bytes at an offset of a file can write it.
"""

from __future__ import annotations

import os
from pathlib import Path

from zcbench.page.layout import PAGE_VARIABLE, Kind, PageError, State
from zcbench.page.writer import Counter, HistogramWriter, PageWriter

__all__ = ["Counter", "HistogramWriter", "Kind", "PageError", "PageWriter", "State", "open"]

_page: PageWriter | None = None


def open(path: str | Path | None = None) -> PageWriter:
    """The page that this process publishes on: the one that ZCBENCH_PAGE names, the same one at each call.

    Without ZCBENCH_PAGE it is private memory. A file that is not there is made; where another process has
    opened it, this one gets a page beside it, "PATH.PID", and so does a forked child that calls this again.
    With ``path`` it is the page in that file. Raises OSError, PageError.
    """
    global _page
    if path is not None:
        return PageWriter.at(Path(path))
    if _page is None:
        named = os.environ.get(PAGE_VARIABLE)
        _page = PageWriter.at(Path(named)) if named else PageWriter.private()
    _page.reopen()
    return _page
