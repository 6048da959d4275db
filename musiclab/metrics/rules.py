"""Rules of voice leading, as places in a score where they are broken.

They are read off a grid of sounding pitches, a row per step and a column per part, highest part first. Each rule is a
small function from a grid to a table of booleans, so the same function counts over a corpus, finds what to mark in
red, and says of a stack of possible next rows which ones a sampler should leave out.

Only sounding pitch counts. A note struck again has not moved, so repeated notes make no parallels; motion is from one
step to the next, so fifths with a rest or a passing note between them are not found. Bach breaks these rules too:
judge a score beside his rates, not beside zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.score import Score
from musiclab.tokenizers.cells import places, read_line

UPPER, LOWER = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 2, 3, 2, 3, 3])  # the six pairs of parts
ALL, OUTER, NEIGHBOURS = LOWER > UPPER, LOWER - UPPER == 3, LOWER - UPPER == 1
CLOSE = NEIGHBOURS & (LOWER < 3)  # the bass may lie as low as it likes
# Lowest and highest pitch of soprano, alto, tenor and bass in the 229 training chorales of the JSB benchmark.
RANGES = np.array([(60, 81), (52, 74), (46, 69), (36, 66)])


def sounding_pitches(music: Score | np.ndarray) -> np.ndarray:
    """Return the pitch that each of four parts sounds on each 16th, -1 where it rests, int of shape (steps, 4).

    Parameters
    ----------
    music : Score or ndarray
        A score's first four parts, highest first, moved to the nearest 16th; of notes of a part that begin together
        the highest stays. A grid of whole numbers, shape (..., steps, 4), is returned as it is.

    Raises
    ------
    ValueError
        If a score has fewer than four parts, or an array is no such grid.

    Examples
    --------
    >>> score = Score([(0, 6, 72), (6, 6, 74), (0, 12, 64, 64, 1), (0, 12, 55, 64, 2), (0, 6, 48, 64, 3)])
    >>> sounding_pitches(score).tolist()
    [[72, 64, 55, 48], [74, 64, 55, -1]]
    """
    if not isinstance(music, Score):
        grid = np.asarray(music)
        ok = grid.ndim >= 2 and grid.shape[-1] == 4 and grid.dtype.kind in "iu"
        require(ok, "grid", "whole numbers of shape (steps, 4)", f"{grid.dtype} of shape {grid.shape}")
        return grid.astype(np.int64)  # unsigned pitches would not subtract
    require(len(music.parts) >= 4, "score", "one of at least 4 parts", f"{len(music.parts)}")
    line = read_line(music, steps_per_quarter=4, parts=4)
    grid, length = np.full((4, line.steps), -1), line.end - line.onset
    grid.ravel()[places(line.part * line.steps + line.onset, length)] = np.repeat(line.pitch, length)
    return grid.T


def moving_pairs(grid: np.ndarray) -> np.ndarray:
    """Return which pairs of parts both move into each step, bool of shape (..., steps, 6)."""
    heading = _heading(grid)
    return heading[..., UPPER] * heading[..., LOWER] != 0


def parallel_fifths(grid: np.ndarray) -> np.ndarray:
    """Return which pairs move in one direction from a perfect fifth to a perfect fifth, give or take octaves.

    Examples
    --------
    >>> before, choices = [72, 67, 60, 53], [[74, 69, 62, 50], [74, 65, 62, 50]]
    >>> rows = np.array([[before, choice] for choice in choices])  # (choices, 2, 4)
    >>> parallel_fifths(rows)[:, 1].any(axis=-1).tolist()  # may the choice follow?
    [True, False]
    """
    return _parallel(grid, 7)


def parallel_octaves(grid: np.ndarray) -> np.ndarray:
    """Return which pairs move in one direction from an octave or unison to an octave or unison."""
    return _parallel(grid, 0)


def hidden_fifths(grid: np.ndarray) -> np.ndarray:
    """Return where the outer parts move in one direction into a fifth from another interval, the soprano leaping."""
    return _hidden(grid, 7)


def hidden_octaves(grid: np.ndarray) -> np.ndarray:
    """Return where the outer parts move in one direction into an octave from another interval, the soprano leaping."""
    return _hidden(grid, 0)


def crossing(grid: np.ndarray) -> np.ndarray:
    """Return which neighbours have crossed: the upper part is below the lower."""
    return NEIGHBOURS & _both_sound(grid) & (grid[..., UPPER] < grid[..., LOWER])


def spacing(grid: np.ndarray) -> np.ndarray:
    """Return which neighbours of the upper three parts are more than an octave apart."""
    return CLOSE & _both_sound(grid) & (grid[..., UPPER] - grid[..., LOWER] > 12)


def overlap(grid: np.ndarray) -> np.ndarray:
    """Return where the upper neighbour goes below the lower one's last pitch, or the lower above the upper's."""
    before = _before(grid)
    past = (grid[..., UPPER] < before[..., LOWER]) | (grid[..., LOWER] > before[..., UPPER])
    return NEIGHBOURS & _both_sound(grid) & _both_sound(before) & past


def out_of_range(grid: np.ndarray) -> np.ndarray:
    """Return which parts leave the range they keep in Bach's chorales, :data:`RANGES`, shape (..., steps, 4)."""
    return (grid >= 0) & ((grid < RANGES[:, 0]) | (grid > RANGES[:, 1]))


