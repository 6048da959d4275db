"""The transcriber: as little as it has, transposed as the sound is, and as good on unseen chorales as it must be."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from musiclab.audio import render
from musiclab.datasets import load_chorales
from musiclab.features.spectra import BINS, HOP, LOWEST, SAMPLE_RATE, sounding_frames
from musiclab.score import Score
from musiclab.transcription import THRESHOLD, Transcriber, train_transcriber, transcribe


def test_what_it_says_moves_with_the_pitch():
    torch.manual_seed(0)
    model, sound = Transcriber(), torch.zeros(1, BINS, 20)
    sound[0, 40] = 1
    moved = model(sound.roll(5, dims=1))
    middle = slice(30, 60)  # away from the edges
    assert torch.allclose(model(sound)[0, middle], moved.roll(-5, dims=1)[0, middle], atol=1e-6)


def test_notes_are_runs_of_frames(monkeypatch):
    sure = np.zeros((BINS, 60))
    sure[60 - LOWEST, 10:31] = 0.9
    sure[64 - LOWEST, 55:] = 0.9  # up to the end
    sure[67 - LOWEST, 5:9] = 0.9  # too short
    monkeypatch.setattr(Transcriber, "probabilities", lambda self, wave: sure)
    heard = transcribe(Transcriber(), np.zeros(1))
    assert heard.notes["pitch"].tolist() == [60, 64]
    assert heard.onset_second == pytest.approx(np.array([10, 55]) * HOP / SAMPLE_RATE, abs=1e-3)
    assert heard.duration_second == pytest.approx(np.array([21, 5]) * HOP / SAMPLE_RATE, abs=2e-3)


def test_a_few_steps_already_learn():
    """Two seconds of sines: the loss of what it learned from falls, and the notes played are the surest."""
    score = Score([(24 * i, 24, pitch) for i, pitch in enumerate([60, 64, 67, 72, 65, 69, 62, 60])])
    torch.manual_seed(0)
    wave = render(score, SAMPLE_RATE)
    frames = int(score.length_second * SAMPLE_RATE / HOP)
    truth = sounding_frames(score, frames)[LOWEST : LOWEST + BINS]
    fresh, trained = Transcriber(), train_transcriber([score], steps=25)

    def apart(model):
        sure = model.probabilities(wave)[:, :frames]
        return sure[truth].mean() - sure[~truth].mean()

    assert apart(trained) > apart(fresh) + 0.2


@pytest.mark.slow
def test_unseen_chorales():
    """Frame F .85 and note-onset F .75 on unseen rendered piano; a flute, never heard in training, is worse."""
    import mir_eval

    pytest.importorskip("tinysoundfont")
    corpus = load_chorales("tune-disjoint")
    model = train_transcriber(corpus.train[:12])
    figures = {}
    for name, program in (("piano", 0), ("flute", 73)):
        right = said = true = 0
        onsets = []
        for score in corpus.test[:6]:
            score = replace(score, parts=[part._replace(program=program) for part in score.parts])
            wave = render(score, SAMPLE_RATE)
            frames = int(score.length_second * SAMPLE_RATE / HOP)
            truth = sounding_frames(score, frames)[LOWEST : LOWEST + BINS]
            heard = model.probabilities(wave)[:, :frames] > THRESHOLD
            right, said, true = right + (truth & heard).sum(), said + heard.sum(), true + truth.sum()
            pairs = [value for some in (score, transcribe(model, wave)) for value in intervals_and_hertz(some)]
            onsets.append(mir_eval.transcription.precision_recall_f1_overlap(*pairs, offset_ratio=None)[2])
        figures[name] = float(2 * right / (said + true)), float(np.mean(onsets))
    print(figures)
    assert figures["piano"][0] >= 0.85
    assert figures["piano"][1] >= 0.75
    assert figures["flute"][1] >= 0.5


def intervals_and_hertz(score):
    onset = score.onset_second
    return np.stack([onset, onset + score.duration_second], axis=1), 440 * 2 ** ((score.notes["pitch"] - 69) / 12)
