"""What can be seen in sound: spectrogram, mel, pitch and chroma, each a picture with a column per frame.

A frame is 512 samples at 22,050 a second, 23 ms. ``sounding_frames`` says of a score what is true in each frame, so
what is read from its sound can be compared with the notes that made it.
"""

import numpy as np

from musiclab.errors import optional, require
from musiclab.features.pitches import pitched_notes, sounding_at
from musiclab.score import Score

SAMPLE_RATE, HOP = 22050, 512
LOWEST, BINS = 24, 96  # rows of a pitch spectrogram: MIDI pitches 24 (C1) to 119
SILENCE_DB = -80.0
LIBROSA = ("librosa", "reading spectra", "pip install librosa")


def spectrogram(wave: np.ndarray, kind: str = "linear") -> np.ndarray:
    """Return how loud each frequency is in each frame, in dB below the loudest place: shape (bins, frames), -80 to 0.

    Parameters
    ----------
    wave : ndarray, shape (samples,)
        Mono, at 22,050 samples per second: ``render(score, sample_rate=22050)``.
    kind : str
        ``"linear"``: 1,025 bins of 10.8 Hz. ``"mel"``: 128 bands as wide as the ear hears them. ``"pitch"``: a row for
        each of the 96 semitones from C1 (MIDI 24) up, by the constant-Q transform.

    Raises
    ------
    ValueError
        If there is no such kind, or the wave is not mono.
    ImportError
        If librosa is not installed; the text is the command that installs it.

    References
    ----------
    Brown (1991), Calculation of a constant Q spectral transform. McFee et al. (2015), librosa.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(66150) / 22050).astype(np.float32)
    >>> int(LOWEST + spectrogram(tone, "pitch").mean(axis=1).argmax())  # A4
    69
    """
    require(np.ndim(wave) == 1, "wave", "mono, of shape (samples,)", np.shape(wave))
    lib, rates = optional(*LIBROSA), {"sr": SAMPLE_RATE, "hop_length": HOP}
    kinds = {
        "linear": lambda: np.abs(lib.stft(wave, hop_length=HOP)),
        "mel": lambda: np.sqrt(lib.feature.melspectrogram(y=wave, **rates)),
        "pitch": lambda: np.abs(lib.cqt(wave, fmin=lib.midi_to_hz(LOWEST), n_bins=BINS, **rates)),
    }
    require(kind in kinds, "kind", f"one of {tuple(kinds)}", repr(kind))
    return lib.amplitude_to_db(kinds[kind](), ref=np.max, top_db=-SILENCE_DB)


def chroma(wave: np.ndarray) -> np.ndarray:
    """Return how strong each pitch class is in each frame, C first, shape (12, frames): 1 for the strongest.

    Parameters
    ----------
    wave : ndarray, shape (samples,)
        As :func:`spectrogram` takes it.

    References
    ----------
    Fujishima (1999), Realtime chord recognition of musical sound; ``librosa.feature.chroma_cqt``.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(66150) / 22050).astype(np.float32)
    >>> int(chroma(tone).mean(axis=1).argmax())  # A
    9
    """
    return optional(*LIBROSA).feature.chroma_cqt(y=wave, sr=SAMPLE_RATE, hop_length=HOP)


def sounding_frames(score: Score, frames: int) -> np.ndarray:
    """Return which pitches a score has sounding in each frame of its sound, bool of shape (128, frames); no drums.

    Examples
    --------
    >>> int(sounding_frames(Score([(0, 24, 60)]), 30)[60].sum())  # 0.5 s
    21
    """
    notes = pitched_notes(score)
    onset, end = score.seconds([notes["onset"], notes["onset"] + notes["duration"]]) * (SAMPLE_RATE / HOP)
    return sounding_at(notes["pitch"], onset, end, np.arange(1, frames + 1))  # what sounds as a frame ends


def chroma_likeness(score: Score, wave: np.ndarray) -> float:
    """Return how well the chroma of a sound fits the notes of a score: the mean cosine over frames that sound, 0 to 1.

    Each frame's true chroma is how many pitches of each class sound.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> from musiclab.audio import render
    >>> score = Score([(0, 48, 60), (0, 48, 64), (0, 48, 67)])
    >>> right, wrong = score, score.transpose(1)
    >>> wave = render(score, SAMPLE_RATE, "sines")
    >>> chroma_likeness(right, wave) > 0.9 > 0.5 > chroma_likeness(wrong, wave)
    True
    """
    heard = chroma(wave)
    sounding = sounding_frames(score, heard.shape[1])
    true = np.stack([sounding[step::12].sum(axis=0) for step in range(12)])
    size = np.linalg.norm(heard, axis=0) * np.linalg.norm(true, axis=0)
    return float(((heard * true).sum(axis=0)[size > 0] / size[size > 0]).mean())
