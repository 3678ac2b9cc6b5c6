"""What feeds an engine: PCM made or read from a file and replayed, or a PortAudio input device.

>>> from zcbench import ReplaySource, StreamFormat, tone
>>> source = ReplaySource(tone(StreamFormat(), 440.0), "tone", pace="unpaced", limit=100)
>>> source.block(sequence=0, frames=480).shape
(480, 2)
>>> ReplaySource(source.pcm, "tone", pace="fast")
Traceback (most recent call last):
ValueError: source.pace: 'fast' is not one of real, unpaced, manual
"""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from zcbench.capture.configuration import (
    DType,
    PoolConfig,
    StreamFormat,
    require_integer,
    require_one_of,
    require_positive,
)

Pace = Literal["real", "unpaced", "manual"]

MAX_FILE_CHANNELS = 8
_BLOCK_FRAMES = 2**18  # of a file, decoded at a time


# Of the stamp. The native engine's are in _core/content.hpp, with the reason for these numbers.
_PER_PACKET, _PER_WORD = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95
_NUMBERED = 8


def _unit(packet_bytes: int, item_bytes: int) -> int:
    """Of so many bytes of a packet one is stamped: a sample's, or each where there are too few samples."""
    return 1 if packet_bytes < _NUMBERED * item_bytes else item_bytes