class Rule(NamedTuple):
    """A rule, the pairs of parts (or the parts) that it watches, and what its chances to be broken are counted in."""

    broken: Callable[[np.ndarray], np.ndarray]
    watched: np.ndarray
    unit: str


MOVES, PAIRS, PARTS = "moving pairs", "pairs at a step", "parts at a step"
RULES = {
    "parallel_fifths": Rule(parallel_fifths, ALL, MOVES),
    "parallel_octaves": Rule(parallel_octaves, ALL, MOVES),
    "hidden_fifths": Rule(hidden_fifths, OUTER, MOVES),
    "hidden_octaves": Rule(hidden_octaves, OUTER, MOVES),
    "crossing": Rule(crossing, NEIGHBOURS, PAIRS),
    "spacing": Rule(spacing, CLOSE, PAIRS),
    "overlap": Rule(overlap, NEIGHBOURS, PAIRS),
    "out_of_range": Rule(out_of_range, np.ones(4, dtype=bool), PARTS),
}


def find_broken(music: Score | np.ndarray, rule: str) -> np.ndarray:
    """Return where a rule is broken: rows of step (a 16th) and the two parts, 0 the soprano, shape (n, 3).

    A rule about single parts names the same part twice. A breach that lasts is named at each step.

    Raises
    ------
    ValueError
        If there is no such rule.

    Examples
    --------
    >>> find_broken(np.array([[72, 67, 60, 53], [74, 69, 62, 50]]), "parallel_fifths").tolist()
    [[1, 1, 2]]
    """
    require(rule in RULES, "rule", f"one of {sorted(RULES)}", repr(rule))
    grid = sounding_pitches(music)
    require(grid.ndim == 2, "grid", "of shape (steps, 4)", grid.shape)
    step, which = np.nonzero(RULES[rule].broken(grid))
    upper, lower = (which, which) if RULES[rule].unit == PARTS else (UPPER[which], LOWER[which])
    return np.stack([step, upper, lower], axis=1)


