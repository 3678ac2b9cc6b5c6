"""How the calls of a function that runs in this process are divided into batches, with a reading after each.

Pure: what a batch took and what memory was after it go in, the number of calls of the next comes out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PARTS = 60  # batches of a run: twice what the trend of a counter needs to be judged well
# The warm-up ends once memory rests, in this share of the run; a leak never rests.
SHORTEST_WARM_UP, LONGEST_WARM_UP = 0.1, 0.3
REST = 3  # batches in a row, after each of which memory is as it was after the one before
REST_BYTES = 256  # a dict that grows by one entry, a float that lives a little longer
READING_SHARE = 4.0  # times what a reading takes, that a batch lasts at least
MOST_GAINED_BYTES = 4 * 2**20  # by memory in one batch: of a leak that is large, batches have fewer calls
MOST_TIMES = 3.0  # its time, for a run that a busy machine or slow calls leave too few readings
FEWEST_PARTS = 24  # batches of a run, however long a reading takes


@dataclass
class Batches:
    """The batches of one run, of ``calls`` calls in all or of ``duration_s``; exactly one of them is given.

    ``warm`` says whether the warm-up is over.
    """

    calls: int | None
    duration_s: float | None
    made: int = 0
    warm: bool = False
    _each: int = 1  # calls a batch
    _grows: bool = field(init=False)  # whether how long a call takes is still being found out
    _resting: int = 0
    _read: int = 0  # readings of the stream
    _bytes: int | None = None

    def __post_init__(self) -> None:
        """The first batch is one call: it imports, compiles, fills what is filled once."""
        self._grows = self.duration_s is not None
        if self.calls is not None:
            self._each = max(1, self.calls // PARTS)

    def next(self, elapsed_s: float) -> int:
        """How many calls the next batch has; 0 at the end."""
        if self.calls is not None:
            rest = self.calls - self.made
            # What is left over by the division comes first, so that all batches of the stream are alike.
            return min(rest, 1 if not self.made else rest % self._each or self._each)
        planned_s = self.duration_s or 0.0
        lasts_s = planned_s if self._read >= FEWEST_PARTS else MOST_TIMES * planned_s
        return 0 if elapsed_s >= lasts_s else self._each

    @property
    def is_measuring(self) -> bool:
        """Whether it is still being found out how long a call takes; there is nothing to read after it."""
        return self._grows and self.made > 0

    def timed(self, number: int, took_s: float, elapsed_s: float) -> None:
        """Take note of a batch of ``number`` calls after which nothing was read."""
        self.made += number
        wanted = (self.duration_s or 0.0) / PARTS
        self._grows = took_s < wanted / 2 and elapsed_s < LONGEST_WARM_UP * (self.duration_s or 0.0)
        if took_s < wanted:
            # Never by more than ten: a first call is slower than those that follow.
            self._each = max(1, min(10 * self._each, int(self._each * wanted / max(took_s, 1e-9))))

    def done(self, number: int, reading_s: float, took_s: float, elapsed_s: float, held_bytes: int) -> None:
        """Take note of a batch of ``number`` calls and the reading after it, both made."""
        self.made += number
        gained = 0 if self._bytes is None else held_bytes - self._bytes
        if gained > MOST_GAINED_BYTES:
            self._each = max(1, int(self._each * MOST_GAINED_BYTES / gained))
        elif self.duration_s is not None and not self.warm and reading_s * READING_SHARE > took_s:
            # Readings of a large heap are dear: fewer of them, and no fewer than are needed.
            most = self.duration_s / FEWEST_PARTS
            wanted = min(READING_SHARE * reading_s, most)
            self._each = max(1, int(self._each * min(10.0, wanted / max(took_s, 1e-9))))
        self._read += self.warm
        rests = self._bytes is not None and abs(gained) <= REST_BYTES
        self._resting, self._bytes = (self._resting + 1 if rests else 0), held_bytes
        share = self._share(elapsed_s)
        self.warm = self.warm or share >= LONGEST_WARM_UP
        self.warm = self.warm or (self._resting >= REST and share >= SHORTEST_WARM_UP)

    def _share(self, elapsed_s: float) -> float:
        if self.calls is not None:
            return self.made / self.calls
        return elapsed_s / (self.duration_s or 1.0)
