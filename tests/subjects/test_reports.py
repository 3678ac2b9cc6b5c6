"""What a sanitizer, Valgrind or Go's race detector prints is a finding, with its place, and explains the end.

``reports/`` has what these tools printed of two small programs, leak.c and uaf.c.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.records import make_command_record
from tests.subjects.conftest import planned, recorded
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Event, EventKind, Finding
from zcbench.soak.endings import Exit, end_of
from zcbench.subjects.reports.exit_code import tells_of_report
from zcbench.subjects.reports.listener import MOST_REPORTS, ReportListener
from zcbench.subjects.reports.log_files import read_logs
from zcbench.subjects.reports.report import LEAK, RACE, Report
from zcbench.verdict import judge

REPORTS = Path(__file__).parent / "reports"
LOST = "LeakSanitizer found 100,000 bytes in 1,000 blocks lost, allocated at /src/leak.c:7"
SIGNED = "UndefinedBehaviorSanitizer: signed integer overflow:"


def heard(text: bytes, piece: int = 1 << 16) -> list[Report]:
    listener = ReportListener()
    for at in range(0, len(text), piece):
        listener.hear(text[at : at + piece])
    listener.end()
    return listener.reports


@pytest.mark.parametrize(
    ("file", "cause", "sentences"),
    [
        ("asan-leak", "lost_blocks", [f"{LOST} in forgotten"]),
        ("clang-asan-leak", "lost_blocks", [f"{LOST}:64 in forgotten"]),
        ("lsan", "lost_blocks", [f"{LOST} in forgotten"]),
        ("asan-uaf", "bad_access", ["AddressSanitizer: heap-use-after-free, at /src/uaf.c:9 in main"]),
        ("asan-stack", "bad_access", ["AddressSanitizer: stack-buffer-overflow, at /src/uaf.c:11 in main"]),
        ("asan-segv", "bad_access", ["AddressSanitizer: SEGV, at /src/uaf.c:13 in main"]),
        ("tsan-race", "race", ["ThreadSanitizer: data race, at /src/uaf.c:6 in run"]),
        ("clang-tsan-race", "race", ["ThreadSanitizer: data race, at /src/uaf.c:6:58 in run"]),
        ("clang-ubsan", "undefined",
         [f"{SIGNED} 2147483647 + 1 cannot be represented in type 'int', at uaf.c:15:42",
          "UndefinedBehaviorSanitizer: index 7 out of bounds for type 'int[4]', at uaf.c:15:78"]),
        ("msan", "uninitialised",
         ["MemorySanitizer: use-of-uninitialized-value, at /src/uaf.c:16:49 in main"]),
        ("valgrind-leak", "lost_blocks",
         ["Valgrind found 100,000 bytes in 1,000 blocks lost, allocated at leak.c:7 in forgotten"]),
        ("valgrind-leak-summary", "lost_blocks", ["Valgrind found 100,000 bytes in 1,000 blocks lost"]),
        ("valgrind-uaf", "bad_access",
         ["Valgrind: Invalid write of size 1, at uaf.c:9 in main",
          "Valgrind: Invalid read of size 1, at uaf.c:9 in main"]),
        ("valgrind-uninit", "uninitialised",
         ["Valgrind: Conditional jump or move depends on uninitialised value(s), at uaf.c:16 in main"]),
        ("valgrind-double", "bad_access",
         ["Valgrind: Invalid free() / delete / delete[] / realloc(), at uaf.c:12 in main"]),
        ("helgrind", "race",
         ["Valgrind: Possible data race during read of size 4, at uaf.c:6 in run",
          "Valgrind: Possible data race during write of size 4, at uaf.c:6 in run"]),
        ("drd", "race",
         ["Valgrind: Conflicting load, at uaf.c:6 in run", "Valgrind: Conflicting store, at uaf.c:6 in run"]),
        ("go-race", "race", ["Go's race detector: data race, at /src/race.go:9 in main.add"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("piece", [1 << 16, 7])
def test_a_report_is_told_with_its_place(file: str, cause: str, sentences: list[str], piece: int) -> None:
    reports = heard((REPORTS / f"{file}.txt").read_bytes(), piece)
    assert [report.sentence for report in reports] == sentences
    assert {report.cause for report in reports} == {cause}


@pytest.mark.parametrize(
    "text",
    [
        (REPORTS / "valgrind-clean.txt").read_bytes(),
        b"a == b\n==12== chapter\n==12==    at 0x: nothing\n",
        b"panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\n",
        b"built with AddressSanitizer: yes\nSUMMARY: 3 passed\n    #0 0x12 in main a.c:1\n",
        b"==7== 272 bytes in 1 blocks are possibly lost in loss record 1 of 1\n"
        b"==7==    at 0x1: calloc (in /usr/libexec/valgrind/x.so)\n==7==    by 0x2: main (a.c:3)\n==7== \n",
        b"==\n" * 9999 + b"x" * 99_999,
    ],
)
def test_other_output_is_no_report(text: bytes) -> None:
    assert heard(text) == []


def test_the_worst_site_of_many_is_named_and_reports_are_bounded() -> None:
    frames = b"    #0 0x1 in malloc (/x/liblsan.so+0x1)\n    #1 0x2 in %s /src/a b/%s.c:%d\n\n"
    text = b"==5==ERROR: LeakSanitizer: detected memory leaks\n\n"
    text += b"Direct leak of 8 byte(s) in 1 object(s) allocated from:\n" + frames % (b"small", b"s", 1)
    text += b"Indirect leak of 999 byte(s) in 3 object(s) allocated from:\n" + frames % (b"inner", b"i", 2)
    text += b"Direct leak of 90 byte(s) in 2 object(s) allocated from:\n" + frames % (b"large", b"l", 3)
    (report,) = heard(text)  # cut off before its end
    assert report.sites == ((90, 2, "/src/a b/l.c:3 in large"), (8, 1, "/src/a b/s.c:1 in small"))
    many = b"".join(b"a.c:%d:1: runtime error: division by zero\n" % line for line in range(99))
    assert len(heard(many)) == MOST_REPORTS
    assert len(heard(many[:41] * 50)) == 1


LEAKED = Report("LeakSanitizer", "detected memory leaks", LEAK, "a.c:1 in f", 100, 1)
RACED = Report("ThreadSanitizer", "data race", RACE, "a.c:1 in f")
VALGRIND = Report("Valgrind", "Invalid read of size 1", "bad_access", "a.c:1 in f")


@pytest.mark.parametrize(
    ("code", "report", "words", "variables", "tells"),
    [
        (23, LEAKED, (), {}, True),
        (1, LEAKED, (), {}, True),
        (3, LEAKED, (), {}, False),
        (42, LEAKED, (), {"LSAN_OPTIONS": "verbosity=1:exitcode=42"}, True),
        (66, RACED, (), {}, True),
        (1, RACED, (), {}, False),
        (9, VALGRIND, ("valgrind", "--error-exitcode=9", "./it"), {}, True),
        (9, VALGRIND, ("valgrind", "./it"), {}, False),
        (-11, LEAKED, (), {}, False),
        (0, LEAKED, (), {}, False),
    ],
)
def test_the_exit_code_of_a_tool_is_no_end_of_the_program(
    code: int, report: Report, words: tuple[str, ...], variables: dict[str, str], tells: bool
) -> None:
    assert tells_of_report(code, [report], words, variables) is tells


def test_an_end_by_a_sanitizer_is_a_crash_by_its_name() -> None:
    reports = tuple(heard((REPORTS / "asan-uaf.txt").read_bytes()))
    end = end_of(Exit(who="the command", code=1, is_done=True, relays_signals=True, reports=reports))
    assert (end.ending, end.message) == (
        Ending.CRASHED,
        "the command was ended by AddressSanitizer (code 1): heap-use-after-free, at /src/uaf.c:9 in main",
    )
    reports = tuple(heard((REPORTS / "asan-segv.txt").read_bytes()))
    end = end_of(Exit(who="the command", code=1, is_done=True, relays_signals=True, reports=reports))
    assert (end.ending, end.signal) == (Ending.CRASHED, "SIGSEGV")


def sanitizers(record: Record) -> Finding:
    return next(finding for finding in judge(record).findings if finding.check == "sanitizers")


def test_the_worst_report_gives_the_cause_and_a_good_end_does_not_hide_it(tmp_path: Path) -> None:
    events = [
        Event(
            elapsed_s=2.0, kind=EventKind.SANITIZER, message="lost", data={"cause": "lost_blocks", "bytes": 7}
        ),
        Event(
            elapsed_s=3.0, kind=EventKind.SANITIZER, message="raced", data={"cause": "race", "where": "a.c:1"}
        ),
        Event(elapsed_s=3.0, kind=EventKind.SANITIZER, message="odd", data={"cause": [], "where": 7}),
    ]
    found = sanitizers(make_command_record(tmp_path / "run", events=events[:2]))
    assert (found.outcome, found.cause, found.sentence) == ("fail", "race", "raced; lost")
    assert found.evidence["lost_bytes"] == 7
    assert "mend a.c:1" in (found.remedy or "")
    # one of another hand
    assert sanitizers(make_command_record(tmp_path / "odd", events=events)).outcome == "fail"
    assert sanitizers(make_command_record(tmp_path / "none")).lacks == "reports"


@pytest.mark.parametrize(
    ("words", "variables", "name"),
    [
        ((), {"UBSAN_OPTIONS": "print_stacktrace=1:log_path=logs/it"}, "logs/it.42"),
        ((), {"ASAN_OPTIONS": "log_path='{0}/a b'"}, "a b.7"),
        (("valgrind", "--log-file={0}/vg.%p.%q{{HOME}}.log", "./it"), {}, "vg.99.x.log"),
    ],
)
def test_a_report_that_goes_to_a_file_is_read_there(
    tmp_path: Path, words: tuple[str, ...], variables: dict[str, str], name: str
) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes((REPORTS / "asan-uaf.txt").read_bytes())
    given = [word.format(tmp_path) for word in words]
    chosen = {key: value.format(tmp_path) for key, value in variables.items()}
    (log,) = read_logs(given, chosen, tmp_path, 0.0)
    assert [report.cause for report in heard(log)] == ["bad_access"]
    # one of a run before, and what goes to the output, are no files of this one
    assert list(read_logs(given, chosen, tmp_path, file.stat().st_mtime + 60)) == []
    assert list(read_logs(("./it",), {"ASAN_OPTIONS": "log_path=stderr"}, tmp_path, 0.0)) == []


PROGRAM = """
#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) static char *forgotten(void) { return malloc(100); }
int main(int count, char **words) {
  char *block = forgotten();
  block[0] = (char)count;
  if (!strcmp(words[1], "use")) {
    free(block);
    return block[1];
  }
  return 0;
}
"""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """The runs, side by side: under the meter, which must neither hide the place nor break the tool."""
    folder = tmp_path_factory.mktemp("sanitized")
    (folder / "it.c").write_text(PROGRAM)
    runs = {"leak": "lose", "address": "use"}

    def record(kind: str) -> Record:
        program, directory = folder / kind, folder / f"{kind}-run"
        flags = ["-g", "-O1", "-fno-builtin", "-w", f"-fsanitize={kind}"]
        subprocess.run(["gcc", *flags, folder / "it.c", "-o", program], check=True)
        directory.mkdir()
        keys = {"subject.command": f"{program} {runs[kind]}", "sampling.every": "200ms"}
        # It ends by itself: a busy machine must not have it stopped within its report.
        return recorded(planned({**keys, "duration": "60s"}), directory)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(runs, pool.map(record, runs), strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="LeakSanitizer is Linux's")
def test_lost_blocks_are_a_finding_and_no_crash(records: dict[str, Record]) -> None:
    result = judge(records["leak"])
    found = sanitizers(records["leak"])
    assert (found.outcome, found.cause) == ("fail", "lost_blocks")
    assert found.sentence.endswith("it.c:4 in forgotten")
    assert found.evidence["lost_bytes"] == 100
    assert result.end.ending is Ending.FINISHED
    assert result.end.message.endswith("with code 23, by which LeakSanitizer tells of its report")
    assert result.exit_code == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the meter's place before AddressSanitizer's library")
def test_a_use_after_free_is_named_by_its_line(records: dict[str, Record]) -> None:
    found = sanitizers(records["address"])
    assert found.sentence.startswith("AddressSanitizer: heap-use-after-free, at ")
    assert found.sentence.endswith("it.c:10 in main")
    assert records["address"].end.ending is Ending.CRASHED
