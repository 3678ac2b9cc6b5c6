"""The typed scenario: what to run, and how a file, the environment and flags become one.

:func:`load` checks all that can be known without opening the source. Every error is a
:class:`ScenarioError` that says where the value came from (file and line, variable or flag), the key, the
value, and what would be right.
"""

from zcbench.scenario.checks import check_memory
from zcbench.scenario.consuming import consumer_facts, consumer_values
from zcbench.scenario.files import Shipped, shipped
from zcbench.scenario.keys import FLAGS, variable_of
from zcbench.scenario.loading import environment_settings, load, parse_setting, parse_tag
from zcbench.scenario.subject import check_subject_here
from zcbench.scenario.tables import (
    BudgetTable,
    ConsumerTable,
    Expectation,
    GcTable,
    LimitsTable,
    MemoryTable,
    PoolTable,
    SamplingTable,
    Scenario,
    ScenarioError,
    Setting,
    SourceTable,
    SubjectTable,
    required_checks,
)
from zcbench.scenario.toml import to_toml
from zcbench.scenario.unplanned import EXTERNAL, unplanned

__all__ = [
    "EXTERNAL",
    "FLAGS",
    "BudgetTable",
    "ConsumerTable",
    "Expectation",
    "GcTable",
    "LimitsTable",
    "MemoryTable",
    "PoolTable",
    "SamplingTable",
    "Scenario",
    "ScenarioError",
    "Setting",
    "Shipped",
    "SourceTable",
    "SubjectTable",
    "check_memory",
    "check_subject_here",
    "consumer_facts",
    "consumer_values",
    "environment_settings",
    "load",
    "parse_setting",
    "parse_tag",
    "required_checks",
    "shipped",
    "to_toml",
    "unplanned",
    "variable_of",
]  # fmt: skip
