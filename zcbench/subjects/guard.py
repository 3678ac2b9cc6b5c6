"""The end of a command whose supervisor was killed: by a shell that waits for nothing else."""

from __future__ import annotations

import contextlib
import os
import subprocess

from zcbench.subjects.tree import BIRTHS, adopt_none_of

# The pipe's end comes when its other end is gone, however the supervisor died.
_SCRIPT = 'read -r word; [ "$word" = over ] || kill -9 "-$0"'


class Guard:
    """Kills the process group of ``pid`` if this process dies before :meth:`close`. Does nothing on Windows."""

    def __init__(self, pid: int) -> None:
        self._popen: subprocess.Popen[bytes] | None = None
        if os.name != "posix":
            return
        with contextlib.suppress(OSError), BIRTHS:
            self._popen = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, str(pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                start_new_session=True,  # the terminal's Ctrl-C is not for it
            )
            adopt_none_of(self._popen.pid)

    def close(self) -> None:
        """The command has ended."""
        if self._popen is not None:
            with contextlib.suppress(OSError):
                self._popen.communicate(b"over\n")
