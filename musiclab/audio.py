"""Scores as sound: a wave, a file, bytes for a page, or a player in the notebook.

Instruments come from the General MIDI SoundFont that pretty_midi brings along (TimGM6mb, 6 MB), so nothing is
downloaded. Which synthesizer made the sound is always said: it stands beside the sound, and the plain sine waves that
are the last resort announce themselves with a warning.
"""

import base64
import html
import importlib.util
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musiclab.errors import missing_library, require
from musiclab.files import write_whole
from musiclab.score import Score

SAMPLE_RATE = 44100
PEAK = 10 ** (-1 / 20)  # -1 dBFS: loud, with room for what mp3 adds
TAIL_SECOND = 1.5  # for the last notes to die away
_FADE_SECOND = 0.25
_CHANNELS = 16  # MIDI's; more parts are rendered in groups
_DRUM_BANK = 128
_INSTALL = {
    "tinysoundfont": "pip install --no-deps tinysoundfont",
    "fluidsynth": "pip install pyfluidsynth (and the system library: apt install fluidsynth, brew install fluid-synth)",
}
FORMATS = ("mp3", "wav", "flac", "ogg")


def synthesizers() -> tuple[str, ...]:
    """Return the names of the synthesizers that work here, the preferred one first.

    Examples
    --------
    >>> synthesizers()[-1]
    'sines'
    """
    return tuple(name for name, available in _AVAILABLE.items() if available())


def render(score: Score, sample_rate: int = SAMPLE_RATE, synthesizer: str = "auto") -> np.ndarray:
    """Return the score as mono sound, a float32 wave of shape (samples,) with its peak at -1 dBFS.

    Programs, drums, velocities and tempo changes are followed; the wave lasts ``score.length_second`` and 1.5 s more,
    in which the last notes die away. The same score gives the same wave. A score that is silent gives zeros.

    Parameters
    ----------
    sample_rate : int
        Samples per second.
    synthesizer : str
        ``"auto"`` takes the first of ``synthesizers()``. ``"sines"`` has no instruments and leaves out drums.

    Raises
    ------
    ImportError
        If the synthesizer asked for is not installed; the text is the command that installs it.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> wave = render(Score([(0, 24, 69)]), sample_rate=8000)
    >>> wave.shape, wave.dtype  # a quarter note is 0.5 s
    ((16000,), dtype('float32'))
    """
    require(4000 <= sample_rate <= 192_000, "sample_rate", "in 4000..192000 samples per second", sample_rate)
    name = choose_synthesizer(synthesizer)
    if name == "sines" and synthesizer == "auto":
        warnings.warn(f"sines instead of instruments; to hear these: {_INSTALL['tinysoundfont']}", stacklevel=2)
    samples = round((score.length_second + TAIL_SECOND) * sample_rate)
    wave = _sines(score, sample_rate, samples) if name == "sines" else _soundfont(name, score, sample_rate, samples)
    fade = round(_FADE_SECOND * sample_rate)
    wave[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    loudest = np.abs(wave).max()
    return wave * np.float32(PEAK / loudest) if loudest > 0 else wave


def choose_synthesizer(name: str = "auto") -> str:
    """Return the name of the synthesizer that sounds when ``name`` is asked for.

    Raises
    ------
    ValueError, ImportError
        If there is no such synthesizer, or it is not installed here.

    Examples
    --------
    >>> choose_synthesizer("sines")
    'sines'
    """
    if name == "auto":
        return synthesizers()[0]
    require(name in _AVAILABLE, "synthesizer", f"'auto' or one of {tuple(_AVAILABLE)}", repr(name))
    if not _AVAILABLE[name]():
        raise missing_library(name, "this sound", _INSTALL[name])
    return name


# --- synthesizers ---------------------------------------------------------------------------------------------------


def _soundfont(name: str, score: Score, sample_rate: int, samples: int) -> np.ndarray:
    """Return the sum of what one synthesizer after another plays, 16 parts each."""
    font_path = Path(importlib.util.find_spec("pretty_midi").origin).with_name("TimGM6mb.sf2")  # without importing it
    wave = np.zeros(samples, dtype=np.float32)
    sounding = np.unique(score.notes["part"])
    for first in range(0, len(sounding), _CHANNELS):
        parts = sounding[first : first + _CHANNELS]
        synth, generate = _new_synthesizer(name, sample_rate)
        font = synth.sfload(str(font_path))
        for channel, part in enumerate(parts):
            _, program, is_drum = score.parts[part]
            synth.program_select(channel, font, _DRUM_BANK if is_drum else 0, 0 if is_drum else program)
        now, pieces = 0, []
        for when, channel, pitch, velocity in _events(score, parts, sample_rate):
            if when > now:
                pieces.append(generate(when - now))
                now = when
            if velocity:
                synth.noteon(channel, pitch, velocity)
            else:
                synth.noteoff(channel, pitch)
        pieces.append(generate(samples - now))
        wave += np.concatenate(pieces).reshape(samples, 2).mean(axis=1)
        if hasattr(synth, "delete"):
            synth.delete()
    return wave


def _new_synthesizer(name: str, sample_rate: int) -> tuple[Any, Callable[[int], np.ndarray]]:
    """Return a synthesizer, and a function that has it make so many samples of stereo sound."""
    if name == "tinysoundfont":
        import tinysoundfont

        synth = tinysoundfont.Synth(samplerate=sample_rate)
        return synth, lambda n: np.frombuffer(synth.generate(n), np.float32)
    import fluidsynth

    synth = fluidsynth.Synth(gain=0.1, samplerate=sample_rate)  # low: it clips, and the peak is set afterwards
    return synth, lambda n: np.asarray(synth.get_samples(n), np.float32)


def _events(score: Score, parts: np.ndarray, sample_rate: int) -> list[list[int]]:
    """Return rows (sample, channel, pitch, velocity) in time order, velocity 0 where a note ends; such come first."""
    notes = score.notes[np.isin(score.notes["part"], parts)]
    seconds = score.seconds([notes["onset"], notes["onset"] + notes["duration"]])
    onset, end = np.round(seconds * sample_rate).astype(np.int64)
    end = np.maximum(end, onset + 1)  # or the note would end before it begins, and sound for ever
    row = [onset, np.searchsorted(parts, notes["part"]), notes["pitch"], notes["velocity"]]
    sample, channel, pitch, velocity = np.hstack([row, [end, *row[1:3], np.zeros_like(end)]])
    order = np.lexsort([velocity, pitch, channel, velocity > 0, sample])
    return np.stack([sample, channel, pitch, velocity], axis=1)[order].tolist()


def _sines(score: Score, sample_rate: int, samples: int) -> np.ndarray:
    import pretty_midi

    instrument = pretty_midi.Instrument(0)
    for note, onset, end in zip(score.notes, score.onset_second, score.seconds(score.end), strict=True):
        if not score.parts[note["part"]].is_drum:
            instrument.notes.append(pretty_midi.Note(int(note["velocity"]), int(note["pitch"]), onset, end))
    wave = instrument.synthesize(sample_rate)[:samples].astype(np.float32)
    return np.pad(wave, (0, samples - len(wave)))


def _has_fluidsynth() -> bool:
    try:
        import fluidsynth  # looks for the system library, which may be missing
    except (ImportError, OSError, AttributeError):  # AttributeError: the unrelated package of that name
        return False
    return hasattr(fluidsynth, "Synth")


_AVAILABLE = {
    "tinysoundfont": lambda: importlib.util.find_spec("tinysoundfont") is not None,
    "fluidsynth": _has_fluidsynth,
    "sines": lambda: True,
}


# --- files, bytes, pages --------------------------------------------------------------------------------------------


def audio_bytes(
    sound: Score | np.ndarray, format: str = "mp3", sample_rate: int = SAMPLE_RATE, synthesizer: str = "auto"
) -> bytes:
    """Return a score, or a mono wave of shape (samples,), as the bytes of an audio file.

    mp3 takes about 5 KB a second, wav 86 KB at 44,100 samples per second.

    Raises
    ------
    ValueError
        If the format is not mp3, wav, flac or ogg.

    Examples
    --------
    >>> audio_bytes(np.zeros(8000), "wav", sample_rate=8000)[:4]
    b'RIFF'
    """
    import soundfile

    require(format in FORMATS, "format", f"one of {FORMATS}", repr(format))
    wave = render(sound, sample_rate, synthesizer) if isinstance(sound, Score) else np.asarray(sound, np.float32)
    require(wave.ndim == 1, "wave", "mono, of shape (samples,)", wave.shape)
    smaller = {"compression_level": 0.9} if format == "mp3" else {}
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate, 1, format=format.upper(), **smaller) as file:
        for start in range(0, len(wave), sample_rate):  # libsndfile crashes on a minute of ogg in one piece
            file.write(wave[start : start + sample_rate])
    return buffer.getvalue()