@dataclass(frozen=True, repr=False)
class VoiceLeading:
    """What :func:`voice_leading` found in one score; its repr is a table.

    Attributes
    ----------
    places : mapping of str to ndarray, shape (n, 3)
        For each rule, where it is broken, as :func:`find_broken` says.
    chances : mapping of str to int
        How often it could have been: pairs of watched parts that both move, or watched pairs (or parts) at each step.
    """

    places: Mapping[str, np.ndarray]
    chances: Mapping[str, int]

    @property
    def parallels(self) -> int:
        """Parallel fifths and octaves together."""
        return len(self.places["parallel_fifths"]) + len(self.places["parallel_octaves"])

    def rate(self, rule: str) -> float:
        """Return how often a rule is broken, of 100 chances; nan if there were none."""
        return 100 * len(self.places[rule]) / self.chances[rule] if self.chances[rule] else float("nan")

    def __repr__(self) -> str:
        rows = [
            f"  {name:<17}{len(rows):5} {self.rate(name):7.2f} of 100 {RULES[name].unit}"
            for name, rows in self.places.items()
        ]
        return "\n".join(["Voice leading: rules broken", *rows])


def voice_leading(music: Score | np.ndarray) -> VoiceLeading:
    """Return where four parts break the rules of voice leading, how often, and how often they could have.

    Parameters
    ----------
    music : Score or ndarray
        As :func:`sounding_pitches` takes it.

    Raises
    ------
    ValueError
        If a score has fewer than four parts, or an array is no grid.

    References
    ----------
    music21's ``VoiceLeadingQuartet.parallelFifth`` and ``parallelOctave`` agree, but also count contrary motion from a
    fifth to a fifth ("antiparallels"); here that is no parallel.

    Notes
    -----
    Notebook: 05_how_good_is_a_sequence.

    Examples
    --------
    >>> voice_leading(np.array([[72, 67, 60, 53], [72, 69, 62, 50]]))
    Voice leading: rules broken
      parallel_fifths      1   33.33 of 100 moving pairs
      parallel_octaves     0    0.00 of 100 moving pairs
      hidden_fifths        0     nan of 100 moving pairs
      hidden_octaves       0     nan of 100 moving pairs
      crossing             0    0.00 of 100 pairs at a step
      spacing              0    0.00 of 100 pairs at a step
      overlap              0    0.00 of 100 pairs at a step
      out_of_range         0    0.00 of 100 parts at a step
    """
    grid = sounding_pitches(music)
    moves = moving_pairs(grid)
    return VoiceLeading(
        places={name: find_broken(grid, name) for name in RULES},
        chances={
            name: int(moves[:, rule.watched].sum()) if rule.unit == MOVES else len(grid) * int(rule.watched.sum())
            for name, rule in RULES.items()
        },
    )


def _before(grid: np.ndarray) -> np.ndarray:
    """Return what sounded one step earlier; nothing before the first."""
    return np.concatenate([np.full_like(grid[..., :1, :], -1), grid[..., :-1, :]], axis=-2)


def _heading(grid: np.ndarray) -> np.ndarray:
    """Return 1 for each part that moves up into a step, -1 for down, 0 for one that stays or does not sound."""
    before = _before(grid)
    return np.where((grid >= 0) & (before >= 0), np.sign(grid - before), 0)  # (..., steps, 4)


def _into(grid: np.ndarray, interval: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs move in one direction to an interval (semitones within the octave), and which were there."""
    heading, before = _heading(grid), _before(grid)
    now, then = (np.abs(g[..., UPPER] - g[..., LOWER]) % 12 == interval for g in (grid, before))
    return now & (heading[..., UPPER] * heading[..., LOWER] > 0), then  # (..., steps, 6)


def _parallel(grid: np.ndarray, interval: int) -> np.ndarray:
    arrive, there = _into(grid, interval)
    return arrive & there


def _hidden(grid: np.ndarray, interval: int) -> np.ndarray:
    arrive, there = _into(grid, interval)
    leap = np.abs(grid - _before(grid))[..., :1] > 2  # more than a whole tone
    return OUTER & arrive & ~there & leap


def _both_sound(grid: np.ndarray) -> np.ndarray:
    return (grid[..., UPPER] >= 0) & (grid[..., LOWER] >= 0)
