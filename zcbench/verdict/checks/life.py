"""Did the subject end as planned?"""

from __future__ import annotations

from functools import cached_property

import msgspec

from zcbench.analysis.lives import restarts
from zcbench.analysis.totals import Totals, count
from zcbench.analysis.uncaught import uncaught
from zcbench.quantities.names import CONSUMER_RECEIVED, ENGINE_CAPTURED, ENGINE_DELIVERED
from zcbench.quantities.units import format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import (
    ANSWERED,
    CONTRACT_EXIT_CODE,
    NOT_STARTED,
    End,
    Ending,
    Event,
    EventKind,
    Finding,
)
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts

# Ends that say nothing of the subject.
_NOT_KNOWN = (Ending.INTERRUPTED, Ending.HARNESS, Ending.PARTIAL, Ending.UNKNOWN)
_SENTENCES = {
    Ending.FAILED: "the subject ended with an exception",
    Ending.CRASHED: "the subject crashed",
    Ending.EXITED: "the subject exited on its own",
    Ending.HUNG: "the subject hung",
    Ending.MEMORY: "the subject was killed for memory, or had none left",
    Ending.ABORTED: "the run was ended early",
    Ending.INTERRUPTED: "the run was interrupted",
    Ending.HARNESS: "the harness failed; the subject was stopped",
    Ending.PARTIAL: "the end of the run was not recorded",
    Ending.UNKNOWN: "how the subject ended was not measured",
}
_REMEDIES = {
    Ending.FAILED: "the traceback is below and in worker.jsonl",
    Ending.CRASHED: "the stack, if one could be had, is below and in faulthandler.txt",
    Ending.EXITED: "what it printed is in subject.log",
    Ending.HUNG: "the stacks of all threads are below and in faulthandler.txt",
    Ending.ABORTED: "an expectation with abort = true ended it: see that one",
    Ending.MEMORY: "raise limits.rss, or look at the memory profile for what grew",
    Ending.UNKNOWN: "say how it ended: --ended finished",
    Ending.PARTIAL: "run it again; keep the supervisor alive to the end",
}


# Of a program that is not ours: what it printed may hold a stack, and no file of ours does.
_OF_PROGRAMS = {
    Ending.FAILED: "what it printed is in subject.log",
    Ending.CRASHED: "what it printed is in subject.log; run it under a debugger, or with core dumps enabled",
    Ending.HUNG: "what it printed when it was told to die is in subject.log",
}


# Of somebody else's run nothing here saw the end: what --ended says is no evidence, and is called so.
_BY_WORD = ", as --ended says"
NORMALLY = "exited normally"
_DETECTION_LIMIT = "one exception in a finaliser or a thread"
_SENT = "find who sent it: a service manager, a script, the kernel for memory (dmesg), a user"
_SENT_BY_OTHERS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM")
_THEIRS = "see what the subject, or the system that ran it, logged at its end"


class _Facts(Facts):
    @property
    def end(self) -> End:
        return self.record.end

    @property
    def ours(self) -> bool:
        return self.record.can("ending")

    @cached_property
    def unseen(self) -> list[Event]:
        """Exceptions that Python printed and forgot."""
        return [event for event in self.record.events if event.kind == EventKind.UNRAISABLE]


def _uncaught(facts: _Facts) -> Finding | None:
    """Python prints what a finaliser or a thread raises, and goes on as if nothing had happened."""
    events, end = facts.unseen, facts.end
    if not events or end.ending not in (Ending.FINISHED, Ending.INTERRUPTED):
        return None
    number = "an exception" if len(events) == 1 else f"at least {len(events)} exceptions"
    return CHECK.failed(
        f"{number} left uncaught, the first {events[0].elapsed_s:.1f} s into the run: {events[0].message}",
        {"ending": end.ending.value, "unraisable": len(events), "received": end.received},
        cause=Ending.FAILED.value,
        remedy="Python printed and forgot it: the traceback is in worker.jsonl and subject.log",
    )


