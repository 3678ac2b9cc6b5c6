from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.device.pulse import Pulse, available, pulse


@pytest.fixture(scope="session")
def capture_device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    """A capture device ``zc`` with a known file playing into it. In CI its absence is a failure."""
    if not available() and not os.environ.get("CI"):
        pytest.skip("needs pulseaudio and pulseaudio-utils (Debian)")
    with pulse(tmp_path_factory.mktemp("pulse")) as started:
        yield started
