"""Running one trial of the selftest as any other run is run."""

from __future__ import annotations

from pathlib import Path

from zcbench.faults.trial import Trial
from zcbench.scenario import Scenario, Setting, load
from zcbench.soak import supervisor


def scenario_of(trial: Trial) -> Scenario:
    """The scenario of ``trial``: the defaults, and what it says. Raises ScenarioError."""
    values = {"name": f"selftest-{trial.name}", "description": trial.meaning, **trial.settings}
    if trial.fault is not None:
        values["fault"] = trial.fault
    return load(flags=[Setting(key, text, f"trial {trial.name}") for key, text in values.items()])


def run_trial(trial: Trial, directory: Path) -> None:
    """Run ``trial`` into the new directory ``directory``: worker process, sampling, record, and all."""
    scenario = scenario_of(trial)
    directory.mkdir(parents=True)
    supervisor.run(scenario, directory, command=["zcbench", "selftest", trial.name])