def _uncaught_in_python(facts: _Facts) -> Finding | None:
    """Warn of what a Python program printed and forgot: its author knows whether that matters."""
    found = None if facts.record.can("worker") else uncaught(facts.record)
    if found is None or facts.end.ending is not Ending.FINISHED:
        return None
    number = "an exception" if found.count == 1 else f"{found.count:,} exceptions"
    first, last = (format_duration(at) for at in (found.at_s[0], found.at_s[-1]))
    when = f"{first} into the run"
    if len(found.at_s) > 1:
        when = f"the first {when}, the last at {last}: {_few_digits(found.per_s * 3600)} an hour"
    return CHECK.failed(
        f"{_as_it_ended(facts).sentence}; {number} in finalisers and callbacks left uncaught, {when}",
        {"ending": facts.end.ending.value, "unraisable": found.count, "unraisable_per_s": found.per_s},
        cause="unraisable",
        remedy='Python printed and forgot it: look for "Exception ignored in" in subject.log',
        level="warn",
    )


def _few_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _no_engine(facts: _Facts) -> Finding | None:
    end = facts.end
    if end.ending is not Ending.FAILED or end.exit_code != CONTRACT_EXIT_CODE:
        return None
    return CHECK.failed(
        end.message or "the engine breaks its contract",
        {"ending": end.ending.value, "exit_code": end.exit_code},
        cause="contract",
        remedy="mend the engine: docs/your-engine.md has one to copy",
    )


def _survived(facts: _Facts) -> Finding | None:
    """A good end that leaves processes behind is none."""
    left = [
        event
        for event in facts.record.events
        if event.kind == EventKind.LEFT_PROCESSES and event.data.get("survived")
    ]
    if not left or facts.end.ending is not Ending.FINISHED:
        return None
    return CHECK.failed(
        f"{left[-1].message}, and had to be killed",
        {"ending": facts.end.ending.value, "left": left[-1].data.get("count")},
        cause="survived",
        remedy="end what it started when it is asked to end: each further life leaves as many",
    )


def _crashed_child(facts: _Facts) -> Finding | None:
    """A server that starts its workers anew ends well, however many of them crash."""
    events = [event for event in facts.record.events if event.kind == EventKind.CHILD_CRASH]
    if not events or facts.end.ending not in (Ending.FINISHED, Ending.INTERRUPTED):
        return None
    crashes = sum(_whole(event.data.get("count")) for event in events)
    more = "" if crashes == 1 else f"; {crashes:,} child processes crashed in all"
    when = format_duration(events[0].elapsed_s)
    return CHECK.failed(
        f"{events[0].message}, {when} into the run, while the subject lived on{more}",
        {"ending": facts.end.ending.value, "crashes": crashes, "signal": events[0].data.get("signal")},
        cause="child_crashed",
        remedy="what it printed is in subject.log; run it with core dumps enabled (ulimit -c unlimited)",
    )


def _whole(count: object) -> int:
    """How many crashes an event tells of: one at least."""
    return count if isinstance(count, int) and count > 1 else 1


def _as_it_ended(facts: _Facts) -> Finding:
    """Pass only when the subject said it was done and exited with 0."""
    end, ours = facts.end, facts.ours
    by_word = "" if ours or end.ending is Ending.UNKNOWN else _BY_WORD
    said = _sentence(facts) + by_word + _detail(facts) + _last_packet(facts) + _restarts(facts)
    evidence: Evidence = {
        "ending": end.ending.value,
        "exit_code": end.exit_code,
        "signal": end.signal,
        "last_sequence": end.last_sequence,
        "received": end.received,
    }
    if end.ending is Ending.FINISHED:
        return CHECK.passed(
            said, evidence, detection_limit=_DETECTION_LIMIT if facts.record.can("worker") else None
        )
    remedy = _remedy(facts)
    if end.ending not in _NOT_KNOWN:
        return CHECK.failed(said, evidence, cause=end.ending.value, remedy=remedy)
    undecided = CHECK.undecided(said, evidence, remedy=remedy)
    return msgspec.structs.replace(undecided, cause=end.ending.value)


def _restarts(facts: _Facts) -> str:
    """ "; it began anew once, at 56 min 32 s", of a log that holds several lives."""
    at = restarts(facts.record)
    if not at:
        return ""
    times = "once" if len(at) == 1 else f"{len(at):,} times"
    return f"; it began anew {times}, {'at' if len(at) == 1 else 'first at'} {format_duration(at[0])}"


