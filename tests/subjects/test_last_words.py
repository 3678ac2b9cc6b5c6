"""Of a program that ends badly the line that says why is told with its end."""

from __future__ import annotations

import pytest

from zcbench.record.schema import Ending
from zcbench.soak.endings import Exit, end_of
from zcbench.subjects.last_words import KEPT, LONGEST, LastWords

RUST = "thread 'main' panicked at 'index out of bounds: the len is 0 but the index is 1', it.rs:1:120"


def why(text: str, piece: int = 7) -> str | None:
    words, printed = LastWords(), text.encode()
    for at in range(0, len(printed), piece):
        words.hear(printed[at : at + piece])
    return words.why()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("starting\ncannot open /dev/snd: no such device\n\n", "cannot open /dev/snd: no such device"),
        ("free(): double free detected in tcache 2\n", "free(): double free detected in tcache 2"),
        ("a.out: it.c:9: main: Assertion `n == 9' failed.\nAborted\n",
         "a.out: it.c:9: main: Assertion `n == 9' failed."),
        ("terminate called after throwing an instance of 'std::runtime_error'\n  what():  no device left\n",
         "terminate called after throwing an instance of 'std::runtime_error' what(): no device left"),
        (f"{RUST}\nnote: run with `RUST_BACKTRACE=1`\n", RUST),
        ("thread 'main' (4242) panicked at it.rs:1:9:\nboom\nnote: run\n",
         "thread 'main' (4242) panicked at it.rs:1:9: boom"),
        ("thread 'main' panicked at src/main.rs:2:5:\nboom\nnote: run with\n",
         "thread 'main' panicked at src/main.rs:2:5: boom"),
        ("panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/p.go:3 +0x3b\n",
         "panic: assignment to entry in nil map"),
        ("Exception in thread \"main\" java.lang.IllegalStateException: no device\n\tat J.main(J.java:1)\n",
         "Exception in thread \"main\" java.lang.IllegalStateException: no device"),
        ("[eval]:1\nsetTimeout(...)\n^\n\nError: no device\n    at Timeout (eval:1)\n\nNode.js v18.20.4\n",
         "Error: no device"),
        ("Traceback (most recent call last):\n  File \"<string>\", line 1\nValueError: no device\n",
         "ValueError: no device"),
        ("\x1b[31mred\x1b[0m \x07bell\n", "red \N{REPLACEMENT CHARACTER}bell"),
        ("x" * 9999, "x" * (LONGEST - 1) + "…"),
        ("", None),
        ("\n \n", None),
    ],
)  # fmt: skip
def test_the_line_that_says_why_is_found(text: str, line: str | None) -> None:
    assert why(text) == line
    assert why(text, KEPT + 1) == line


def test_only_the_end_of_the_output_is_kept() -> None:
    words = LastWords()
    for _ in range(100):
        words.hear(b"panic: long ago\n" + b"an answer\n" * 9999)
    assert words.why() == "an answer"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-6, "terminate called after throwing an instance of 'std::bad_alloc' what(): std::bad_alloc"),
        (134, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"),
        (1, 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'),
        (1, "MemoryError"),
        (-6, "memory allocation of 17592186044416 bytes failed"),
    ],
)
def test_who_had_no_memory_left_is_told_from_who_crashed(code: int, words: str) -> None:
    end = end_of(Exit(who="the command", code=code, is_done=True, relays_signals=True, last_words=words))
    assert end.ending is Ending.MEMORY
    assert "had no memory left" in (end.message or "")
    # a fault of another kind stays what it is, whatever stands in the output
    segfault = end_of(Exit(who="the command", code=-11, is_done=True, relays_signals=True, last_words=words))
    assert segfault.ending is Ending.CRASHED


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (3, "the command exited with code 3; it said: no device"),
        (-6, "the command died of SIGABRT; it said: no device"),
        (-15, "the command died of SIGTERM (nobody here sent it); it said: no device"),
        (-13, "the command died of SIGPIPE (it wrote to a pipe or a socket that nobody reads any more); "
              "it said: no device"),
        (-24, "the command died of SIGXCPU (it reached its limit of CPU time, ulimit -t); it said: no device"),
        (0, "exited normally"),
    ],
)  # fmt: skip
def test_a_bad_end_quotes_it_and_says_who_sent_a_signal(code: int, message: str) -> None:
    seen = Exit(who="the command", code=code, is_done=True, relays_signals=True, last_words="no device")
    assert end_of(seen).message == message
