"""What probes are asked: from which collection a line is; of chorales, whose part, which key, beat, a fermata."""

import json
import warnings

import numpy as np

from musiclab.datasets import load_chorales, load_folk_tunes
from musiclab.datasets.cache import cached_scores, data_path
from musiclab.features.pitches import lines, melodic_intervals
from musiclab.files import in_parallel
from musiclab.models.base import build_model
from musiclab.notation import from_music21
from musiclab.pretrained import load_pretrained
from musiclab.probing import trace
from musiclab.score import Score
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


# --- the style of a window -------------------------------------------------------------------------------------------

WINDOW, MOST = 32, 4  # notes; windows of a piece
OTHERS = {"palestrina": 40, "monteverdi": 30, "trecento": 40}  # folders of music21's corpus, and how many pieces


def drawn(items, n):
    return [items[i] for i in np.random.default_rng(0).permutation(len(items))[:n]]


def whole(corpus):
    return [*corpus.train, *corpus.valid, *corpus.test]


def read_piece(path):
    from music21 import converter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # grace notes
        return from_music21(converter.parse(path))


def read_pieces(folder):
    from music21 import corpus

    paths = sorted(str(path) for path in corpus.getComposer(folder) if path.suffix != ".rntxt")
    return in_parallel(read_piece, drawn(paths, OTHERS[folder]), folder)


def whose_style():
    """Return windows of 32 notes of the first part, up to four a piece, which of six collections, and which piece.

    Bach's chorales, Palestrina, Monteverdi, the trecento, songs from Essen, O'Neill's tunes. Read once, in a minute or
    two, from the user's cache afterwards.
    """
    sets = {"bach": all_chorales()[:150]}
    sets |= {name: drawn(whole(load_folk_tunes(name)), 150) for name in ("essen", "oneills-complete")}
    sets |= {name: cached_scores(f"probe-{name}", lambda name=name: read_pieces(name)) for name in OTHERS}
    tops = [(lines(score.part(0)), name, piece) for name, some in sets.items() for piece, score in enumerate(some)]
    rows = [
        (Score(notes[first : first + WINDOW]), name, f"{name} {piece}")
        for notes, name, piece in tops
        for first in range(0, len(notes) - WINDOW + 1, WINDOW)[:MOST]
    ]
    return map(list, zip(*rows, strict=True))


def free_words(line):
    """Return interval and duration against the note before: no absolute pitch, no edition's note values."""
    duration = line.notes["duration"]
    return [(step, round(ratio, 2)) for (step, _), ratio in zip(words(line), duration[1:] / duration[:-1], strict=True)]


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


def ask_of_quarters(name, every):
    """Return what is asked of quarters, of each ``every``-th chorale in 4/4, and what a grid model holds at their ends.

    Each chorale begins up to 15 sixteenths later, drawn at random: the model is told the number of a row, so an
    untrained one would know the beat of all chorales that begin on a bar line.

    Returns
    -------
    dict
        beat, fermata, pieces: a label each quarter; descriptors: of what came up to its end; trained, untrained: states
        (layers, quarters, D).
    """
    scores, held = [score for score in all_chorales() if in_four(score)][::every], fermatas()
    late = np.random.default_rng(0).integers(16, size=len(scores))
    tick = [score.resolution // STEPS for score in scores]
    begun = [score.excerpt(int(n) * t, score.length) for score, n, t in zip(scores, late, tick, strict=True)]
    quarters = [Quarters(score, held[score.source]) for score in scores]
    kept = [STEPS * one.at >= n for one, n in zip(quarters, late, strict=True)]
    rows = [1 + STEPS * one.at[keep] + STEPS - 1 - n for one, keep, n in zip(quarters, kept, late, strict=True)]

    def states(random):
        hidden = hidden_states(name, begun, random)
        return np.concatenate([one[:, at] for one, at in zip(hidden, rows, strict=True)], axis=1)

    pairs = [*zip(quarters, kept, strict=True)]
    return {
        "beat": np.concatenate([one.beat[keep] for one, keep in pairs]),
        "fermata": np.concatenate([one.fermata[keep] for one, keep in pairs]),
        "pieces": np.repeat(np.arange(len(scores)), [keep.sum() for keep in kept]),
        "descriptors": np.array([one.descriptors(at, until=0) for one, keep in pairs for at in one.at[keep]]),
        "trained": states(random=False),
        "untrained": states(random=True),
    }


def ask_of_keys(name, every):
    """Return the same with the keys that ten chorales or more have, every sixth quarter, where the key is known."""
    scores = [score for score in all_chorales() if known_mode(score)][::every]
    keys = [f"{7 * s.keys[0].fifths % 12} {known_mode(s)}" for s in scores]
    scores, keys = zip(*[(s, key) for s, key in zip(scores, keys, strict=True) if keys.count(key) >= 10], strict=True)
    quarters = [Quarters(score, []) for score in scores]
    asked = [one.at[6::6] for one in quarters]

    def states(random):
        hidden = hidden_states(name, scores, random)
        return np.concatenate([h[:, STEPS * at + STEPS] for h, at in zip(hidden, asked, strict=True)], axis=1)

    found = [
        [np.r_[one.histogram(t, 10**6), one.histogram(t, 16)] for t in at]
        for one, at in zip(quarters, asked, strict=True)
    ]
    return {
        "key": np.repeat(keys, [len(at) for at in asked]),
        "pieces": np.repeat(np.arange(len(scores)), [len(at) for at in asked]),
        "descriptors": np.concatenate(found),
        "trained": states(random=False),
        "untrained": states(random=True),
    }


def ask_of_lines(name, every):
    """Return the same with the part that a line is, read alone where the soprano is, moved to one median pitch."""
    lines, parts, pieces = whose_part(all_chorales()[::every])
    moved = [line.transpose(67 - int(np.median(line.notes["pitch"]))) for line in lines]

    def states(random):
        return np.stack([hidden[:, 1:].mean(axis=1) for hidden in hidden_states(name, moved, random)], axis=1)

    return {
        "part": np.array(parts),
        "pieces": np.array(pieces),
        "descriptors": np.stack([line_descriptors(line) for line in lines]),
        "sequences": [words(line) for line in lines],
        "trained": states(random=False),
        "untrained": states(random=True),
    }
