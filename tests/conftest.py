"""For every test: the zcbench that is installed, also in the processes a test starts.

pytest puts the checkout first on the path, and so does ``python -m``. Its ``zcbench/capture/_core`` is the C++
source, which Python takes for an empty package; only an installation has the native module.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]

os.environ["PYTHONSAFEPATH"] = "1"  # inherited by what the tests start: no current directory on the path

# A shell's `&` and nohup have them ignored, which the processes that a test interrupts would inherit.
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

_path = list(sys.path)
sys.path[:] = [entry for entry in _path if Path(entry).resolve() != CHECKOUT]
import zcbench.capture._core  # noqa: E402, F401  (everything else is found beside it)
from tests.records import make_record, scenario  # noqa: E402
from tests.state import changed, state  # noqa: E402
from zcbench.verdict import judge  # noqa: E402
from zcbench.verdict.readiness import Judged  # noqa: E402

sys.path[:] = _path


@pytest.fixture(scope="module", autouse=True)
def _leaves_all_as_it_was() -> Iterator[None]:
    """No test depends on the files that ran before its own, in whatever order they do."""
    before = state()
    yield
    left = changed(before, state())
    assert not left, f"the tests of this file leave changed in their process (before, after): {left}"


@pytest.fixture
def installed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """For processes that inherit this one's path: the checkout, which has no compiled parts, comes last."""
    rest = [entry for entry in sys.path if Path(entry).resolve() != CHECKOUT]
    monkeypatch.setattr(sys, "path", [*rest, str(CHECKOUT)])


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nobody can make another: Linux's /proc refuses even root."""
    if sys.platform == "linux":
        yield Path("/proc")
        return
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    yield locked
    locked.chmod(0o700)


@pytest.fixture(scope="session")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """A sound hour with 100 slots, as it was judged: made once, since it is 360,000 packets long."""
    plan = scenario(duration_s=3600, slots=100)
    directory = tmp_path_factory.mktemp("campaign") / "hour"
    record = make_record(directory, plan, rows=120, run_id="hour")
    return Judged("hour", record, judge(record))
