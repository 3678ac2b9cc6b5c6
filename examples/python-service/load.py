"""Ask a service again and again: ``python load.py http://127.0.0.1:8300/ REQUESTS_PER_S``, until it is stopped.

Each hundredth request opens a new connection. An answer that is no 200 ends it with 1.
"""

from __future__ import annotations

import http.client
import sys
import time
from urllib.parse import urlsplit

url, rate = urlsplit(sys.argv[1]), float(sys.argv[2])
connection = http.client.HTTPConnection(url.netloc, timeout=30)
began, count = time.monotonic(), 0
while True:
    connection.request("GET", f"{url.path}?number={count}")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{answer.status} {answer.reason}")
    count += 1
    if count % 100 == 0:
        connection.close()
    late = time.monotonic() - began - count / rate
    if late < 0:
        time.sleep(-late)
