"""What a program is run under to be told where it allocates what it keeps."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class Tool(Protocol):
    """Entered while the program runs, which is started with ``variables``. Afterwards ``sites`` are the places,
    and ``error`` is why there are none."""

    name: str  # "heaptrack"
    what: str  # what is said of its places: "where more and more native memory is held"

    @property
    def sites(self) -> list[dict[str, str | int]]:
        """Each with its site, grown_bytes and grown_blocks, largest first."""
        ...

    @property
    def error(self) -> str | None:
        """One sentence, without the full stop."""
        ...

    @property
    def variables(self) -> dict[str, str]:
        """Those that the program is to be started with."""
        ...

    def look(self, directory: Path) -> None:
        """Read what the run left in ``directory``, before it is left."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
