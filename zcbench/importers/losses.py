"""Messages that tell of a loss in words: "dropped 193 packets", "xrun of at least 12.3 ms"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from zcbench.importers.clocks import Clock
from zcbench.importers.text import Text

ONCE, BY_NUMBER, SO_FAR = "once each", "by their number", "by their highest number, a total so far"
XRUNS, LOST = "xruns in messages", "lost in messages"  # the columns of what was counted
COLUMNS = {XRUNS: "engine.xruns", LOST: "engine.drops"}

_GONE = r"(?:dropp(?:ed|ing)|lost|los(?:es|ing)|miss(?:ed|ing)|skipp(?:ed|ing)|discard(?:ed|ing)|overwrote)"
_WHAT = r"(?:packets?|pkts?|frames?|buffers?|blocks?|chunks?|images?|pictures?|datagrams?|periods?)"
_COUNT = r"(?P<count>\d{1,3}(?:[,_']\d{3})+|\d+)"
_KIND = r"(?:[A-Za-z][\w-]*\s+){0,2}?"  # "20 video frames"
_ABOUT = r"(?:at least |about |approximately |another |~\s?)?"
_WERE = r"(?:(?:were|was|have been|has been|got|are being|are|is)\s+)?"
_NUMBERED = (
    re.compile(rf"\b{_GONE}\s+{_ABOUT}{_COUNT}\s+{_KIND}{_WHAT}\b", re.IGNORECASE),
    re.compile(rf"(?<![\w.:/-]){_COUNT}\s+{_KIND}{_WHAT}\s+{_WERE}{_GONE}\b", re.IGNORECASE),
    re.compile(rf"(?<![\w.:/-]){_COUNT}\s+{_GONE}\s+{_KIND}{_WHAT}\b", re.IGNORECASE),
)
# One, of which no number is told. "Dropped frames" alone is what a program speaks of, not what it did.
_SINGLE = r"(?:packet|frame|buffer|block|chunk|picture|image|datagram)"
_ONE = re.compile(
    rf"\b(?:dropping|discarding|skipping)\s+{_KIND}{_WHAT}\b(?!\s*(?:[:=]|if\b|when\b|is\b))"
    rf"|\b(?:dropped|discarded|skipped|lost)\s+{_KIND}{_SINGLE}\b(?!\s*[:=])"
    rf"|\b{_SINGLE}\s+(?:(?:was|is|got|too late|late)\s*)*"
    r"(?:\([^)]*\)\s*)?[:,]?\s*(?:dropped|lost|discarded|skipped)\b(?!\s*[:=])"
    r"|\bbuffers are being dropped\b",
    re.IGNORECASE,
)
# Sound that was lost at the device: jackd, ALSA, PulseAudio, PipeWire, PortAudio, radios
_XRUN = re.compile(
    r"\b(?:x-?run(?=s?\b)|(?:over|under)run(?=s?\b)"
    r"|(?:buffer|input|output|ring ?buffer|fifo|stream)\s+(?:under|over)flow(?:ed)?"
    r"|overflow indication|(?:lost|dropped|missed|skipped)\s+(?:at least |about )?"
    r"(?:[\d.,]+\s*(?:bytes|samples?|ms|msecs?|us|seconds?|s)\b|samples\b|audio\b))",
    re.IGNORECASE,
)
# Not a loss: none, one that might be, or what guards against it. "May" is a month.
_NEVER = re.compile(
    r"\b(?:[Nn]o|[Zz]ero|[Ww]ithout|[Nn]ever|[Aa]void\w*|[Pp]revent\w*|may|might|could|would|can|[Ii]f|reduce|"
    r"[Ee]nabl\w+|[Dd]isabl\w+|[Dd]etect(?:ion|or)|protection|option|threshold|reset\w*|clear\w*|[Nn]ot)\b"
    r"[^,;:.]*$"
)
# "underruns: 0" is a reading, "underrun: 12 ms" a message; "overrun protection" is neither.
_NO_MESSAGE = re.compile(
    r"s?\s*(?:count\w*\b|[:=]\s*\d+(?![\d.]*\s*(?:ms|us|s)\w*\b)|protection|detect\w+|handler|callback|"
    r"threshold|enabled|disabled)"
)
_NUMBER_BEFORE = re.compile(r"(\d+)\s+$")  # "3 xruns"
# A number that counts all so far.
_TOTAL_BEFORE = re.compile(r"\b(?:[Tt]otal(?:ly)?|so far|[Oo]verall|[Aa]ltogether|[Cc]umulative)\b[^,;()]*$")
_TOTAL_AFTER = re.compile(r"^[^,;()]{0,30}\b(?:in total|so far|since|overall|altogether|total)\b")
_REPEATED = re.compile(r"\blast message (?:buffered |was )?repeated (\d+) times\b")
_CANDIDATE = re.compile(
    r"drop|lost|losing|loses|miss|skip|discard|overwrote|run|overflow|repeated", re.IGNORECASE
)
_DIGITS = re.compile(r"\d+")
LEAST_RISING = 4  # messages of one form whose numbers only rise: chance orders 4 so in 1 of 24
MOST_FORMS = 1000


@dataclass(frozen=True)
class Loss:
    """What one message tells: of ``column``, how many, ``how`` that is counted, in which words.

    ``form`` is the message without its digits.
    """

    column: str
    count: int
    how: str
    form: str
    said: str


def loss(line: str) -> Loss | None:
    """The loss that a line tells of; None for none, and for one that only might be."""
    if _CANDIDATE.search(line) is None:
        return None
    form = _DIGITS.sub("#", line)[:200]
    for pattern in _NUMBERED:
        match = pattern.search(line)
        if match is not None:
            before, after = line[: match.start()], line[match.end() :]
            count = int(re.sub(r"\D", "", match["count"]))
            if count == 0 or _NEVER.search(before) is not None:
                return None
            total = _TOTAL_BEFORE.search(before) is not None or _TOTAL_AFTER.search(after) is not None
            return Loss(LOST, count, SO_FAR if total else BY_NUMBER, form, match[0])
    for column, pattern in ((XRUNS, _XRUN), (LOST, _ONE)):
        match = pattern.search(line)
        if match is None or _NEVER.search(line[: match.start()]) is not None:
            continue
        after = line[match.end() :]
        if _NO_MESSAGE.match(after) is not None:
            continue
        number = _NUMBER_BEFORE.search(line[: match.start()]) if after[:1] == "s" else None
        count = 1 if number is None else int(number[1])
        return Loss(column, count, ONCE if number is None else BY_NUMBER, form, match[0]) if count else None
    return None


@dataclass
class Losses:
    """What the messages of a log told so far. ``rising`` are forms whose numbers count all so far."""

    rising: frozenset[str] = frozenset()
    counts: dict[str, int] = field(default_factory=dict)  # by column
    _of_form: dict[str, int] = field(default_factory=dict)
    _last: Loss | None = None

    def see(self, line: str) -> Loss | None:
        """Count the loss that the next line tells of; None for none."""
        if (again := _REPEATED.search(line)) is not None:  # syslog's
            if self._last is not None and self._last.how != SO_FAR:
                self._add(self._last, int(again[1]) * self._last.count)
            return self._last
        found = loss(line)
        if found is not None and found.form in self.rising:
            found = replace(found, how=SO_FAR)
        self._last = found
        if found is None:
            return None
        if found.how == SO_FAR:
            before = self._of_form.get(found.form, 0)
            self._of_form[found.form] = max(before, found.count)
            self._add(found, max(0, found.count - before))
        else:
            self._add(found, found.count)
        return found

    def stray(self, text: Text, number: int, line: str) -> bool:
        """Count and say the loss that a line between the rows of a table tells of; False for none."""
        found = self.see(Clock().prefix(line)[1])
        if found is not None:
            tell(text, found, number)
        return found is not None

    def _add(self, found: Loss, count: int) -> None:
        self.counts[found.column] = self.counts.get(found.column, 0) + count


def told_in(text: Text) -> Losses | None:
    """An account of all losses that a log's messages tell of, nothing counted yet; None if they tell of none.

    The log is looked at once; its later readers are told the same.
    """
    known = text.learned.get(__name__)
    if known is None:
        known = text.learned[__name__] = _looked_at(text)
    rising, columns = known
    return Losses(rising, dict.fromkeys(columns, 0)) if columns else None


def _looked_at(text: Text) -> tuple[frozenset[str], tuple[str, ...]]:
    """The forms of messages whose numbers count all so far, and the columns that any message counts in."""
    forms: dict[str, list[int]] = {}  # messages, the last number, and whether none was less, some more
    columns: dict[str, None] = {}
    for _, line in text.short_lines():
        if _CANDIDATE.search(line) is None or (found := loss(Clock().prefix(line)[1])) is None:
            continue
        columns[found.column] = None
        if found.form not in forms and len(forms) >= MOST_FORMS:
            continue
        number, last, rises, falls = forms.get(found.form, [0, found.count, 0, 0])
        step = found.count - last
        forms[found.form] = [number + 1, found.count, rises + (step > 0), falls + (step < 0)]
    rising = (
        form
        for form, (number, _, rises, falls) in forms.items()
        if number >= LEAST_RISING and rises and not falls
    )
    return frozenset(rising), tuple(columns)


def tell(text: Text, found: Loss, line: int) -> None:
    """Say how a message was counted: one sentence for all that differ in their digits alone."""
    form = f"{__name__} {found.column} {found.how} {_DIGITS.sub('#', found.said)}"
    sentence = f'messages such as "{found.said}" are counted {found.how}, as {COLUMNS[found.column]}'
    text.remarks.add(text.learned.setdefault(form, sentence), text.where(line))
