"""Node processes that come from a command: each loads the agent as it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psutil

from zcbench.probes.agents import extended
from zcbench.probes.probe import Notice, Number, Processes
from zcbench.probes.runtimes import Setting
from zcbench.probes.v8.preload import OPTIONS_VARIABLE, ReadableAgent, forbids, quoted
from zcbench.probes.v8.reading import NAME, NodePages
from zcbench.probes.v8.recognise import is_called_node
from zcbench.quantities.quantity import Quantity

PATIENCE = 3  # looks at which a Node process may have no page yet: it has just begun


class LaunchedNode:
    """See :class:`~zcbench.probes.probe.Probe`. Without a Node process nothing is read or said."""

    name = NAME
    background_ns = 0

    def __init__(self, setting: Setting) -> None:
        self._node = NodePages(setting)
        self._agent = ReadableAgent()
        self._processes: Processes = tuple
        self._looks: dict[tuple[int, float], int] = {}  # at processes without a page

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`Probe`: what loads the agent into every Node that starts with these variables."""
        if forbids(given):
            self._node.tell("NODE_OPTIONS turn on Node's permission model: V8's heap is not read")
            return {}
        own = self._node.pages.environment()
        # First: what the program itself preloads may replace timers and file functions.
        return own | extended(given, OPTIONS_VARIABLE, f"--require {quoted(str(self._agent.path()))}")

    def begin(self, processes: Processes) -> None:
        """See :class:`Probe`."""
        self._processes = processes
        self._node.pages.begin(processes)

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`Probe`."""
        return self._node.quantities()

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`Probe`."""
        row = self._node.read()
        self._look_for_unread()
        return row

    def _look_for_unread(self) -> None:
        """Tell of Node processes that have no agent."""
        read = self._node.pages.pids
        looks: dict[tuple[int, float], int] = {}
        for process in self._processes():
            if process.pid in read:
                continue
            try:
                key = (process.pid, process.create_time())
                looks[key] = self._looks.get(key, 0) + 1
                # Looked at once: its program stays.
                if looks[key] == PATIENCE and is_called_node(process):
                    self._node.tell(
                        f"V8's heap in {process.name()} ({process.pid}) is not read: {self._why(process)}"
                    )
            except psutil.Error:
                continue
        self._looks = looks

    def _why(self, process: psutil.Process) -> str:
        try:
            if self._node.pages.variable not in process.environ():
                return f"it was started without {OPTIONS_VARIABLE}: whoever started it replaced the environment"
            words, user = process.cmdline(), process.username()
        except (psutil.Error, OSError):
            return "it cannot be looked into"
        if any(word.startswith(("--permission", "--experimental-permission")) for word in words):
            return "its permission model keeps it from writing its page"
        return f"it has written no page: it is slow to start, or {user} may not write there"

    def notices(self) -> Sequence[Notice]:
        """See :class:`Probe`: Node processes that are not read and why, agents that stopped."""
        return self._node.notices()

    def close(self) -> None:
        """See :class:`Probe`."""
        self._node.pages.close()
        self._agent.remove()
