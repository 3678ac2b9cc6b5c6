"""What runs inside a subject's processes, and where it writes."""

from __future__ import annotations

import gc
from pathlib import Path

from tests.subjects.conftest import planned
from zcbench.page.layout import PAGE_VARIABLE
from zcbench.probes.instruments import Instruments
from zcbench.subjects.instrumented import Instrumented


def test_nothing_comes_and_goes_in_the_run_directory_and_nothing_is_left_elsewhere(tmp_path: Path) -> None:
    # A run directory often lies in the subject's working directory, and `node --test` walks that.
    subject = Instrumented(planned({"subject.command": "true"}))
    probes = Instruments(subject.probes(tmp_path, ours=True))
    variables = probes.environment({})
    told = {name: Path(text) for name, text in variables.items() if name.startswith("ZCBENCH_")}
    folders = [path for path in told.values() if path.is_dir()]
    assert {"malloc", "v8"} <= {path.name for path in folders}
    assert not any(path.is_relative_to(tmp_path) for path in folders)
    assert [path.name for path in tmp_path.iterdir()] == [Path(variables[PAGE_VARIABLE]).name]
    # then they are gone with the run, also with one that could not be started
    probes.close()
    subject.close()
    assert not any(path.parent.exists() for path in folders)


def test_a_subject_that_was_never_started_leaves_no_folder(tmp_path: Path) -> None:
    subject = Instrumented(planned({"subject.command": "true"}))
    variables = Instruments(subject.probes(tmp_path, ours=True)).environment({})
    folder = Path(variables["ZCBENCH_MALLOC_DIR"]).parent
    assert folder.is_dir()
    del subject
    gc.collect()
    assert not folder.exists()
