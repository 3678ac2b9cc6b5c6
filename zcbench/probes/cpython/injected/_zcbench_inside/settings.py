"""What the harness wants, as one environment variable says it."""

from __future__ import annotations

NATURAL = "natural"


class Settings:
    """``folder`` is where the pages are. ``gc_every_ns`` None: no collections by the harness. ``traced``:
    follow allocations by their lines."""

    def __init__(self, folder: str, gc_every_ns: int | None, traced: bool) -> None:
        self.folder, self.gc_every_ns, self.traced = folder, gc_every_ns, traced

    @classmethod
    def parse(cls, text: str) -> Settings:
        """The settings in ``text``, as :meth:`text` has made it. Raises ValueError."""
        gc_every, traced, folder = text.split("|", 2)
        return cls(folder, None if gc_every == NATURAL else int(gc_every), traced == "1")

    def text(self) -> str:
        """One line: "10000000000|0|/folder"."""
        every = NATURAL if self.gc_every_ns is None else str(self.gc_every_ns)
        return "|".join((every, "1" if self.traced else "0", self.folder))
