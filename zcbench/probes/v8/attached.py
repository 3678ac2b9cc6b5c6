"""Node processes that run already: each gets the agent through its inspector, and loses it with the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import psutil

from zcbench.probes.probe import Notice, Number, Processes
from zcbench.probes.runtimes import Setting
from zcbench.probes.v8.reading import NAME, NodePages
from zcbench.probes.v8.recognise import is_called_node, why_not
from zcbench.quantities.quantity import Quantity


class AttachedNode:
    """See :class:`~zcbench.probes.probe.Probe`. What is not Node is not touched: no quantity, nothing to say.

    Only processes that are there when it begins, and of them main threads, are read.
    """

    name = NAME

    def __init__(self, setting: Setting) -> None:
        self._node = NodePages(setting)
        self._thread: threading.Thread | None = None
        self._said: list[str] = []
        self.background_ns = 0

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`Probe`: nothing is started."""
        return {}

    def begin(self, processes: Processes) -> None:
        """See :class:`Probe`. A thread of its own asks the processes: that may take a second of each."""
        self._node.pages.begin(processes)
        called = [process for process in processes() if is_called_node(process)]
        if called:
            self._node.pages.environment()
            self._thread = threading.Thread(target=self._ask, args=(called,), name="zcbench-v8", daemon=True)
            self._thread.start()

    def _ask(self, processes: Sequence[psutil.Process]) -> None:
        for process in processes:
            if (why := why_not(process) or self._inject(process)) is not None:
                self._said.append(f"V8's heap in process {process.pid} is not read: {why}")
            self.background_ns = time.thread_time_ns()

    def _inject(self, process: psutil.Process) -> str | None:
        """Start the agent in ``process``; why it could not, as a clause."""
        try:
            from zcbench.probes.v8.inspector import InspectorError, inject
        except ImportError:
            return "talking to its inspector needs websocket-client: pip install 'zcbench[node]'"
        try:
            inject(process, self._node.pages.folder)
        except InspectorError as error:
            return str(error)
        return None

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`Probe`."""
        return self._node.quantities()

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`Probe`."""
        while self._said:
            self._node.tell(self._said.pop(0))
        return self._node.read()

    def notices(self) -> Sequence[Notice]:
        """See :class:`Probe`: which process could not be asked, and why."""
        return self._node.notices()

    def close(self) -> None:
        """See :class:`Probe`. With the folder go the agents: each looks for it at every publication."""
        if self._thread is not None:
            self._thread.join()
        self._node.pages.close()