def _detail(facts: _Facts) -> str:
    end = facts.end
    if facts.ours and end.ending is Ending.HUNG and _all_delivered(facts.record, facts.totals):
        detail = ": nothing moved any more after the last packet due, in stop() or while the stream was drained"
    else:
        detail = f": {end.message}" if end.message and end.ending is not Ending.FINISHED else ""
    if facts.unseen and end.ending is Ending.HUNG:
        # A thread that died is why nothing comes any more.
        detail += f"; before that, uncaught: {facts.unseen[0].message}"
    return detail


def _sentence(facts: _Facts) -> str:
    end = facts.end
    if end.ending is Ending.EXITED and ANSWERED in (end.message or ""):
        return "the subject ended as it was asked to, but not well"
    if _is_not_started(end):
        return "nothing was tested"
    if end.ending is not Ending.FINISHED:
        return _SENTENCES[end.ending]
    if end.message in (None, NORMALLY) or not facts.ours:
        return f"the process {NORMALLY}"
    was = "was " if end.message.startswith(("killed", "watched")) else ""
    return f"it {was}{end.message}"


def _is_fault(signal: str) -> bool:
    """Whether a program gets this signal for what it does itself; the others somebody sends."""
    return signal not in _SENT_BY_OTHERS


def _is_not_started(end: End) -> bool:
    return end.ending is Ending.FAILED and (end.message or "").startswith(NOT_STARTED)


def _last_packet(facts: _Facts) -> str:
    end = facts.end
    if end.ending is Ending.FINISHED:
        return ""
    if end.last_sequence is not None:
        return f"; the last packet taken was number {end.last_sequence:,} ({end.received:,} in all)"
    if end.ending is Ending.UNKNOWN or not facts.ours or not facts.record.can("packets"):
        return ""
    # Of a program the last word is on its page, or what it published last.
    names = (CONSUMER_RECEIVED, ENGINE_DELIVERED, ENGINE_CAPTURED)
    counted = ((name, count(facts.totals, name)) for name in names)
    known = next(((name, number) for name, number in counted if number is not None), None)
    if known is None and not facts.record.can("worker"):
        return ""
    if known is None or not known[1]:
        return "; no packet had been taken"
    return f"; {known[1]:,} packets had been {known[0].partition('.')[2]}"


def _remedy(facts: _Facts) -> str | None:
    ending = facts.end.ending
    known = _REMEDIES.get(ending)
    if _is_not_started(facts.end):
        return "start it by hand, from the same directory: what the system says there is why"
    if known is None or ending is Ending.UNKNOWN or facts.record.can("worker"):
        return known
    signal = facts.end.signal
    if facts.ours and ending is Ending.CRASHED and signal is not None and not _is_fault(signal):
        return _SENT
    return _OF_PROGRAMS.get(ending, known) if facts.ours else _THEIRS


def _all_delivered(record: Record, found: Totals) -> bool:
    """Whether nothing was due any more when the subject stopped moving."""
    due, received = record.run.due_packets, count(found, CONSUMER_RECEIVED)
    return due is not None and received is not None and received >= due


CHECK = Check(
    name="life",
    question=(
        "Did the subject end as planned? Crash, hang, exit and out of memory are told apart, "
        "with the exact last packet."
    ),
    facts=_Facts,
    rules=(_uncaught, _no_engine, _crashed_child, _survived, _uncaught_in_python, _as_it_ended),
    causes={
        "failed": "an exception ended it, or was raised where nobody could catch it",
        "unraisable": "Python raised exceptions where nobody could catch them, and went on",
        "contract": "the engine lacks what it must have: nothing was tested",
        "crashed": "a signal nobody here sent",
        "child_crashed": "a process that it had started crashed, and it lived on",
        "exited": "it exited on its own before it was done",
        "hung": "nothing moved any more while packets were due",
        "memory": "killed for memory, or had none left",
        "survived": "processes that it had started outlived it",
        "aborted": "an expectation with abort = true ended it",
        "interrupted": "Ctrl-C or SIGTERM",
        "harness": "the harness failed",
        "partial": "no end was recorded",
        "unknown": "of somebody else's run: nobody said how it ended",
    },
    meaning="it dies before its work is done, and takes with it what it held",
    figure="rate",
    moment=moments.end,
    item="Every run ended normally",
)
