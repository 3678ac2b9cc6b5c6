"""Did the subject end as planned?"""

from __future__ import annotations

from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import CONTRACT_EXIT_CODE, Ending, Event, Finding, Outcome
from zcbench.verdict import moments
from zcbench.verdict.check import Check

_OUTCOMES: dict[Ending, Outcome] = {
    Ending.FINISHED: "pass",
    Ending.INTERRUPTED: "inconclusive",
    Ending.HARNESS: "inconclusive",
    Ending.PARTIAL: "inconclusive",
    Ending.UNKNOWN: "inconclusive",
}
_SENTENCES = {
    Ending.FINISHED: "the process exited normally",
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


# Of somebody else's run nothing here saw the end: what --ended says is no evidence, and is called so.
_BY_WORD = ", as --ended says"
_POWER = "one exception in a finaliser or a thread"
_THEIRS = "see what the subject, or the system that ran it, logged at its end"


def check(record: Record, found: Totals) -> Finding:
    """Pass only when the subject said it was done and exited with 0, and no exception went unseen."""
    end = record.end
    unseen = [event for event in record.events if event.kind == "unraisable"]
    if unseen and end.ending in (Ending.FINISHED, Ending.INTERRUPTED):
        return _unseen(record, unseen)
    if end.ending is Ending.FAILED and end.exit_code == CONTRACT_EXIT_CODE:
        return Finding(
            check="life",
            outcome="fail",
            cause="contract",
            sentence=end.message or "the engine breaks its contract",
            evidence={"ending": end.ending.value, "exit_code": end.exit_code},
            remedy="mend the engine: docs/your-engine.md has one to copy",
        )
    where = ""
    ours = record.run.ingested is None
    if end.ending is not Ending.FINISHED and end.last_sequence is not None:
        where = f"; the last packet taken was number {end.last_sequence:,} ({end.received:,} in all)"
    elif end.ending not in (Ending.FINISHED, Ending.UNKNOWN):
        where = "; no packet had been taken" if ours else ""
    detail = f": {end.message}" if end.message and end.ending is not Ending.FINISHED else ""
    if ours and end.ending is Ending.HUNG and _all_delivered(record, found):
        detail = ": nothing moved any more after the last packet due, in stop() or while the stream was drained"
    by_word = "" if ours or end.ending is Ending.UNKNOWN else _BY_WORD
    if unseen and end.ending is Ending.HUNG:  # a thread that died is why nothing comes any more
        detail += f"; before that, uncaught: {unseen[0].message}"
    return Finding(
        check="life",
        outcome=_OUTCOMES.get(end.ending, "fail"),
        cause=None if end.ending is Ending.FINISHED else end.ending.value,
        sentence=_SENTENCES[end.ending] + by_word + detail + where,
        evidence={
            "ending": end.ending.value,
            "exit_code": end.exit_code,
            "signal": end.signal,
            "last_sequence": end.last_sequence,
            "received": end.received,
        },
        power=_POWER if end.ending is Ending.FINISHED and ours else None,
        remedy=_remedy(end.ending, ours),
    )


def _remedy(ending: Ending, ours: bool) -> str | None:
    known = _REMEDIES.get(ending)
    return known if known is None or ours or ending is Ending.UNKNOWN else _THEIRS


def _all_delivered(record: Record, found: Totals) -> bool:
    """Whether nothing was due any more when the subject stopped moving."""
    due, received = record.run.due_packets, count(found, "consumer.received")
    return due is not None and received is not None and received >= due


def _unseen(record: Record, events: list[Event]) -> Finding:
    """Python prints what a finaliser or a thread raises, and goes on as if nothing had happened."""
    first = events[0]
    number = "an exception" if len(events) == 1 else f"at least {len(events)} exceptions"
    return Finding(
        check="life",
        outcome="fail",
        cause=Ending.FAILED.value,
        sentence=f"{number} left uncaught, the first {first.elapsed_s:.1f} s into the run: {first.message}",
        evidence={
            "ending": record.end.ending.value,
            "unraisable": len(events),
            "received": record.end.received,
        },
        remedy="Python printed and forgot it: the traceback is in worker.jsonl and subject.log",
    )


CHECK = Check(
    name="life",
    question=(
        "Did the subject end as planned? Crash, hang, exit and out of memory are told apart, "
        "with the exact last packet."
    ),
    judge=(check,),
    causes={
        "failed": "an exception ended it, or was raised where nobody could catch it",
        "contract": "the engine lacks what it must have: nothing was tested",
        "crashed": "a signal nobody here sent",
        "exited": "it exited on its own before it was done",
        "hung": "nothing moved any more while packets were due",
        "memory": "killed for memory, or had none left",
        "aborted": "an expectation with abort = true ended it",
        "interrupted": "Ctrl-C or SIGTERM",
        "harness": "the harness failed",
        "partial": "no end was recorded",
        "unknown": "of somebody else's run: nobody said how it ended",
    },
    meaning="the process that captures dies, and the recording with it",
    figure="rate",
    moment=moments.end,
)
