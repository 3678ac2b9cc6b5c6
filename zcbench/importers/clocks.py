"""Times as logs write them: dates of many forms, times of day, durations, seconds since 1970."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

DAY_S = 86_400.0
# Seconds since 1970 lie here from 2001 to 2096; in thousandths and less, a thousand and more times higher.
_EPOCH = (1e9, 4e9)
_EPOCH_UNITS = ((1.0, "unix"), (1e-3, "unix_ms"), (1e-6, "unix_us"), (1e-9, "unix_ns"))

# How months begin, in English, German, French, Spanish, Italian and Portuguese.
_MONTHS = {
    month: number
    for number, months in enumerate(
        (
            "jan ene gen", "feb f\u00e9v fev", "mar m\u00e4r mrz", "apr avr abr", "may mai mag",
            "jun juin giu", "jul juil lug", "aug ao\u00fb aou ago", "sep set", "oct okt ott out", "nov",
            "dec dez d\u00e9c dic",
        ),
        1,
    )
    for month in months.split()
}  # fmt: skip
_HMS = r"(?P<H>\d{1,2}):(?P<M>\d\d)(?::(?P<S>\d\d(?:[.,]\d+)?))?(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?"
_ZONE = r"(?:\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)\b|\s+[A-Z]{3,5}\b)?"
_MONTH = r"(?P<mon>[^\W\d_]{3,10})\.?"
_WEEKDAY = r"(?:[^\W\d_]{2,4}\.?,?\s+)?"
# Each date as a log writes it; a time of day follows, with "T", ", " or a space between.
_DATES = (
    r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})",
    r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
    r"(?P<a>\d{1,2})[/.-](?P<b>\d{1,2})[/.-](?P<y>\d{4}|\d\d)",
    rf"(?P<d>\d{{1,2}})[-/ ]{_MONTH}[-/ ](?P<y>\d{{4}})",
    rf"{_WEEKDAY}(?P<d>\d{{1,2}})\.?\s+{_MONTH}\s+(?P<y>\d{{4}})",
    rf"{_MONTH}\s+(?P<d>\d{{1,2}}),?\s+(?P<y>\d{{4}})",
)
_STAMPS = (
    *(rf"{date}(?:[T:_,]?\s*|\s+at\s+){_HMS}{_ZONE}" for date in _DATES),
    *(rf"{date}\s+\({_HMS}\)" for date in _DATES[:2]),
    # "20261128-033000", glog's "I1128 03:30:00", logcat's "11-28 03:30:00"
    r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)[-_T](?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)",
    rf"[DIWEF](?P<m>\d\d)(?P<d>\d\d) {_HMS}",
    rf"(?P<m>[01]\d)-(?P<d>[0-3]\d)\s+{_HMS}",
    # date(1): "Sat Nov 28 03:30:01 AM UTC 2026"; syslog's has no year, and a day before or not
    rf"{_WEEKDAY}{_MONTH}\s+(?P<d>\d{{1,2}})\s+{_HMS}(?:\s+[A-Z]{{3,5}})?(?:\s+(?P<y>\d{{4}}))?",
    rf"{_WEEKDAY}(?P<d>\d{{1,2}})\.?\s+{_MONTH}\s+{_HMS}(?:\s+[A-Z]{{3,5}})?(?:\s+(?P<y>\d{{4}}))?",
    _HMS,
)
_WHOLE = tuple(re.compile(stamp + r"$") for stamp in _STAMPS)
_DAY_ONLY = tuple(re.compile(date + r"$") for date in _DATES)
# Before a line "30,51200" may be a time and a cell: of commas only milliseconds and microseconds are fractions.
_FRACTION, _LOGGED = r"(?:[.,]\d+)?", r"(?:\.\d+|,\d{3}(?:\d{3})?(?=[\s\]Z+-]))?"
_PREFIX = tuple(
    re.compile(rf"\s*(?:[A-Z][,:] )?\[?{stamp.replace(_FRACTION, _LOGGED)}\]?(?=[\s:|,;>\[-]|$)[:|,;>-]?\s*")
    for stamp in _STAMPS[:-1]
)
_TIME_PREFIX = re.compile(
    rf"\s*\[?(?P<H>\d{{1,2}}):(?P<M>\d\d):(?P<S>\d\d{_LOGGED})(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?\]?"
    r"(?=[\s:|,;\[]|$)[:|,;]?\s*"
)
_EPOCH_PREFIX = re.compile(r"\s*\[?(?P<t>\d{10}(?:\.\d+)?|\d{13}|\d{16}|\d{19})\]?(?=[\s:|,;\[]|$)[:|,;]?\s*")
# "[12.5s]", "90 sec:" before a line, and the kernel's "[   12.345678]": since a start
_SINCE_PREFIX = re.compile(
    r"\s*\[?\s*(?P<t>\d+(?:[.,]\d+)?)\s?(?P<unit>s|sec|secs|seconds|ms)\]?(?=[\s:|,;]|$)[:|,;]?\s*"
    r"|\s*\[\s*(?P<kernel>\d+\.\d{3,9})\]\s*"
)
# "1-02:03:04" (ps etime), "123:04:05", "04:05.6"
_ELAPSED = re.compile(r"(?:(?P<D>\d+)-)?(?:(?P<H>\d+):)?(?P<M>\d+):(?P<S>\d+(?:[.,]\d+)?)")
_MINUTES = re.compile(r"\s*(\d+):\d\d(?:[.,]\d+)?\s*")
_TERMS = re.compile(r"(?:\d+(?:[.,]\d+)?\s*(?:days?|hours?|mins?|secs?|seconds?|minutes?|ms|d|h|m|s)\s*)+")
_TERM = re.compile(r"(\d+(?:[.,]\d+)?)\s*(ms|[dhms])")
_TERM_S = {"d": DAY_S, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}


@dataclass(frozen=True)
class Moment:
    """``seconds`` of which only differences count; ``daily`` if they begin anew at midnight."""

    seconds: float
    daily: bool = False


@dataclass(frozen=True)
class Clock:
    """How one column, or a line's prefix, writes times. ``day_first``: 13/8/2020, not 8/13/2020.

    ``stopwatch``: "05:10" is minutes and seconds since a start, not hours and minutes of a day.
    """

    day_first: bool = False
    stopwatch: bool = False

    def moment(self, text: str) -> Moment | None:
        """The time that ``text`` says; None for none."""
        text = text.strip().strip('"[]').strip()
        if self.stopwatch and _MINUTES.fullmatch(text):
            return _elapsed(text)
        try:
            return Moment(_stamped(datetime.fromisoformat(text)))
        except ValueError:
            pass
        for pattern in _WHOLE:
            match = pattern.match(text)
            if match is not None and (moment := self._moment(match)) is not None:
                return moment
        for pattern in _DAY_ONLY:
            match = pattern.match(text)
            if match is not None and (moment := self._moment(match)) is not None:
                return moment
        return _elapsed(text)

    def prefix(self, line: str) -> tuple[Moment | None, str]:
        """The time that a log puts before a line, and the rest of the line."""
        whole, line = line, line.lstrip()
        for pattern in _PREFIX:
            match = pattern.match(line)
            if match is not None and (moment := self._moment(match)) is not None:
                return moment, line[match.end() :]
        match = _TIME_PREFIX.match(line)
        if match is not None and (moment := self._moment(match)) is not None:
            return moment, line[match.end() :]
        match = _EPOCH_PREFIX.match(line)
        if match is not None and (scale := epoch_unit(float(match["t"]))) is not None:
            return Moment(float(match["t"]) * scale[0]), line[match.end() :]
        match = _SINCE_PREFIX.match(line)
        if match is not None:
            seconds = float((match["t"] or match["kernel"]).replace(",", "."))
            return Moment(seconds * (1e-3 if match["unit"] == "ms" else 1.0)), line[match.end() :]
        return None, whole

    def _moment(self, match: re.Match[str]) -> Moment | None:
        part = match.groupdict()
        hour = int(part.get("H") or 0)
        if part.get("half"):
            hour = hour % 12 + (12 if part["half"] in "Pp" else 0)
        second = float((part.get("S") or "0").replace(",", "."))
        of_day = hour * 3600.0 + int(part.get("M") or 0) * 60.0 + second
        if hour > 23 or int(part.get("M") or 0) > 59 or second >= 61:
            return None
        day = self._day(part)
        if day is None:
            return Moment(of_day, daily=True) if not ({"d", "a"} & part.keys()) else None
        return Moment(_stamped(day) + of_day - _offset_s(part.get("zone")))

    def _day(self, part: Mapping[str, str | None]) -> datetime | None:
        if "a" in part:
            first, second = int(part["a"] or 0), int(part["b"] or 0)
            # What cannot be a month is a day, whatever the column's other cells are.
            day_first = first > 12 or (self.day_first and second <= 12)
            day, month = (first, second) if day_first else (second, first)
        elif "d" in part:
            day = int(part["d"] or 0)
            name = part.get("mon")
            month = _month(name.lower()) if name else int(part.get("m") or 0)
        else:
            return None
        year = int(part.get("y") or 0) or _LEAP_YEAR
        try:
            return datetime(year + 2000 if year < 100 else year, month, day, tzinfo=UTC)
        except ValueError:
            return None


def _month(name: str) -> int:
    """The number of a month by its name, 0 for none. Four letters tell juin from juillet."""
    return _MONTHS.get(name[:4]) or _MONTHS.get(name[:3], 0)


_LEAP_YEAR = 2000  # of a log without years: February has 29 days


def day_first(cells: list[str]) -> bool:
    """Whether dates like 13/8/2020 in ``cells`` begin with the day: what cannot be a month tells, or dots."""
    pattern = re.compile(r"\D*(\d{1,2})([/.-])(\d{1,2})\2(?:\d{4}|\d\d)\b")
    found = [match for cell in cells if (match := pattern.match(cell)) is not None]
    if any(int(match[1]) > 12 for match in found):
        return True
    if any(int(match[3]) > 12 for match in found):
        return False
    if any(match[2] != "/" for match in found):
        return True
    # 3/1/2026, 3/2/2026, 3/3/2026: what counts up from row to row is the day
    return len({match[1] for match in found}) > len({match[3] for match in found})


def is_past_day(text: str) -> bool:
    """Whether ``text`` is two numbers as of a time of day, of which the first is no hour: "24:05", "75:00"."""
    match = _MINUTES.fullmatch(text)
    return match is not None and int(match[1]) > 23


def is_day(text: str) -> bool:
    """Whether ``text`` is a date without a time of day."""
    return any(pattern.match(text.strip()) for pattern in _DAY_ONLY)


def is_time_of_day(text: str) -> bool:
    """Whether ``text`` is a time of day without a date."""
    return _WHOLE[-1].match(text.strip()) is not None


def epoch_unit(value: float) -> tuple[float, str] | None:
    """Seconds in the unit of a number that can only be the time since 1970, and that unit's name."""
    for scale, name in _EPOCH_UNITS:
        if _EPOCH[0] <= value * scale < _EPOCH[1]:
            return scale, name
    return None


