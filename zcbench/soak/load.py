"""A load generator: a command that runs beside the subject, from its readiness to its stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from zcbench.clock import now_ns
from zcbench.foreign import of_exit
from zcbench.probes.probe import Notice
from zcbench.quantities.units import format_duration
from zcbench.record.schema import LOAD_FILE, EventKind
from zcbench.subjects.command import CommandSubject

STOP_S = 5.0  # for a load generator to end when it is asked to


class Load:
    """The load generator of one run. Every change of its state is told by a notice, of kind EventKind.LOAD:
    ``state`` is "runs", "ended" by itself, "stopped" or "failed"."""

    def __init__(self, make: Callable[[], CommandSubject] | None, lasts_s: float) -> None:
        self._make, self._lasts_s = make, lasts_s
        self._command: CommandSubject | None = None
        self._began_ns = 0

    def start(self, directory: Path, environment: Mapping[str, str]) -> list[Notice]:
        """Start it, if there is one."""
        if self._make is None:
            return []
        command = self._make()
        try:
            command.start(directory, {**environment, **command.variables})
        except (OSError, RuntimeError) as error:
            return [_notice("failed", f"the load generator could not be started: {error}", None, 0.0)]
        self._command, self._began_ns = command, now_ns()
        return [_notice("runs", "the load generator runs", None, 0.0)]

    def look(self) -> list[Notice]:
        """What has become of it since the last look."""
        if self._command is None:
            return []
        code = self._command.wait(0.0)
        return [] if code is None else [self._ended(code)]

    def stop(self) -> list[Notice]:
        """Ask it to end, and end it."""
        if self._command is None:
            return []
        if (code := self._command.wait(0.0)) is not None:
            return [self._ended(code)]
        self._command.ask_to_stop()
        if self._command.wait(STOP_S) is None:
            self._command.kill()
        lasted_s = self._lasted_s()
        self._close()
        return [_notice("stopped", "the load generator was stopped", None, lasted_s)]

    def _ended(self, code: int) -> Notice:
        lasted_s = self._lasted_s()
        self._close()
        lasted = f"after {format_duration(lasted_s)} of {format_duration(self._lasts_s)}"
        state = "failed" if code else "ended"
        return _notice(state, f"the load generator {of_exit(code)} {lasted}", code, lasted_s)

    def _lasted_s(self) -> float:
        return (now_ns() - self._began_ns) / 1e9

    def _close(self) -> None:
        assert self._command is not None
        self._command.close()
        self._command = None


def _notice(state: str, message: str, code: int | None, lasted_s: float) -> Notice:
    data = {"state": state, "exit_code": code, "lasted_s": lasted_s, "log": LOAD_FILE}
    return Notice(EventKind.LOAD, message, data)
