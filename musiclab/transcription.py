"""From sound back to notes: a network of 12,241 weights that looks at a pitch spectrogram, trained in a minute.

Its convolutions slide along pitch as along time, so what it learns of one note it knows of all: transpose the sound,
and the answer is transposed. Trained on rendered sound alone, it says nothing of recordings.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from musiclab.audio import render
from musiclab.features.spectra import BINS, HOP, LOWEST, SAMPLE_RATE, SILENCE_DB, sounding_frames, spectrogram
from musiclab.score import Part, Score

POSITIVE_WEIGHT = 4.0  # a pitch that sounds counts for four that do not; with 1 the network may learn to say nothing
THRESHOLD = POSITIVE_WEIGHT / (1 + POSITIVE_WEIGHT)  # trained so, the network says 0.8 of what is as likely as not
RESOLUTION = 480  # of the scores written: at 120 quarters per minute 960 ticks a second
SHORTEST = 5  # frames of a note: a 16th at 120 quarters per minute
EXCERPT, BATCH = 128, 4  # frames (3 s) and excerpts a step
OCTAVES = 49  # rows that the first layer sees: two octaves either side, where the overtones lie


class Transcriber(nn.Module):
    """Says for each pitch and frame how sure it is that the pitch sounds, as logits (B, 96, frames).

    Examples
    --------
    >>> transcriber = Transcriber()
    >>> sum(weight.numel() for weight in transcriber.parameters())
    12241
    >>> transcriber(torch.zeros(2, 96, 50)).shape
    torch.Size([2, 96, 50])
    """

    def __init__(self) -> None:
        super().__init__()
        overtones = nn.Conv2d(1, 24, (OCTAVES, 3), padding="same")
        neighbours = nn.Conv2d(24, 24, (3, 5), padding="same")
        self.layers = nn.Sequential(overtones, nn.ReLU(), neighbours, nn.ReLU(), nn.Conv2d(24, 1, 1))

    def forward(self, loudness: torch.Tensor) -> torch.Tensor:
        return self.layers(loudness[:, None])[:, 0]  # (B, 96, T)

    @torch.no_grad()
    def probabilities(self, wave: np.ndarray) -> np.ndarray:
        """Return how sure it is that each pitch from 24 up sounds in each frame, 0 to 1, shape (96, frames)."""
        return torch.sigmoid(self(_loudness(wave)[None]))[0].numpy()


def train_transcriber(scores: Sequence[Score], steps: int = 420, seed: int = 0) -> Transcriber:
    """Return a transcriber trained on the rendered sound of a few scores; a dozen chorales are enough.

    Parameters
    ----------
    scores : sequence of Score
        Together three seconds or longer.
    steps : int
        Of four excerpts of 3 s each.

    References
    ----------
    Bittner et al. (2022), A lightweight instrument-agnostic model, for the idea; this one is smaller.

    Notes
    -----
    Notebook: 06_features.
    """
    torch.manual_seed(seed)
    rng, model, weight = np.random.default_rng(seed), Transcriber(), torch.tensor(POSITIVE_WEIGHT)
    music = torch.cat([_example(score) for score in scores], dim=2)  # (2, 96, frames)
    optimizer = torch.optim.Adam(model.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, steps)
    for _ in range(steps):
        starts = rng.integers(music.shape[2] - EXCERPT + 1, size=BATCH)
        sound, truth = torch.stack([music[:, :, at : at + EXCERPT] for at in starts], dim=1)  # (B, 96, T) each
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(sound), truth, pos_weight=weight).backward()
        optimizer.step()
        schedule.step()
    return model


def transcribe(model: Transcriber, wave: np.ndarray) -> Score:
    """Return the notes that a transcriber hears in mono sound at 22,050 samples a second.

    A note is a pitch that sounds for five frames (0.12 s) or more; all have one part, and unisons are one note. The
    tempo is 120 quarters per minute whatever is played: times are right in seconds (``score.onset_second``).

    Notes
    -----
    Notebook: 06_features.
    """
    heard = np.pad(model.probabilities(wave) > THRESHOLD, ((0, 0), (1, 1))).astype(int)
    pitch, first = np.nonzero(np.diff(heard, axis=1) > 0)
    _, after = np.nonzero(np.diff(heard, axis=1) < 0)
    long = after - first >= SHORTEST
    ticks = np.round(np.stack([first, after])[:, long] * (HOP / SAMPLE_RATE * 2 * RESOLUTION)).astype(int)
    rows = zip(ticks[0], ticks[1] - ticks[0], pitch[long] + LOWEST, strict=True)
    return Score(list(rows), parts=[Part("Heard")], resolution=RESOLUTION)


def _loudness(wave: np.ndarray) -> torch.Tensor:
    """Return the pitch spectrogram on a scale that a network learns from: silence near -2, the loudest near 2."""
    return torch.tensor((spectrogram(wave, "pitch") / -SILENCE_DB + 0.55) * 4, dtype=torch.float32)


def _example(score: Score) -> torch.Tensor:
    """Return a score's sound and what is true of it, shape (2, 96, frames)."""
    sound = _loudness(render(score, SAMPLE_RATE))[:, : int(score.length_second * SAMPLE_RATE / HOP)]
    truth = sounding_frames(score, sound.shape[1])[LOWEST : LOWEST + BINS]
    return torch.stack([sound, torch.tensor(truth, dtype=torch.float32)])
