"""Tokenizers side by side on the same scores: how many words, how many ids, what is lost, how well one can guess."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import log2

import numpy as np

from musiclab.errors import require
from musiclab.score import Score
from musiclab.tokenizers.base import Tokenizer

COLUMNS = ("tokenizer", "vocab_size", "ids_per_bar", "onset_error_ms", "notes_dropped_percent", "bits_per_quarter")


@dataclass(frozen=True, repr=False)
class Comparison:
    """One row a tokenizer; a table in a notebook, lines of text elsewhere.

    Attributes
    ----------
    rows : tuple of dict
        ``tokenizer``, ``vocab_size``, ``ids_per_bar``, ``onset_error_ms``, ``notes_dropped_percent`` and
        ``bits_per_quarter``.
    """

    rows: tuple[dict, ...]

    def _cells(self) -> list[list[str]]:
        head = [name.replace("_", " ").replace("percent", "%") for name in COLUMNS]
        return [head, *(list(map(format, row.values(), ("", ",", *[",.1f"] * 4))) for row in self.rows)]

    def __repr__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        columns = "  ".join(f"{{:{'>' if i else '<'}{width}}}" for i, width in enumerate(widths))
        return "\n".join(columns.format(*row) for row in cells)

    def _repr_html_(self) -> str:
        first = "<td style='text-align:left'>"
        head, *body = [first + "</td><td>".join(map(escape, row)) + "</td>" for row in self._cells()]
        rows = "".join(f"<tr>{row}</tr>" for row in body)
        return f"<table><thead><tr>{head.replace('td', 'th')}</tr></thead><tbody>{rows}</tbody></table>"


def compare_tokenizers(scores: Sequence[Score], toks: Sequence[Tokenizer]) -> Comparison:
    """Return a table that compares tokenizers on the same scores.

    Vocabulary size; ids per bar; what :meth:`~musiclab.tokenizers.Tokenizer.project` loses: the mean distance in
    milliseconds of a note's onset from where it was, and the share of notes that are gone (each note is paired with one
    of its pitch less than half a quarter away); and bits per quarter of the score on every second score, by a bigram
    model of the others: how hard the next word is to guess, times how many there are. A scheme that loses more has less
    to guess.

    Parameters
    ----------
    scores : sequence of Score
        Two at least.
    toks : sequence of Tokenizer

    Raises
    ------
    ValueError
        If there are fewer than two scores, or no sound in them.

    Notes
    -----
    The bigram model is interpolated as by Witten & Bell (1991) with the frequencies of single words, and these with
    equal chances for all. Notebook: 02_tokens.

    Examples
    --------
    >>> from musiclab.tokenizers import Chorale
    >>> scores = [Score([(8 * i, 8, 60 + i % 5) for i in range(n)]) for n in (12, 15)]
    >>> compare_tokenizers(scores, [Chorale()])
    tokenizer  vocab size  ids per bar  onset error ms  notes dropped %  bits per quarter
    Chorale           125         51.3            27.8              0.0              23.7
    """
    require(len(scores) >= 2, "scores", "two at least", len(scores))
    require(sum(score.length for score in scores[1::2]) > 0, "scores", "not all empty", "no length")
    return Comparison(tuple(_row(scores, tok) for tok in toks))


def _row(scores: Sequence[Score], tok: Tokenizer) -> dict:
    ids = [tok.sequence(score) for score in scores]
    errors, dropped = zip(*(onset_errors(score, tok.project(score)) for score in scores), strict=True)
    errors, n_notes = np.concatenate(errors), sum(len(score) for score in scores)
    quarters = sum(score.length / score.resolution for score in scores[1::2])
    per_bar = sum(map(len, ids)) / max(1, sum(score.n_bars for score in scores))
    moved = 1000 * errors.mean() if len(errors) else np.nan
    gone = 100 * sum(dropped) / n_notes if n_notes else np.nan
    bits = bigram_bits(ids[::2], ids[1::2], len(tok.vocab)) / quarters
    return dict(zip(COLUMNS, (tok.name, len(tok.vocab), per_bar, moved, gone, bits), strict=True))


def onset_errors(score: Score, told: Score) -> tuple[np.ndarray, int]:
    """Return how far in seconds each note that was kept has moved, and how many were dropped.

    Notes are paired within a pitch so that the sum of distances is least; a pair half a quarter apart is none. Both are
    timed by the first score's tempos. A pickup that is told as a whole bar that begins with silence moves nothing.
    """
    _, numerator, denominator = score.time_signatures[0]
    silence = -score.pickup / score.resolution % (4 * numerator / denominator)
    found = (_paired(score, told.onset_quarter - shift, told.notes["pitch"]) for shift in {0.0, silence})
    return min(found, key=lambda errors_dropped: (errors_dropped[1], errors_dropped[0].sum()))


def _paired(score: Score, there: np.ndarray, pitches: np.ndarray) -> tuple[np.ndarray, int]:
    from scipy.optimize import linear_sum_assignment

    kept = [np.zeros((2, 0))]
    for pitch in np.unique(pitches):
        a, b = score.onset_quarter[score.notes["pitch"] == pitch], there[pitches == pitch]
        gap = np.abs(a[:, None] - b)  # (notes, notes told)
        i, j = linear_sum_assignment(np.minimum(gap, 0.5))
        near = gap[i, j] < 0.5
        kept.append(np.stack([a[i[near]], b[j[near]]]))
    pairs = np.concatenate(kept, axis=1)
    before, after = score.seconds(np.maximum(pairs, 0) * score.resolution)
    return np.abs(after - before), len(score) - pairs.shape[1]


def bigram_bits(train: Sequence[Sequence[int]], test: Sequence[Sequence[int]], vocab_size: int) -> float:
    """Return the bits that a bigram model of some sequences needs to guess others, the first id of each given.

    Examples
    --------
    >>> bigram_bits([[1, 2, 1, 2, 1, 2]], [[1, 2]], vocab_size=4) < bigram_bits([[1, 2, 1, 2, 1, 2]], [[1, 3]], 4)
    True
    """
    after = Counter(i for ids in train for i in ids[1:])
    pairs = Counter(pair for ids in train for pair in pairwise(ids))
    followers = Counter(before for before, _ in pairs)
    seen, n = Counter(i for ids in train for i in ids[:-1]), after.total()

    def probability(before: int, wanted: int) -> float:
        single = (after[wanted] + len(after) / vocab_size) / (n + len(after))
        new = max(1, followers[before])  # a word never seen before another leaves it all to single words
        return (pairs[before, wanted] + new * single) / (seen[before] + new)

    return -sum(log2(probability(*pair)) for ids in test for pair in pairwise(ids))
