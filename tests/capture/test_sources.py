"""What feeds an engine: made PCM, audio files, and what is said when there is nothing to feed it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capture.conftest import ramp
from zcbench.capture import sources
from zcbench.capture._content import Content
from zcbench.capture.engine import DType, PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import InPlaceSource, ReplaySource, SourceError

DTYPES: tuple[DType, ...] = ("float32", "int32", "int16")
SUBTYPES = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT"}


@given(total=st.integers(1, 60), frames=st.integers(1, 40), sequence=st.integers(0, 10**6))
def test_a_packet_is_its_piece_of_the_endlessly_repeated_pcm(total: int, frames: int, sequence: int) -> None:
    source = ReplaySource(ramp(total), "ramp")
    places = [(sequence * frames + i) % total for i in range(frames)]
    assert np.array_equal(source.block(sequence, frames), source.pcm[places])


@given(total=st.integers(1, 60), frames=st.integers(1, 40), sequence=st.integers(0, 10**6))
def test_the_content_repeats_after_one_period(total: int, frames: int, sequence: int) -> None:
    source = ReplaySource(ramp(total), "ramp")
    later = sequence + source.period(frames)
    assert np.array_equal(source.block(sequence, frames), source.block(later, frames))
    assert source.period(frames) * frames % total == 0


@given(
    dtype=st.sampled_from(DTYPES),
    channels=st.integers(1, 8),
    frames=st.integers(1, 600),
    total=st.integers(1, 60),
    sequence=st.integers(0, 2**40),
    later=st.integers(1, 10**7),
)
def test_no_two_stamped_packets_hold_the_same_however_the_pcm_repeats(
    dtype: DType, channels: int, frames: int, total: int, sequence: int, later: int
) -> None:
    source = ReplaySource(np.zeros((total, channels), dtype), "silence", stamped=True)
    same = later % source.period(frames) == 0
    first, second = (source.block(n, frames) for n in (sequence, sequence + later))
    assert same or not np.array_equal(first, second)
    # and that holds of any half of a packet as well, if it is not of a few samples
    if frames * channels >= 512 and not same:
        assert not np.array_equal(first[frames // 2 :], second[frames // 2 :])


@given(
    dtype=st.sampled_from(DTYPES),
    channels=st.integers(1, 8),
    frames=st.integers(1, 2_000),
    total=st.integers(1, 60),
    first=st.integers(0, 300),
)
@settings(deadline=None)
def test_the_native_engine_and_the_comparison_know_the_stamp_of_the_specification(
    dtype: DType, channels: int, frames: int, total: int, first: int
) -> None:
    pcm = np.random.default_rng(1).integers(-3_000, 3_000, (total, channels)).astype(dtype)
    format = StreamFormat(frames=frames, channels=channels, dtype=dtype)
    source = ReplaySource(pcm, "made", pace="manual", stamped=True)
    content = Content(pcm, format.packet_bytes, pcm.itemsize, True)
    with NativeEngine(format, source, PoolConfig(slots=3)) as engine:
        engine.start()
        for sequence in range(first, first + 3):
            engine.produce()
            packet = engine.read()
            assert packet is not None
            block = source.block(packet.sequence, frames)
            assert packet.array.tobytes() == block.tobytes()
            assert content.matches(block, packet.sequence)
            block = source.block(sequence, frames)
            assert content.matches(block, sequence)
            block.reshape(-1).view(np.uint8)[sequence % block.nbytes] ^= 1
            assert not content.matches(block, sequence)


def test_the_stamp_leaves_a_tone_a_tone() -> None:
    pcm = sources.tone(StreamFormat())
    block = ReplaySource(pcm, "tone", stamped=True).block(3, 480)
    assert np.allclose(block, pcm[1440:1920], rtol=2**-15, atol=1e-30)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("frequency_hz", [440.0, 1000.0 / 3, 0.7])
def test_a_tone_loops_without_a_click(dtype: DType, frequency_hz: float) -> None:
    # Given the tone, played twice
    pcm = sources.tone(StreamFormat(dtype=dtype), frequency_hz).astype(np.float64)
    steps = np.abs(np.diff(np.concatenate([pcm, pcm]), axis=0))
    # Then the step over the seam is no larger than those inside
    inside = np.delete(steps, len(pcm) - 1, axis=0).max(axis=0)
    assert (steps[len(pcm) - 1] <= inside * 1.0001 + 1e-9).all()
    assert inside.min() > 0


def test_a_tone_has_its_frequency() -> None:
    pcm = sources.tone(StreamFormat(), 1000.0)
    assert np.argmax(np.abs(np.fft.rfft(pcm[:, 0]))) * 48_000 / len(pcm) == pytest.approx(1000)


@pytest.mark.parametrize("frequency_hz", [0.0, -440.0, 24_000.0, float("nan")])
def test_a_tone_that_the_rate_cannot_carry_is_refused(frequency_hz: float) -> None:
    with pytest.raises(SourceError, match=r"tone: .* is not between 0 and 24000"):
        sources.tone(StreamFormat(), frequency_hz)


def test_noise_is_the_same_for_a_seed_and_other_for_another() -> None:
    format = StreamFormat()
    first = sources.noise(format, 1)
    assert np.array_equal(first, sources.noise(format, 1))
    assert not np.array_equal(first, sources.noise(format, 2))


def test_packets_of_noise_differ_from_each_other() -> None:
    source = ReplaySource(sources.noise(StreamFormat()), "noise")
    assert len({source.block(n, 480).tobytes() for n in range(101)}) == 101


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_made_pcm_is_what_an_engine_takes(dtype: DType, channels: int) -> None:
    format = StreamFormat(channels=channels, dtype=dtype)
    for pcm in (sources.tone(format), sources.noise(format), sources.silence(format)):
        assert pcm.dtype == dtype
        assert pcm.shape[1] == channels
        assert ReplaySource(pcm, "made").pcm.flags.c_contiguous
    assert not sources.silence(format).any()


@pytest.mark.parametrize(
    "pcm",
    [np.zeros((0, 2), np.float32), np.zeros(9, np.float32), np.zeros((9, 4), np.float32)[:, ::2]],
    ids=["no frames", "no channels", "not contiguous"],
)
def test_pcm_that_cannot_be_replayed_is_refused_by_name(pcm: Any) -> None:
    with pytest.raises(SourceError, match="mine: pcm must be C-contiguous"):
        ReplaySource(pcm, "mine")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_a_wav_file_comes_back_sample_for_sample(
    tmp_path: Path, dtype: DType, channels: int, rate: int
) -> None:
    path = tmp_path / "known.wav"
    known = sources.noise(StreamFormat(frames=7, channels=channels, dtype=dtype))
    soundfile.write(path, known, rate, subtype=SUBTYPES[dtype])
    info = sources.file_info(path)
    assert (info.rate, info.channels) == (rate, channels)
    pcm = sources.from_file(path, dtype)
    assert pcm.dtype == dtype
    assert np.array_equal(pcm, known)
    ReplaySource(pcm, "known")


def test_a_flac_file_comes_back_sample_for_sample(tmp_path: Path) -> None:
    path = tmp_path / "known.flac"
    known = sources.noise(StreamFormat(frames=7, dtype="int16"))
    soundfile.write(path, known, 48_000, subtype="PCM_16")
    assert np.array_equal(sources.from_file(path, "int16"), known)


def _write_wav(path: Path, *, channels: int = 2, frames: int = 1000) -> bytes:
    soundfile.write(path, np.zeros((frames, channels), np.int16), 48_000, subtype="PCM_16")
    return path.read_bytes()


def _damage(path: Path, how: str) -> None:
    match how:
        case "missing":
            pass
        case "a folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path.write_text("these are not the samples you are looking for\n" * 50)
        case "no frames":
            _write_wav(path, frames=0)
        case "nine channels":
            _write_wav(path, channels=9)
        case "only a header":
            path.write_bytes(_write_wav(path)[:30])
        case "truncated":
            path.write_bytes(_write_wav(path)[:-1234])
        case "truncated flac":
            noise = sources.noise(StreamFormat(dtype="int16"))
            soundfile.write(path, noise, 48_000, format="FLAC", subtype="PCM_16")
            path.write_bytes(path.read_bytes()[:-20_000])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "no such file"),
        ("a folder", "no such file"),
        ("empty", "the file is empty"),
        ("text", "not an audio file"),
        ("no frames", "no audio in it"),
        ("nine channels", "9 channels; at most 8"),
        ("only a header", "not an audio file|no audio in it"),
        ("truncated", "truncated: .* of 1000 frames"),
        ("truncated flac", "truncated|cannot be decoded to its end"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_an_error_that_names_it(
    tmp_path: Path, how: str, said: str
) -> None:
    path = tmp_path / "input.wav"
    _damage(path, how)
    with pytest.raises(SourceError, match=said) as error:
        sources.from_file(path, "float32")
    assert str(path) in str(error.value)


def test_a_file_of_a_codec_that_cannot_seek_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    tone = 0.5 * np.sin(np.arange(3200) / 5)
    soundfile.write(path, tone, 8000, subtype="GSM610")
    pcm = sources.from_file(path, "float32")
    assert pcm.shape == (3200, 1)
    assert np.corrcoef(pcm[:, 0], tone)[0, 1] > 0.9


def test_a_header_that_lies_about_its_length_is_refused_and_takes_no_memory(tmp_path: Path) -> None:
    # given an MP3 whose Xing header promises 2^31 pieces of 1,152 frames
    path = tmp_path / "long.mp3"
    soundfile.write(path, np.zeros((48_000, 1)), 48_000, format="MP3")
    raw = bytearray(path.read_bytes())
    at = next(i for name in (b"Xing", b"Info") if (i := raw.find(name)) >= 0)
    raw[at + 8 : at + 12] = b"\x7f\xff\xff\xff"
    path.write_bytes(raw)
    # then it is refused for what it lacks, not for what it would have taken
    with pytest.raises(SourceError, match=r"truncated: .* frames; copy it again"):
        sources.from_file(path, "float32")


def test_a_wav_file_with_more_than_audio_in_it_is_not_called_truncated(tmp_path: Path) -> None:
    path = tmp_path / "tagged.wav"
    plain = _write_wav(path)
    tag = b"LIST" + (5).to_bytes(4, "little") + b"INFOx" + b"\0"  # odd size, so padded
    whole = plain[:12] + tag + plain[12:] + tag
    path.write_bytes(whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:])
    assert sources.from_file(path, "int16").shape == (1000, 2)


class NoPortAudio(MetaPathFinder):
    """Fails as ``import sounddevice`` does on a machine without the library."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> None:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")


