"""When a command is ready: at once, once it prints something, once a URL answers, or once its page says so."""

from __future__ import annotations

import re
import threading
import time
import urllib.error
import urllib.request

from zcbench.page.layout import State
from zcbench.probes.page import PageProbe

PAUSE_S = 0.2  # between two questions to a URL
ANSWER_S = 2.0  # for an answer
FIRST_ERROR_STATUS = 500  # of HTTP: a server that has answered, and cannot serve yet
_REMEMBERED = 4096  # characters before a piece of output, for what is printed in two pieces


class Readiness:
    """Whether a subject has become ready. ``what`` says what is waited for."""

    what = "nothing"

    def is_ready(self) -> bool:
        """Whether it is."""
        return True

    def hear(self, piece: bytes) -> None:
        """A piece of the subject's output."""

    def close(self) -> None:
        """Stop waiting."""


class Printed(Readiness):
    """Ready once ``pattern`` is found in what it prints."""

    def __init__(self, pattern: str) -> None:
        self.what = f"its output matches {pattern!r}"
        self._pattern, self._before, self._found = re.compile(pattern, re.MULTILINE), "", False

    def is_ready(self) -> bool:
        """See :class:`Readiness`."""
        return self._found

    def hear(self, piece: bytes) -> None:
        """See :class:`Readiness`."""
        if not self._found:
            text = self._before + piece.decode(errors="replace")
            self._found = self._pattern.search(text) is not None
            self._before = text[-_REMEMBERED:]


class OnPage(Readiness):
    """Ready once its page says so."""

    def __init__(self, page: PageProbe) -> None:
        self.what = "its page says that it is ready"
        self._page = page

    def is_ready(self) -> bool:
        """See :class:`Readiness`."""
        state = self._page.state()
        return state is not None and state >= State.READY


class Answering(Readiness):
    """Ready once a URL answers with a status below 500. It is asked by a thread of its own."""

    def __init__(self, url: str) -> None:
        self.what = f"{url} answers"
        self._url, self._found = url, threading.Event()
        self._closed = threading.Event()
        # A proxy of the machine's knows no service that was just started here.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        threading.Thread(target=self._ask, name="zcbench-ready", daemon=True).start()

    def is_ready(self) -> bool:
        """See :class:`Readiness`."""
        return self._found.is_set()

    def close(self) -> None:
        """See :class:`Readiness`."""
        self._closed.set()

    def _ask(self) -> None:
        while not self._closed.wait(PAUSE_S):
            try:
                with self._opener.open(self._url, timeout=ANSWER_S):
                    return self._found.set()
            except urllib.error.HTTPError as answer:
                if answer.code < FIRST_ERROR_STATUS:
                    return self._found.set()
            except (OSError, ValueError, ArithmeticError):
                continue
            except Exception:  # http.client has errors of its own for what is no HTTP
                time.sleep(PAUSE_S)
        return None
