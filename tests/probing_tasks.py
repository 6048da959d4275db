"""What probes are asked of chorales: whose part, which key, which beat, a fermata; and what answers beside them."""

import json

import numpy as np

from musiclab.datasets import load_chorales
from musiclab.datasets.cache import data_path
from musiclab.features.pitches import melodic_intervals
from musiclab.models.base import build_model
from musiclab.pretrained import load_pretrained
from musiclab.probing import trace
from musiclab.tokenizers.base import BOS

STEPS = 4  # a quarter


def all_chorales():
    corpus = load_chorales()
    return [*corpus.train, *corpus.valid, *corpus.test]


def known_mode(score):
    """Return the mode in which the last bass note is the tonic of the key signature, None if in neither."""
    fifths, last = score.keys[0].fifths, int(score.notes["pitch"][score.notes["part"] == 3][-1])
    return "major" if (last - 7 * fifths) % 12 == 0 else "minor" if (last - 7 * fifths - 9) % 12 == 0 else None


# --- one part alone -------------------------------------------------------------------------------------------------


def whose_part(scores):
    """Return lines of 24 notes or more, which part each is (0-3), and the piece it is from."""
    rows = [(score.part(i), i, piece) for piece, score in enumerate(scores) for i in range(4)]
    return map(list, zip(*[row for row in rows if len(row[0]) >= 24], strict=True))


def words(line):
    """Return what an n-gram counts in a line: interval and duration, no absolute pitch."""
    steps = np.clip(np.diff(line.notes["pitch"].astype(int)), -13, 13)
    return list(zip(steps.tolist(), line.notes["duration"][1:].tolist(), strict=True))


def line_descriptors(line):
    """Return what is counted by hand in a line, without its absolute pitch."""
    pitch, steps = line.notes["pitch"].astype(int), melodic_intervals(line)
    log_duration = np.log2(np.clip(line.notes["duration"] / np.median(line.notes["duration"]), 1 / 8, 8))
    sizes = np.bincount(np.clip(np.abs(steps), 0, 12), minlength=13) / max(1, len(steps))
    classes = np.bincount((pitch - pitch[-1]) % 12, minlength=12) / len(pitch)
    rhythm = np.histogram(log_duration, bins=13, range=(-3, 3))[0] / len(pitch)
    said = words(line)
    again = np.mean([word in said[:i] for i, word in enumerate(said)])
    numbers = [(steps > 0).mean(), pitch.std(), np.ptp(pitch), np.abs(steps).mean(), log_duration.std(), again]
    return np.r_[sizes, np.sort(classes)[::-1], rhythm, numbers]


# --- each quarter of whole chorales ---------------------------------------------------------------------------------


class Quarters:
    """A chorale at each quarter from the third on: what sounds and begins in each 16th, -1 for a rest.

    Attributes
    ----------
    at : ndarray
        The quarters, counted from the start of the file.
    beat : ndarray
        Its place in a 4/4 bar, 0 to 3.
    fermata : ndarray of bool
        Whether a fermata stands in the soprano.
    """

    def __init__(self, score, fermatas):
        quarters, pickup = score.length // score.resolution, score.pickup // score.resolution
        self.at = np.arange(2, quarters - 2)
        self.beat = (self.at - pickup) % 4
        self.fermata = np.isin(self.at * score.resolution, fermatas)
        self.sounding = np.full((4, STEPS * (quarters + 4)), -1)
        self.begins = np.zeros_like(self.sounding)
        for onset, duration, pitch, _, part in score.notes.tolist():
            first, after = (round(STEPS * t / score.resolution) for t in (onset, onset + duration))
            self.sounding[part, first:after] = pitch
            self.begins[part, first] = 1

    def descriptors(self, quarter, until):
        """Return what is counted by hand from two quarters before to ``until`` quarters after."""
        row = []
        for other in range(quarter - 2, quarter + until + 1):
            begins = self.begins[:, STEPS * other : STEPS * (other + 1)]
            step = self.sounding[3, STEPS * other] - self.sounding[3, STEPS * (other - 1)] if other > quarter - 2 else 0
            row += [begins[:, 0].sum(), begins[:, 2].sum(), begins[:, 1::2].sum(), begins[3, 0], begins[0, 0], step]
        now, before = self.sounding[:, STEPS * quarter], self.sounding[:, STEPS * (quarter - 1)]
        chord = np.bincount((now[now >= 0] - now[3]) % 12, minlength=12) if now[3] >= 0 else np.zeros(12)
        bass = np.eye(25)[int(np.clip(now[3] - before[3], -12, 12)) + 12]
        ahead = self.begins[:, STEPS * quarter + 1 : STEPS * (quarter + 1 + until)].any(axis=0)
        run = int(np.argmax(np.append(ahead[:8], True)))
        return np.r_[row, chord, bass, run]

    def histogram(self, quarter, back):
        """Return the share of each pitch class in the ``back`` 16ths up to the end of this quarter."""
        end = STEPS * (quarter + 1)
        heard = self.sounding[:, max(0, end - back) : end]
        counts = np.bincount(heard[heard >= 0] % 12, minlength=12)
        return counts / max(1, counts.sum())


def fermatas():
    return {
        f"music21 corpus, bach/{name}": ticks
        for name, ticks in json.loads(data_path("fermatas.json").read_text()).items()
    }


def in_four(score):
    """Return whether a chorale stays in 4/4 and its quarters are whole from the start."""
    metres = {change[1:] for change in score.time_signatures}
    return metres == {(4, 4)} and score.pickup % score.resolution == 0


def hidden_states(name, scores, random=False):
    """Return what the layers of a shipped model, or of its like untrained, hold of each score, (layers, rows, D)."""
    import torch

    model, tok = load_pretrained(name)
    if random:
        torch.manual_seed(0)
        model = build_model(model.config).eval()
    return [trace(model, [BOS, *tok.encode(score)]).hidden for score in scores]


def at_quarters(hidden, at, rows_before):
    """Return the states (layers, quarters, D) at the last 16th of each quarter; so many rows come before the music."""
    return hidden[:, rows_before + STEPS * at + STEPS - 1]
