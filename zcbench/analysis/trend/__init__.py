"""Does a counter grow? The rule for exact counters and the one for resident memory, and what they answer."""

from zcbench.analysis.trend.answer import Outcome, Step, Trend, Window
from zcbench.analysis.trend.pages import pages_trend
from zcbench.analysis.trend.rule import DEFAULT_LIMIT, LEAST_PASS_S, SHORTEST_PASS_S, trend
from zcbench.analysis.trend.views import FEWEST_BLOCKS, Readings, equal_blocks

__all__ = [
    "DEFAULT_LIMIT",
    "FEWEST_BLOCKS",
    "LEAST_PASS_S",
    "SHORTEST_PASS_S",
    "Outcome",
    "Readings",
    "Step",
    "Trend",
    "Window",
    "equal_blocks",
    "pages_trend",
    "trend",
]