def write_audio(score: Score, path: str | Path, sample_rate: int = SAMPLE_RATE, synthesizer: str = "auto") -> Path:
    """Write the score as sound and return the path; its suffix (.mp3 .wav .flac .ogg) chooses the format.

    Raises
    ------
    ValueError
        If the suffix is another one.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_audio(Score([(0, 24, 69)]), Path(folder) / "a.mp3").stat().st_size < 20_000
    True
    """
    path = Path(path)
    format = path.suffix.lower().lstrip(".")
    require(format in FORMATS, "suffix", f"one of {tuple(f'.{f}' for f in FORMATS)}", repr(path.suffix))
    return write_whole(path, audio_bytes(score, format, sample_rate, synthesizer))


@dataclass(frozen=True, repr=False)
class Sound:
    """Sound that a notebook plays: mp3 bytes, their length in seconds, and a caption."""

    audio: bytes
    seconds: float
    caption: str

    def __repr__(self) -> str:
        return f"Sound({self.seconds:.1f} s, {self.caption})"

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.audio).decode()
        caption = html.escape(self.caption)
        return (
            f'<figure style="margin:.4em 0"><audio controls preload="auto" aria-label="{caption}" '
            f'style="width:min(100%,32em)" src="data:audio/mpeg;base64,{data}"></audio>'
            f'<figcaption style="opacity:.7;font-size:.9em">{caption}</figcaption></figure>'
        )


def play(sound: Score | np.ndarray, sample_rate: int = SAMPLE_RATE, synthesizer: str = "auto") -> Sound:
    """Return a score, or a mono wave of shape (samples,), as sound that a notebook shows with a play button.

    It needs no kernel and no network once shown: JupyterLab, Notebook, VS Code, Colab and exported HTML all play it.
    The caption names the synthesizer.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> play(Score([(0, 24, 69)]), synthesizer="sines")
    Sound(2.0 s, sines)
    """
    caption = f"wave at {sample_rate} Hz"
    if isinstance(sound, Score):
        caption = " · ".join(filter(None, [sound.title, choose_synthesizer(synthesizer)]))
        sound = render(sound, sample_rate, synthesizer)
    return Sound(audio_bytes(sound, "mp3", sample_rate), len(sound) / sample_rate, caption)