def test_without_portaudio_only_the_device_fails_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoPortAudio(), *sys.meta_path])
    for ask in (sources.input_devices, lambda: sources.DeviceSource().check(StreamFormat())):
        with pytest.raises(SourceError, match="apt install libportaudio2"):
            ask()
    assert sources.tone(StreamFormat()).any()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system has no signal masks")
def test_a_program_started_after_portaudio_was_asked_still_ends_where_nobody_reads() -> None:
    # given the real PortAudio, which asks for a JACK server wherever its library is
    code = (
        "import signal\n"
        "from zcbench.capture.sources import input_devices\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\n"
        "input_devices()\n"
        "print(*signal.pthread_sigmask(signal.SIG_BLOCK, ()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(int(signal.SIGUSR1))]


@pytest.mark.parametrize("device", [2**31, -(2**70), "", "\0", "no such thing\u202e"])
def test_a_device_that_cannot_be_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, device: int | str
) -> None:
    # given a sounddevice that answers as the real one does where there is no input at all
    def query_devices(device: Any = None, kind: Any = None) -> Any:
        if kind is None:
            return []
        if isinstance(device, int) and not -(2**31) <= device < 2**31:
            raise OverflowError(f"integer {device} does not fit 'int'")  # cffi's
        raise ValueError(f"No input device matching {device!r}")

    module = ModuleType("sounddevice")
    module.PortAudioError = type("PortAudioError", (Exception,), {})  # type: ignore[attr-defined]
    module.query_devices = query_devices  # type: ignore[attr-defined]
    module.query_hostapis = list  # type: ignore[attr-defined]
    module.default = type("default", (), {"device": [-1, -1]})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    # then the error has its name, as a terminal can show it, and what there is instead
    with pytest.raises(SourceError, match="Inputs there are: none") as refused:
        sources.DeviceSource(device).check(StreamFormat())
    assert str(refused.value).startswith(f"device {str(device)!r}: ")


def test_a_slot_written_in_place_has_its_ends_and_nothing_else() -> None:
    pcm = np.arange(1, 2 * 50 + 1, dtype=np.float32).reshape(50, 2)
    source = InPlaceSource(pcm, "ramp", pace="manual")
    with NativeEngine(StreamFormat(frames=20), source, PoolConfig(slots=4)) as engine:
        engine.start()
        assert engine.produce(3) == 3
        for sequence in range(3):
            packet = engine.read()
            assert packet is not None
            # also the third, whose last frame lies behind the end of the source
            due = source.block(sequence, 20)
            assert np.array_equal(packet.array[[0, -1]], due[[0, -1]])
            assert not packet.array[1:-1].any()  # a new slot is zeros
