"""Forgeries with a known fault: what a metric must notice, and what it must not.

A number about generated music means little until the same number of music with one thing wrong stands beside it. Every
report shows these six. Two have nothing wrong: a transposed chorale is as good as before, and one stitched together
from pieces of the training set sounds right, for it is copied.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from musiclab.errors import require
from musiclab.metrics.rules import read_passage
from musiclab.score import NOTE, Score

SEMITONES = np.array([-2, -1, 1, 2])


def make_fakes(scores: Sequence[Score], training: Sequence[Score], seed: int = 0) -> dict[str, list[Score]]:
    """Return the six control forgeries of a set of scores, each as many as there are scores.

    ``corrupt5`` and ``corrupt20`` have 5 and 20 % of their notes moved by one or two semitones, ``barshuffle`` the
    bars of each score in random order, ``random`` a pitch of each part's range on every quarter, ``transpose`` another
    key up to 3 semitones away, and ``markov2`` quarters of training scores joined wherever two in a row agree.

    Parameters
    ----------
    scores : sequence of Score
        Held out from training.
    training : sequence of Score
        Where ranges are read and quarters are copied from.
    seed : int
        Of all that is drawn; the same seed forges the same.

    Raises
    ------
    ValueError
        If either is empty, or no training score has as many parts as a score.

    Notes
    -----
    Notebook: 05_how_good_is_a_sequence.

    Examples
    --------
    >>> tune = Score([(24 * i, 24, 60 + i) for i in range(8)])
    >>> fakes = make_fakes([tune], [tune.transpose(1)])
    >>> list(fakes)
    ['corrupt5', 'corrupt20', 'barshuffle', 'random', 'transpose', 'markov2']
    >>> fakes["markov2"][0].notes["pitch"].tolist()
    [61, 62, 63, 64, 65, 66, 67, 68]
    """
    require(len(scores) > 0 and len(training) > 0, "scores and training", "at least one each", "none")
    rng = np.random.default_rng(seed)
    chains = {n: _Chain(training, n) for n in {min(4, len(score.parts)) for score in scores}}
    makers = {
        "corrupt5": lambda score: corrupt(score, 0.05, rng),
        "corrupt20": lambda score: corrupt(score, 0.2, rng),
        "barshuffle": lambda score: shuffle_bars(score, rng),
        "random": lambda score: chains[min(4, len(score.parts))].random(score, rng),
        "transpose": lambda score: score.transpose(int(rng.integers(-3, 4))),
        "markov2": lambda score: chains[min(4, len(score.parts))].stitch(score, rng),
    }
    return {name: [make(score) for score in scores] for name, make in makers.items()}


def corrupt(score: Score, share: float, rng: np.random.Generator) -> Score:
    """Return the score with about this share of its notes moved by one or two semitones, up or down."""
    notes = score.notes.copy()
    moved = (rng.random(len(notes)) < share) * rng.choice(SEMITONES, len(notes))
    notes["pitch"] = np.clip(notes["pitch"] + moved, 0, 127)
    return replace(score, notes=notes)


def shuffle_bars(score: Score, rng: np.random.Generator) -> Score:
    """Return the score with its whole bars in random order; a pickup and an incomplete last bar stay where they are."""
    length = np.diff(np.append(score.bar_onsets, score.length))
    bars = np.arange(len(length))
    whole = np.flatnonzero((length == np.bincount(length).argmax()) & (bars >= (score.pickup > 0)))
    bars[whole] = rng.permutation(whole)
    return reduce(Score.concat, [score.bars(bar, bar + 1) for bar in bars.tolist()])


class _Chain:
    """What the training scores of one number of parts sound, quarter by quarter, and what follows what."""

    def __init__(self, training: Sequence[Score], parts: int) -> None:
        passages = [read_passage(score) for score in training if min(4, len(score.parts)) == parts]
        require(len(passages) > 0, "training", f"a score of {parts} parts", "none")
        pitches = np.concatenate([p.pitch for p in passages])
        self.ranges = [(line[line >= 0].min(initial=127), line.max(initial=0)) for line in pitches.T]
        self.starts, self.after = [], defaultdict(list)
        for p in passages:
            struck = (p.pitch >= 0) & (p.began == p.step[:, None])
            quarters = [_Quarter(p.pitch[i : i + 4], struck[i : i + 4]) for i in range(0, len(p.pitch) - 3, 4)]
            self.starts += [quarters[:2]] * (len(quarters) > 1)
            for i, quarter in enumerate(quarters[1:], 1):
                for n in range(1, min(i, 2) + 1):
                    self.after[tuple(q.key for q in quarters[i - n : i])].append(quarter)

    def stitch(self, score: Score, rng: np.random.Generator) -> Score:
        """Return a score as long as another, of quarters each of which followed those two, or that one, in training."""
        n, found = max(2, -(-score.length // score.resolution)), []
        while len(found) < n:
            keys = tuple(quarter.key for quarter in found[-2:])
            choices = self.after.get(keys) or self.after.get(keys[-1:])
            found += [choices[rng.integers(len(choices))]] if choices else self.starts[rng.integers(len(self.starts))]
        grids = (np.concatenate([getattr(q, name) for q in found[:n]]) for name in ("pitch", "struck"))
        return _written(score, *grids)

    def random(self, score: Score, rng: np.random.Generator) -> Score:
        """Return a score as long as another with a random pitch of its range in each part on every quarter."""
        n = -(-score.length // score.resolution)
        pitch = np.stack([rng.integers(low, high + 1, n) for low, high in self.ranges], axis=1)
        return _written(score, np.repeat(pitch, 4, axis=0), np.arange(4 * n)[:, None] % 4 == np.zeros(pitch.shape[1]))


class _Quarter:
    """Four steps of all parts: what sounds, and whether it is struck there."""

    def __init__(self, pitch: np.ndarray, struck: np.ndarray) -> None:
        self.pitch, self.struck, self.key = pitch, struck, pitch.tobytes()


def _written(score: Score, pitch: np.ndarray, struck: np.ndarray) -> Score:
    """Return what a grid of 16ths sounds, in the metre, key and length of a score."""
    rows, step = [], score.resolution // 4
    for part, line in enumerate(pitch.T):
        first = np.flatnonzero(struck[:, part] | (np.diff(line, prepend=-1) != 0))
        rows += [
            (onset * step, (end - onset) * step, line[onset], 64, part)
            for onset, end in zip(first, np.append(first[1:], len(line)), strict=True)
            if line[onset] >= 0
        ]
    notes = np.array(rows, dtype=NOTE)
    inside = notes[notes["onset"] < score.length]
    inside["duration"] = np.minimum(inside["duration"], score.length - inside["onset"])
    return replace(score, notes=inside, parts=score.parts[: pitch.shape[1]])
