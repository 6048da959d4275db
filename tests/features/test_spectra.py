"""Spectra fit the notes that were rendered, and notice a renderer that plays others."""

import sys

import numpy as np
import pytest

from musiclab.audio import render
from musiclab.datasets import load_example
from musiclab.features.spectra import (
    BINS,
    HOP,
    LOWEST,
    SAMPLE_RATE,
    chroma,
    chroma_likeness,
    sounding_frames,
    spectrogram,
)
from musiclab.score import Score

CHORALE = load_example("bwv270").bars(0, 5)


def test_chroma_of_sines_fits_the_notes():
    wave = render(CHORALE, SAMPLE_RATE, "sines")
    assert chroma_likeness(CHORALE, wave) >= 0.85
    assert chroma_likeness(CHORALE.transpose(1), wave) < 0.5  # what an instrument out of tune would give


def test_chroma_of_a_piano_fits_the_notes():
    pytest.importorskip("tinysoundfont")
    assert chroma_likeness(CHORALE, render(CHORALE, SAMPLE_RATE, "tinysoundfont")) >= 0.85


@pytest.mark.parametrize("pitch", [28, 45, 60, 69, 81, 100])
def test_the_loudest_row_is_the_pitch(pitch):
    wave = render(Score([(0, 96, pitch)]), SAMPLE_RATE, "sines")[: 2 * SAMPLE_RATE]
    image = spectrogram(wave, "pitch")
    assert image.shape == (BINS, 1 + len(wave) // HOP)
    assert LOWEST + image.mean(axis=1).argmax() == pitch
    assert image.max() == 0 and image.min() >= -80
    linear = spectrogram(wave).mean(axis=1).argmax() * SAMPLE_RATE / 2048
    assert linear == pytest.approx(440 * 2 ** ((pitch - 69) / 12), abs=SAMPLE_RATE / 2048)
    assert spectrogram(wave, "mel").shape == (128, image.shape[1])
    assert chroma(wave).mean(axis=1).argmax() == pitch % 12


def test_sounding_frames_follow_the_tempo_and_leave_out_drums():
    score = Score([(0, 24, 60), (24, 24, 62, 64, 1)], tempos=[(0, 60), (24, 120)], parts=[(), ("Drums", 0, True)])
    frames = sounding_frames(score, 100)
    assert frames.sum(axis=1).nonzero()[0].tolist() == [60]
    assert frames[60].sum() == SAMPLE_RATE // HOP  # a second


def test_what_cannot_be_read_is_said(monkeypatch):
    with pytest.raises(ValueError, match=r"kind must be one of \('linear', 'mel', 'pitch'\), got 'cqt'"):
        spectrogram(np.zeros(SAMPLE_RATE), "cqt")
    with pytest.raises(ValueError, match=r"wave must be mono, of shape \(samples,\), got \(2, 100\)"):
        spectrogram(np.zeros((2, 100)))
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(ImportError, match="reading spectra needs librosa: pip install librosa"):
        chroma(np.zeros(SAMPLE_RATE))