def _stamped(block: NDArray[Any], sequence: int) -> NDArray[Any]:
    """A copy of ``block`` whose samples' first bytes are mixed (exclusive or) with the packet's stamp.

    The first 8 samples take the bytes of ``number = sequence * _PER_PACKET`` modulo 2^64, the lowest first.
    Behind them word w of the packet, 8 bytes, takes ``number + w * _PER_WORD``, of which the bytes that meet
    a sample's first count.
    """
    stamped = np.array(block, order="C")
    raw = stamped.reshape(-1).view(np.uint8)
    unit, number = _unit(raw.size, stamped.itemsize), np.uint64(sequence * _PER_PACKET % 2**64)
    words = np.arange(-(-raw.size // 8), dtype=np.uint64) * np.uint64(_PER_WORD) + number
    stamp = words.astype("<u8").view(np.uint8)[: raw.size : unit]
    first = np.array([number]).astype("<u8").view(np.uint8)[: stamp.size]
    stamp[: first.size] = first
    raw[::unit] ^= stamp
    return stamped


class SourceError(ValueError):
    """A source that cannot be opened; the message names it and the fix."""


@dataclass(frozen=True)
class ReplaySource:
    """PCM handed out as a device would, looped.

    ``pcm`` has shape (frames_total, channels), C-contiguous, in the stream's dtype. ``pace`` "real" is
    the stream's own rate times ``speed``; "unpaced" runs as fast as the application reads; with "manual"
    the caller drives ``engine.produce()``. ``limit`` is the number of packets in all; None is endless.
    ``priority`` 1..99 makes the producer's thread a real-time one (Linux: SCHED_FIFO); None leaves it as it is.

    ``stamped`` mixes each packet's sequence number into its samples, so that no packet holds what another one
    does, however the PCM repeats: engines must then take their content from :meth:`block`, not from ``pcm``.
    The lowest byte of every sample is changed (in packets of fewer than 8 samples, every byte): in float32
    90 dB below the sample itself, in int32 144 dB below full scale, in int16 42 dB.
    """

    pcm: NDArray[Any]
    name: str
    pace: Pace = "real"
    speed: float = 1.0
    limit: int | None = None
    priority: int | None = None
    stamped: bool = False

    def __post_init__(self) -> None:
        array = isinstance(self.pcm, np.ndarray)
        if not array or self.pcm.ndim != 2 or not self.pcm.flags.c_contiguous or not self.pcm.size:
            raise SourceError(f"{self.name}: pcm must be C-contiguous (frames >= 1, channels >= 1)")
        require_one_of("source.pace", self.pace, get_args(Pace))
        require_positive("source.speed", self.speed)
        if self.limit is not None:
            require_integer("source.limit", self.limit, 0)

    def block(self, sequence: int, frames: int) -> NDArray[Any]:
        """The content of packet ``sequence``, shape (frames, channels); a view of the PCM unless it wraps or is
        stamped."""
        total = len(self.pcm)
        start = sequence * frames % total
        if start + frames <= total:
            piece = self.pcm[start : start + frames]
        else:
            piece = np.take(self.pcm, range(start, start + frames), axis=0, mode="wrap")
        return _stamped(piece, sequence) if self.stamped else piece

    def period(self, frames: int) -> int:
        """After how many packets of ``frames`` the content repeats; stamped, what is certain to differ."""
        if self.stamped:
            return int(256 ** min(self.pcm[:1].nbytes * frames, _NUMBERED))
        return math.lcm(len(self.pcm), frames) // frames


@dataclass(frozen=True)
class InPlaceSource(ReplaySource):
    """Stands for a device that writes its samples into the slot by itself, to measure what is left then.

    The native engine writes only the first and the last frame of each packet; what lies between is whatever the
    slot held. The other engines replay it whole.
    """


@dataclass(frozen=True)
class DeviceSource:
    """A PortAudio input: a sounddevice index, a part of its name, or None for the system's default.
    ``priority`` as of :class:`ReplaySource`, for the thread of PortAudio's callback."""

    device: int | str | None = None
    priority: int | None = None

    @property
    def name(self) -> str:
        """For messages and reports."""
        return "default input" if self.device is None else str(self.device)

    def check(self, format: StreamFormat) -> None:
        """Ask PortAudio whether the device exists and takes ``format``; raises SourceError if not."""
        sd = _sounddevice()
        try:
            info = sd.query_devices(self.device, "input")
        except (ValueError, OverflowError, sd.PortAudioError) as error:
            names = "; ".join(f"{d.index}: {d.name}" for d in input_devices()) or "none"
            raise SourceError(f"device {self.name!r}: {error}. Inputs there are: {names}") from error
        try:
            sd.check_input_settings(
                device=self.device,
                channels=format.channels,
                dtype=format.dtype,
                samplerate=format.rate,
            )
        except (ValueError, OverflowError, sd.PortAudioError) as error:
            raise SourceError(
                f"device {info['name']!r} refuses {format.rate} Hz, {format.channels} channels, "
                f"{format.dtype}: {error}. It has {info['max_input_channels']} channels and prefers "
                f"{info['default_samplerate']:.0f} Hz; try --rate and --channels"
            ) from error

    def open_stream(self, format: StreamFormat, callback: int, user_data: int) -> Any:
        """A stopped sounddevice stream that calls the C function at ``callback``. The caller closes it."""
        self.check(format)
        sd = _sounddevice()
        return sd._StreamBase(
            kind="input",
            samplerate=format.rate,
            blocksize=format.frames,
            device=self.device,
            channels=format.channels,
            dtype=format.dtype,
            callback=sd._ffi.cast("PaStreamCallback*", callback),
            userdata=sd._ffi.cast("void*", user_data),
            wrap_callback=None,
        )

    def open_python_stream(self, format: StreamFormat, callback: Callable[..., None]) -> Any:
        """A stopped ``sounddevice.RawInputStream`` with a Python callback. The caller closes it."""
        self.check(format)
        return _sounddevice().RawInputStream(
            samplerate=format.rate,
            blocksize=format.frames,
            device=self.device,
            channels=format.channels,
            dtype=format.dtype,
            callback=callback,
        )


def check_parts(format: StreamFormat, source: ReplaySource | DeviceSource, pool: PoolConfig) -> None:
    """Raise ValueError, saying what does not fit, unless an engine can be made of these together."""
    if isinstance(source, DeviceSource):
        if pool.policy == "block":
            raise ValueError("policy 'block' is for replay sources: an audio callback cannot wait")
        return
    shape, dtype = source.pcm.shape, source.pcm.dtype
    if shape[1] != format.channels or dtype != np.dtype(format.dtype):
        raise ValueError(
            f"{source.name}: {shape[1]} channels of {dtype}, "
            f"but the stream has {format.channels} of {format.dtype}"
        )


@dataclass(frozen=True)
class InputDevice:
    """A row of ``zcbench devices``."""

    index: int
    name: str
    host_api: str
    channels: int
    default_rate: float
    is_default: bool


def input_devices() -> list[InputDevice]:
    """The inputs PortAudio offers. Raises SourceError without PortAudio."""
    sd = _sounddevice()
    apis = sd.query_hostapis()
    default = sd.default.device[0]
    return [
        InputDevice(
            d["index"],
            d["name"],
            apis[d["hostapi"]]["name"],
            d["max_input_channels"],
            d["default_samplerate"],
            d["index"] == default,
        )
        for d in sd.query_devices()
        if d["max_input_channels"] > 0
    ]


def _sounddevice() -> Any:
    try:
        with same_signals():
            import sounddevice
    except OSError as error:
        raise SourceError(
            f"PortAudio is not there ({error}). Debian: apt install libportaudio2; macOS: brew install "
            "portaudio. Every other source works without it"
        ) from error
    return sounddevice


@contextlib.contextmanager
def same_signals() -> Iterator[None]:
    """Restore this thread's signal mask: PortAudio asks for a JACK server, and JACK's library blocks SIGPIPE. A
    program that is started from here would inherit that, and go on to write where nobody reads."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _scaled(samples: NDArray[np.float64], dtype: DType) -> NDArray[Any]:
    """Samples in [-1, 1) as ``dtype``; integers use their full range (AES17 full scale)."""
    if dtype == "float32":
        return samples.astype(np.float32)
    return np.asarray(samples * np.iinfo(dtype).max).astype(dtype)


def tone(format: StreamFormat, frequency_hz: float = 440.0) -> NDArray[Any]:
    """A sine at half scale, about a second long, whole periods so that its loop has no click.

    Shape (frames, channels); each further channel lags by an eighth of a period.
    """
    if not 0 < frequency_hz < format.rate / 2:
        raise SourceError(f"tone: {frequency_hz} Hz is not between 0 and {format.rate / 2} Hz")
    periods = max(1, round(frequency_hz))
    frames = max(1, round(periods * format.rate / frequency_hz))
    phase = 2 * np.pi * periods / frames * np.arange(frames)[:, None]
    return _scaled(0.5 * np.sin(phase - np.pi / 4 * np.arange(format.channels)), format.dtype)


def noise(format: StreamFormat, seed: int = 1) -> NDArray[Any]:
    """White noise at half scale, 101 packets long, the same for the same ``seed``."""
    shape = (101 * format.frames, format.channels)
    return _scaled(np.random.default_rng(seed).uniform(-0.5, 0.5, shape), format.dtype)


def silence(format: StreamFormat) -> NDArray[Any]:
    """One packet of zeros."""
    return np.zeros((format.frames, format.channels), format.dtype)


@dataclass(frozen=True)
class FileInfo:
    """An audio file's own ``rate`` (frames/s) and ``channels``."""

    rate: int
    channels: int


def file_info(path: Path) -> FileInfo:
    """The format of a WAV, FLAC or other file libsndfile reads. Raises SourceError."""
    import soundfile

    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty")
    try:
        info = soundfile.info(path)
    except soundfile.SoundFileError as error:
        raise SourceError(f"{path}: not an audio file that libsndfile reads ({error})") from error
    if info.channels > MAX_FILE_CHANNELS:
        raise SourceError(f"{path}: {info.channels} channels; at most {MAX_FILE_CHANNELS}")
    if info.frames < 1:
        raise SourceError(f"{path}: no audio in it (0 frames)")
    return FileInfo(info.samplerate, info.channels)


def from_file(path: Path, dtype: DType) -> NDArray[Any]:
    """All samples of a file as ``dtype``, shape (frames, channels). Raises SourceError, also when truncated."""
    import soundfile

    file_info(path)
    try:
        with soundfile.SoundFile(path) as file:
            announced = file.frames
            pcm = _decoded(file, dtype)
    except soundfile.SoundFileError as error:
        raise SourceError(f"{path}: cannot be decoded to its end ({error})") from error
    except MemoryError as error:
        raise SourceError(f"{path}: {announced:,} frames do not fit in memory; use a part") from error
    if not len(pcm):
        raise SourceError(f"{path}: no audio in it (0 of {announced:,} frames can be decoded)")
    declared = _declared_wav_frames(path)
    if len(pcm) < max(announced, declared or 0):
        raise SourceError(
            f"{path}: truncated: {len(pcm)} of {max(announced, declared or 0)} frames; copy it again"
        )
    return np.ascontiguousarray(pcm)


def _decoded(file: Any, dtype: DType) -> NDArray[Any]:
    """All that can be decoded, a block at a time: some formats cannot be asked for all, and headers lie."""
    blocks = [np.empty((0, file.channels), dtype)]
    while len(block := file.read(_BLOCK_FRAMES, dtype=dtype, always_2d=True)):
        blocks.append(block)
    return np.concatenate(blocks)


def _declared_wav_frames(path: Path) -> int | None:
    """The frames a RIFF/WAVE header promises; libsndfile silently clips them to what the file holds."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
            return None
        block_align = None
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"fmt ":
                block_align = int.from_bytes(file.read(size)[12:14], "little")
                continue
            if head[:4] == b"data":
                # 0 and 2^32-1 are what a streaming writer leaves behind; neither is a promise.
                return size // block_align if block_align and size != 2**32 - 1 else None
            file.seek(size + size % 2, 1)
    return None
