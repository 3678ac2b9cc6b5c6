"""The application's loop."""

from __future__ import annotations

import threading

from zcbench.capture.engine import CaptureEngine
from zcbench.clock import now_ns
from zcbench.consumers.consumer import Consumer
from zcbench.consumers.ledger import PacketLedger

_POLL_S = 0.25  # how often a waiting loop looks whether it is to stop


def run(engine: CaptureEngine, consumer: Consumer, ledger: PacketLedger, stop: threading.Event) -> None:
    """Read ``engine`` into ``consumer`` until the stream ends; once ``stop`` is set, stop the engine first.

    What was captured before the stop is still consumed. Whatever engine or consumer raise comes through.
    """
    stopped = False
    pause_s = consumer.pause_s
    while True:
        if stop.is_set() and not stopped:
            ledger.stream_stopped()  # before stop(): closing a device takes a while, and captures nothing
            engine.stop()
            stopped = True
        asked_ns = now_ns()
        try:
            packet = engine.read(0.0 if pause_s else _POLL_S)
        except TimeoutError:
            if pause_s:
                stop.wait(pause_s)
            continue
        if packet is None:
            if not stopped:
                ledger.stream_stopped()
            return
        ledger.take(packet, asked_ns)
        consumer.consume(packet, ledger)
        del packet  # or it would be held until the next one comes