def _stamped(moment: datetime) -> float:
    # Without a zone, any will do for differences; the machine's own may change it in mid-run.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _offset_s(zone: str | None) -> float:
    if not zone or zone in ("Z", "UTC", "GMT"):
        return 0.0
    digits = zone[1:].replace(":", "")
    offset = timezone(timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))).utcoffset(None)
    return offset.total_seconds() * (1 if zone[0] == "+" else -1)


def _elapsed(text: str) -> Moment | None:
    match = _ELAPSED.fullmatch(text)
    if match is not None:
        days, hours = int(match["D"] or 0), int(match["H"] or 0)
        return Moment(
            days * DAY_S + hours * 3600.0 + int(match["M"]) * 60.0 + float(match["S"].replace(",", "."))
        )
    if _TERMS.fullmatch(text):
        terms = _TERM.findall(text)
        return Moment(sum(float(n.replace(",", ".")) * _TERM_S[unit] for n, unit in terms))
    return None


class Bridge:
    """Times of rows as seconds that never fall: midnights, clocks that were put back, and restarts bridged.

    ``note`` is told, once for each, what was bridged: a step of the clock, in words.
    """

    # A fall by more is a new day where times begin anew at midnight; less is a clock that was put back.
    MIDNIGHT_S = DAY_S / 2

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._offset = 0.0
        self._days = 0
        self._last: float | None = None
        self._raw = 0.0
        self._period: list[float] = []
        self.back = 0  # steps back so far

    @property
    def period_s(self) -> float:
        """The usual time between rows, of the last few; 0 before there are two."""
        recent = sorted(self._period)
        return recent[len(recent) // 2] if recent else 0.0

    def at(self, moment: Moment) -> float:
        """The time of the next row."""
        raw = moment.seconds + self._days * DAY_S
        if moment.daily and self._last is not None and raw < self._raw - self.MIDNIGHT_S:
            self._days += 1
            raw += DAY_S
        if self._last is None:
            self._last = self._raw = raw
            return raw
        step = raw - self._raw
        if step < 0:
            self.back += 1
            self._note(f"the clock stepped back by {-step:,.6g} s; bridged")
            self._offset += self.period_s - step
        elif self._offset and step - self.period_s > self._offset / 2 and raw > self._last:
            # It came forward again by about as much: what was bridged is undone.
            self._offset = 0.0
        now = raw + self._offset
        now = max(now, self._last)
        if step > 0:
            self._period = [*self._period[-20:], step]
        self._last, self._raw = now, raw
        return now

    def anew(self, moment: Moment) -> float:
        """The time of a row with which a time since the start began anew: a restart."""
        self._offset = (self._last or 0.0) + self.period_s - moment.seconds
        self._days = 0
        self._raw = moment.seconds
        self._last = moment.seconds + self._offset
        return self._last
