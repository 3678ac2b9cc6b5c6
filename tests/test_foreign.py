"""Text of others neither acts nor hides where it is shown; files of others neither hang nor redirect."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from zcbench.files import open_at_once, read_regular, write_out, write_whole
from zcbench.foreign import of_error, plain


@pytest.mark.parametrize(
    "acts",
    ["\x1b", "\x07", "\r", "\x9b", "\x7f", "\x00", "\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\u2028",
     "\udcff", "\U000e0041", "\u3164"],
)  # fmt: skip
def test_what_acts_or_is_not_seen_is_replaced(acts: str) -> None:
    assert plain(f"a{acts}b") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("harmless", ["a\tb\nc", "größe ± 1\xa0B", "12\u202f345", "⚠️ ✅", "日本"])
def test_what_is_only_text_stays(harmless: str) -> None:
    assert plain(harmless) == harmless


def test_lines_of_windows_end_as_others_do() -> None:
    assert plain("a\r\nb") == "a\nb"


class Mute(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("a\n::error::b"), "RuntimeError: a ::error::b"),
        (Mute(), "Mute: its message cannot be had"),
        (SystemExit(0), "it called sys.exit(0)"),
        (KeyError(), "KeyError"),
    ],
)
def test_any_error_is_one_line(error: BaseException, says: str) -> None:
    assert of_error(error) == says


def test_an_error_is_brief() -> None:
    assert len(of_error(RuntimeError("x" * 10**6))) == 200


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_regular(tmp_path / "pipe")


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "report.md").symlink_to(tmp_path / "precious")
    write_whole(tmp_path / "report.md", b"report")
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "report.md").read_text() == "report"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    with pytest.raises(OSError) as caught:  # noqa: PT011
        write_whole(tmp_path / "report.md", b"report")
    assert caught.value.filename == str(tmp_path / "report.md")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_is_read_and_written_if_somebody_is_at_its_other_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError):  # noqa: PT011
        write_out(pipe, b"report")
    with pytest.raises(OSError, match="nobody writes"):
        open_at_once(pipe)
    other = threading.Thread(target=lambda: pipe.write_bytes(b"text"))
    other.start()
    with open_at_once(pipe) as file:
        assert file.read() == b"text"
    other.join()


def test_a_device_without_end_is_not_read() -> None:
    if Path("/dev/zero").exists():
        with pytest.raises(OSError, match="not a regular file"):
            open_at_once(Path("/dev/zero"))
