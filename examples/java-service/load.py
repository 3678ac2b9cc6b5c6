#!/usr/bin/env python3
"""Order and list at an even rate: ``load.py PORT RATE [SECONDS]``, in requests a second; 0: as many as it can.

Prints how many were answered in a second.
"""

from __future__ import annotations

import http.client
import json
import signal
import sys
import time


def main() -> None:
    """Four orders, then a list, over and over on one connection."""
    port, rate = int(sys.argv[1]), float(sys.argv[2])
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else float("inf")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    order = json.dumps({"customer": "a" * 40, "items": list(range(40))}).encode()
    began, done = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        if done % 5 == 4:
            connection.request("GET", "/orders")
        else:
            connection.request("POST", "/orders", order)
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 201):
            sys.exit(f"answered {answer.status}")
        done += 1
        if rate:
            time.sleep(max(0.0, began + done / rate - time.monotonic()))
    print(f"{done / (time.monotonic() - began):.1f} requests/s")


if __name__ == "__main__":
    main()
