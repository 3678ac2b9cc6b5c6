"""Bad input: one line that says what would be right, exit code 2, and nothing written or lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result

from zcbench.record.schema import RUN_FILE, SAMPLES_FILE

Invoke = Callable[..., Result]

DRY = ("--engine", "reference")


def files_below(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def refused(result: Result, *says: str) -> None:
    """The promise of every error: exit code 2, nothing on stdout, one line on stderr."""
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("zcbench: ")
    for text in says:
        assert text in lines[0], lines[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["crash-debgu"], "did you mean 'crash-debug'?"),
        (["nowhere/x.toml"], "no such file"),
        (["--engine", "natvie"], "--engine: engine: no engine 'natvie'"),
        (["--source", "tonne"], "--source: source.kind: no source 'tonne'"),
        (["--consumer", "immedate"], "did you mean 'immediate'?"),
        (["--pool-policy", "shrink"], "use grow, drop, block"),
        (["--duration", "5 parsecs"], "--duration: duration: 5 parsecs: unknown unit 'parsecs'"),
        (["--duration", "-1s"], "a duration cannot be negative"),
        (["--duration", "0"], "not above 0"),
        (["--sample-every", "0"], "--sample-every: sampling.every: 0s is not at least 10ms"),
        (["--set", "limits.rss=5 parsecs"], "unknown unit 'parsecs'"),
        (["--set", "limits.rss=-1"], "a size cannot be negative"),
        (["--set", "limits.rss=0"], "a size must be above 0"),
        (["--set", "pool.sluts=1"], "did you mean 'pool.slots'?"),
        (["--set", "pool.slots"], "is not key=value"),
        (["--tag", "nightly"], "--tag: 'nightly' is not key=value"),
        (["--pool", "0"], "--pool: pool.slots: 0 is not in 1..1,000,000"),
        (["--pool", "1000001"], "1,000,001 is not in"),
        (["--pool", "1000000", "--frames", "1000000"], "this machine has"),
        (["--frames", "10000000"], "at most 64.00 MiB"),
        (["--speed", "0"], "--speed: source.speed: 0: a speed must be above 0"),
        (["--path", "missing.wav"], "missing.wav: no such file"),
    ],
)
def test_a_bad_flag_is_refused_before_anything_is_written(
    invoke: Invoke, here: Path, arguments: list[str], says: str
) -> None:
    refused(invoke("run", *arguments), says)
    assert files_below(here) == {}


def test_a_bad_variable_is_named_as_the_variable(invoke: Invoke, here: Path) -> None:
    refused(invoke("run", ZCBENCH_POOL="0"), "ZCBENCH_POOL: pool.slots: 0 is not in")
    assert files_below(here) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("duration = 30s\n", "x.toml:1: not TOML"),
        ("\n[pool]\nslots = 'many'\n", "x.toml:3: pool.slots: 'many' is not a whole number"),
        ("[pool]\nslot = 1\n", "x.toml:2: pool.slot: unknown key; did you mean 'pool.slots'?"),
    ],
)
def test_a_bad_scenario_file_is_named_with_its_line(invoke: Invoke, here: Path, text: str, says: str) -> None:
    (here / "x.toml").write_text(text)
    before = files_below(here)
    refused(invoke("run", "x.toml"), says)
    assert files_below(here) == before


def _wav(path: Path, channels: int = 2, frames: int = 48_000) -> bytes:
    soundfile.write(path, np.zeros((frames, channels), np.float32), 48_000)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(_wav(path)[:1000]), "a.wav"),
        (lambda path: path.write_bytes(_wav(path)[:20]), "a.wav"),
        (lambda path: path.write_text("these are words, not sound\n" * 50), "not an audio file"),
        (lambda path: _wav(path, frames=0), "a.wav"),
        (lambda path: _wav(path, channels=9, frames=100), "9 channels"),
        (lambda path: path.mkdir(), "a.wav"),
    ],
    ids=[
        "empty",
        "truncated",
        "truncated header",
        "not audio",
        "no frames",
        "9 channels",
        "folder",
    ],
)
def test_a_bad_audio_file_is_refused_before_anything_is_written(
    invoke: Invoke, here: Path, make: Callable[[Path], object], says: str
) -> None:
    make(here / "a.wav")
    before = files_below(here)
    refused(invoke("run", "--path", "a.wav"), "a.wav", says)
    assert files_below(here) == before


def test_a_packet_that_only_the_file_s_channels_make_too_large_is_refused(invoke: Invoke, here: Path) -> None:
    # given 8 channels in the file, so that a packet is 96 MB, and 12 MB if it had one
    _wav(here / "a.wav", channels=8)
    flags = ["--frames", "3000000", "--duration", "10m", "--speed", "60"]
    refused(invoke("run", "--path", "a.wav", *flags), "at most 64.00 MiB")
    assert list(here.iterdir()) == [here / "a.wav"]


def test_a_rate_that_is_not_the_file_s_is_refused(invoke: Invoke, here: Path) -> None:
    _wav(here / "a.wav")
    refused(invoke("run", "--path", "a.wav", "--rate", "44.1k"), "44100", "48000")


# -- devices


@pytest.mark.usefixtures("no_portaudio")
def test_without_portaudio_a_device_says_how_to_get_it_and_the_rest_works(invoke: Invoke, here: Path) -> None:
    for arguments in (["devices"], ["run", "device-30s"]):
        refused(invoke(*arguments), "PortAudio", "apt install libportaudio2")
    assert files_below(here) == {}
    assert invoke("scenarios").exit_code == 0
    assert invoke("run", "--dry-run").exit_code == 0


@pytest.mark.usefixtures("inputs")
def test_an_unknown_device_is_answered_with_the_inputs_there_are(invoke: Invoke, here: Path) -> None:
    result = invoke("run", "device-30s", "--device", "Theremin")
    refused(result, "Theremin", "1: Microphone", "2: Line in")
    assert "Speakers" not in result.stderr
    assert files_below(here) == {}


@pytest.mark.usefixtures("inputs")
def test_a_device_that_refuses_the_format_says_what_it_prefers(invoke: Invoke, here: Path) -> None:
    result = invoke("run", "device-30s", "--device", "1", "--rate", "11025")
    refused(result, "Microphone", "11025", "48000", "--rate")
    assert files_below(here) == {}


# -- where to write


def test_an_out_that_holds_something_is_refused_and_left_alone(invoke: Invoke, here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "thesis.tex").write_text("ten years of work")
    (here / "file").write_text("not a directory")
    before = files_below(here)
    refused(invoke("run", "--out", "out"), "--out out", "not empty")
    refused(invoke("run", "--out", "file"), "--out file", "is a file")
    refused(invoke("run", "--out", "file/below"), "cannot be written")
    refused(invoke("run", ZCBENCH_OUT="out"), "not empty")
    assert files_below(here) == before


def test_an_out_that_cannot_be_written_is_refused(invoke: Invoke, unwritable: Path) -> None:
    refused(invoke("run", "--out", str(unwritable / "out")), "cannot be written")


def test_a_second_run_into_a_run_directory_is_refused_and_loses_nothing(
    invoke: Invoke, here: Path, finished_run: Path
) -> None:
    shutil.copytree(finished_run, here / "run")
    before = files_below(here)
    refused(invoke("run", "--out", "run"), "not empty")
    assert files_below(here) == before


# -- what to report on


def test_a_run_directory_that_is_none_is_refused(invoke: Invoke, here: Path) -> None:
    (here / "empty").mkdir()
    (here / "foreign").mkdir()
    (here / "foreign" / "photo.jpg").write_bytes(b"\xff\xd8")
    before = files_below(here)
    refused(invoke("report"), "no runs", "zcbench run")
    refused(invoke("report", "nowhere"), "nowhere: no such run directory")
    refused(invoke("report", "empty"), "empty", "zcbench run")
    refused(invoke("report", "foreign"), "foreign: not a run directory")
    refused(invoke("report", "--root", "empty"), "empty: no runs")
    assert files_below(here) == before


@pytest.mark.parametrize(
    ("bend", "says"),
    [
        (lambda run: {**run, "schema": 99}, "schema 99"),
        (lambda run: {"schema": 1}, "cannot be read"),
        (lambda run: [run], "run.json"),
    ],
)
def test_a_record_this_version_cannot_understand_is_refused(
    invoke: Invoke, here: Path, finished_run: Path, bend: Callable[[object], object], says: str
) -> None:
    shutil.copytree(finished_run, here / "run")
    file = here / "run" / RUN_FILE
    file.write_text(json.dumps(bend(json.loads(file.read_text()))))
    refused(invoke("report", "run"), "run.json", says)


def test_a_run_file_cut_off_in_the_middle_is_refused(invoke: Invoke, here: Path, finished_run: Path) -> None:
    shutil.copytree(finished_run, here / "run")
    file = here / "run" / RUN_FILE
    file.write_bytes(file.read_bytes()[:200])
    refused(invoke("report", "run"), "run.json", "not valid JSON")


def test_samples_cut_off_in_the_middle_of_a_line_still_give_a_report_that_says_so(
    invoke: Invoke, here: Path, finished_run: Path
) -> None:
    shutil.copytree(finished_run, here / "run")
    file = here / "run" / SAMPLES_FILE
    file.write_bytes(file.read_bytes()[:-5])
    result = invoke("report", "run")
    assert result.exit_code == 0
    assert "the last line is cut off" in result.stdout


def test_a_report_does_not_overwrite_a_file_unless_forced(
    invoke: Invoke, here: Path, finished_run: Path
) -> None:
    (here / "notes.md").write_text("mine")
    refused(invoke("report", finished_run, "--out", "notes.md"), "exists", "--force")
    assert (here / "notes.md").read_text() == "mine"
    refused(invoke("report", finished_run, "--out", "no/such/folder.md"), "cannot be written")
    assert invoke("report", finished_run, "--out", "notes.md", "--force").exit_code == 0
    assert (here / "notes.md").read_text(encoding="utf-8").startswith("# ")


# -- what is nobody's fault but ours


def test_an_unexpected_exception_shows_its_traceback_and_leaves_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from zcbench import cli

    def fails() -> None:
        raise ValueError("a bug of ours")  # a plain one: not an error about what the user gave

    monkeypatch.setattr("zcbench.scenario.shipped", fails)
    monkeypatch.setattr("sys.argv", ["zcbench", "scenarios"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 3
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_outside_a_run_is_an_interruption_and_no_failed_check(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zcbench.scenario.shipped", interrupted)
    assert invoke("scenarios").exit_code == 130


def test_a_system_that_forbids_a_real_time_thread_is_an_error_before_anything_is_written(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from zcbench.capture import _core

    monkeypatch.setattr(_core, "try_schedule", lambda _priority: errno.EPERM)
    out = tmp_path / "run"
    refused(invoke("run", "--priority", "10", "--out", out), "source.priority: 10", "limit")
    assert not out.exists()
