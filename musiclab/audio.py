"""Scores as sound: a wave, a file, bytes for a page, or a player in the notebook.

Instruments come from the General MIDI SoundFont that pretty_midi brings along (TimGM6mb, 6 MB), so nothing is
downloaded. Which synthesizer made the sound is always said: it stands beside the sound, and the plain sine waves that
are the last resort announce themselves with a warning.
"""

import base64
import html
import importlib
import io
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from musiclab.axes import Shown
from musiclab.errors import require
from musiclab.files import write_whole
from musiclab.score import Score

SAMPLE_RATE = 44100
PEAK = 10 ** (-1 / 20)  # -1 dBFS: loud, with room for what mp3 adds
TAIL_SECOND = 1.5  # for the last notes to die away
_FADE_SECOND = 0.25
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
    return (*filter(_works, _INSTALL), "sines")


def _works(name: str) -> bool:
    try:
        return hasattr(importlib.import_module(name), "Synth")  # an unrelated package is called fluidsynth too
    except (ImportError, OSError, AttributeError):  # fluidsynth looks for the system library, which may be missing
        return False


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
    made = _soundfont(score, sample_rate, samples) if name == "tinysoundfont" else _synthesize(name, score, sample_rate)
    wave = np.pad(made[:samples], (0, max(0, samples - len(made))))
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
    require(name in (*_INSTALL, "sines"), "synthesizer", f"'auto', 'sines' or one of {tuple(_INSTALL)}", repr(name))
    if name not in synthesizers():
        raise ImportError(f"this sound needs {name}: {_INSTALL[name]}")
    return name


# --- synthesizers ---------------------------------------------------------------------------------------------------


def _soundfont(score: Score, sample_rate: int, samples: int) -> np.ndarray:
    """Return the wave of the instruments in pretty_midi's SoundFont, a channel for each part."""
    import tinysoundfont

    synth = tinysoundfont.Synth(samplerate=sample_rate)
    font = synth.sfload(str(Path(find_spec("pretty_midi").origin).with_name("TimGM6mb.sf2")))  # without importing it
    for channel, (_, program, is_drum) in enumerate(score.parts):
        synth.program_select(channel, font, *((128, 0) if is_drum else (0, program)))  # bank and preset
    now, pieces = 0, []
    for when, velocity, channel, pitch in _events(score, sample_rate):
        pieces.append(synth.generate(when - now))
        synth.noteon(channel, pitch, velocity)
        now = when
    pieces.append(synth.generate(samples - now))
    return np.frombuffer(b"".join(pieces), np.float32).reshape(samples, 2).mean(axis=1)


def _events(score: Score, sample_rate: int) -> list[tuple[int, int, int, int]]:
    """Return rows (sample, velocity, part, pitch) in time order, velocity 0 where a note ends; such come first."""
    onset, end = np.round(score.seconds([score.notes["onset"], score.end]) * sample_rate).astype(int)
    end = np.maximum(end, onset + 1)  # or the note would end before it begins, and sound for ever
    what = [score.notes[name].tolist() for name in ("velocity", "part", "pitch")]
    begins = zip(onset.tolist(), *what, strict=True)
    return sorted([*begins, *zip(end.tolist(), [0] * len(end), *what[1:], strict=True)])


def _synthesize(name: str, score: Score, sample_rate: int) -> np.ndarray:
    """Return the wave that pretty_midi makes with fluidsynth, or of sines; it ends a second after the last note."""
    from musiclab.midi import to_pretty_midi

    pm = to_pretty_midi(score)
    make = pm.synthesize if name == "sines" else pm.fluidsynth
    return make(sample_rate, normalize=False).astype(np.float32)


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
    return write_whole(path, audio_bytes(score, Path(path).suffix.lower().lstrip("."), sample_rate, synthesizer))


def play(sound: Score | np.ndarray, sample_rate: int = SAMPLE_RATE, synthesizer: str = "auto") -> Shown:
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
    mp3, safe = base64.b64encode(audio_bytes(sound, "mp3", sample_rate)).decode(), html.escape(caption)
    page = (
        f'<figure style="margin:.4em 0"><audio controls preload="auto" aria-label="{safe}" '
        f'style="width:min(100%,32em)" src="data:audio/mpeg;base64,{mp3}"></audio>'
        f'<figcaption style="opacity:.7;font-size:.9em">{safe}</figcaption></figure>'
    )
    return Shown(f"Sound({len(sound) / sample_rate:.1f} s, {caption})", "text/html", page)
