"""Rules of composition, as places in a score where they are broken.

They are read off a grid of sounding pitches, a row per step and a column per part, highest part first. Each rule is a
small function from a grid to a table of booleans, so the same function counts over a corpus, finds what to mark in
red, and says of a stack of possible next rows which ones a sampler should leave out (``musiclab.constraints``).

First come rules of voice leading. Only sounding pitch counts there. A note struck again has not moved, so repeated
notes make no parallels; motion is from one step to the next, so fifths with a rest or a passing note between them are
not found. Bach breaks these rules too: judge a score beside his rates, not beside zero. Then come rules that a
composer may set: key, ranges, metre, chords, given notes, leaps and an ending.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.features.harmony import CHORDS
from musiclab.pitch import key_name, parse_pitch
from musiclab.score import Score
from musiclab.tokenizers.cells import KEYS, places, read_line, steps_in_bar

UPPER, LOWER = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 2, 3, 2, 3, 3])  # the six pairs of parts
ALL, OUTER, NEIGHBOURS = LOWER > UPPER, LOWER - UPPER == 3, LOWER - UPPER == 1
CLOSE = NEIGHBOURS & (LOWER < 3)  # the bass may lie as low as it likes
# Lowest and highest pitch of soprano, alto, tenor and bass in the 229 training chorales of the JSB benchmark.
RANGES = np.array([(60, 81), (52, 74), (46, 69), (36, 66)])


class Frame(NamedTuple):
    """Where bars and beats lie, and the key: metre, pickup in steps, (fifths, mode)."""

    metre: tuple[int, int] = (4, 4)
    pickup: int = 0
    key: tuple[int, str] = (0, "major")
    steps_per_quarter: int = 4

    @property
    def bar(self) -> int:
        """Steps in a bar."""
        return steps_in_bar(self.metre, self.steps_per_quarter)

    @property
    def beat(self) -> int:
        """Steps in a beat; in 3/8, 6/8, 9/8 and 12/8 a beat is three eighths."""
        n, d = self.metre
        return max(1, 4 * self.steps_per_quarter * (3 if d == 8 and n % 3 == 0 else 1) // d)

    def weight(self, step: np.ndarray) -> np.ndarray:
        """Return 2 for steps that begin a bar, 1 for other beats, 0 between them."""
        since = step - self.pickup
        return (since % self.beat == 0) * 1 + (since % self.bar == 0)


class Passage(NamedTuple):
    """What parts sound on each step: what rules read.

    ``pitch`` is -1 where a part rests, and ``began`` the step on which the note that sounds began; both are of shape
    (..., steps, parts). ``step`` counts from the start of the score, and ``final`` says whether a step is the ending,
    both (steps,).
    """

    pitch: np.ndarray
    began: np.ndarray
    step: np.ndarray
    final: np.ndarray
    frame: Frame


def read_passage(music: Score | np.ndarray, steps_per_quarter: int = 4) -> Passage:
    """Return what the first four parts of a score, or fewer, sound; its ending is the last step that sounds.

    Notes are moved to the nearest step; of notes of a part that begin together the highest stays. A grid of pitches,
    shape (steps, 4), counts as 4/4 in C major without a pickup, and no note in it is struck again.

    Examples
    --------
    >>> read_passage(Score([(0, 12, 60), (12, 6, 60)])).began.tolist()
    [[0], [0], [2]]
    """
    if isinstance(music, Score):
        n = min(4, len(music.parts))
        line = read_line(music, steps_per_quarter, n)
        (pitch, began), length = np.full((2, line.steps, n), -1), line.end - line.onset
        cells = places(line.onset, length), np.repeat(line.part, length)
        pitch[cells], began[cells] = np.repeat(line.pitch, length), np.repeat(line.onset, length)
        frame = Frame(*line[:3], steps_per_quarter)
    else:
        pitch, frame = sounding_pitches(music), Frame()
        changed = np.where(pitch != _before(pitch), np.arange(len(pitch))[:, None], 0)
        began = np.maximum.accumulate(changed)
    step = np.arange(len(pitch))
    return Passage(pitch, began, step, step == step[(pitch >= 0).any(1)].max(initial=-1), frame)


def sounding_pitches(music: Score | np.ndarray) -> np.ndarray:
    """Return the pitch that each of four parts sounds on each 16th, -1 where it rests, int of shape (steps, 4).

    Parameters
    ----------
    music : Score or ndarray
        A score's first four parts, highest first, moved to the nearest 16th; of notes of a part that begin together
        the highest stays. A grid of whole numbers, shape (steps, 4), is returned as it is.

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
        ok = grid.ndim == 2 and grid.shape[1] == 4 and grid.dtype.kind in "iu"
        require(ok, "grid", "whole numbers of shape (steps, 4)", f"{grid.dtype} of shape {grid.shape}")
        return grid.astype(np.int64)  # unsigned pitches would not subtract
    require(len(music.parts) >= 4, "score", "one of at least 4 parts", f"{len(music.parts)}")
    return read_passage(music).pitch


def parallel_fifths(grid: np.ndarray) -> np.ndarray:
    """Return which pairs move in one direction from a perfect fifth to a perfect fifth, give or take octaves.

    Examples
    --------
    >>> before, choices = [72, 67, 60, 53], [[74, 69, 62, 50], [74, 65, 62, 50]]
    >>> rows = np.array([[before, choice] for choice in choices])  # (choices, 2, 4)
    >>> parallel_fifths(rows)[:, 1].any(axis=-1).tolist()  # may the choice follow?
    [True, False]
    """
    return np.logical_and(*_into(grid, 7))


def parallel_octaves(grid: np.ndarray) -> np.ndarray:
    """Return which pairs move in one direction from an octave or unison to an octave or unison."""
    return np.logical_and(*_into(grid, 0))


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


def out_of_range(grid: np.ndarray, ranges: np.ndarray = RANGES) -> np.ndarray:
    """Return which parts leave their range, by default that of Bach's chorales, bool of shape (..., steps, 4)."""
    return (grid >= 0) & ((grid < ranges[:, 0]) | (grid > ranges[:, 1]))


class Rule(NamedTuple):
    """A rule, as functions that say where it is broken. Write your own: a name and one of these will do.

    Parameters
    ----------
    name : str
    parts : Callable[[Passage], ndarray], optional
        Whether each part breaks it, bool of shape (..., steps, parts), by its own pitches alone.
    pairs : Callable[[ndarray], ndarray], optional
        From a grid of pitches (..., steps, 4), whether each of the six pairs of parts breaks it, bool of shape
        (..., steps, 6), by these two parts' pitches on this step and the one before.
    needs : Callable[[Passage], ndarray], optional
        Which pitch classes must sound in some part, bool of shape (steps, 12). One part alone cannot sound a chord and
        is not asked.
    ends : Callable[[Passage], bool], optional
        Whether a score may end after the last step.
    header : tuple
        Metre, pickup (steps) and key (fifths, mode) that it asks for; None for any.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> no_low_bass = Rule("no_low_bass", parts=lambda p: (p.pitch < 43) & (p.pitch >= 0))
    >>> find_broken(np.array([[72, 67, 60, 53], [72, 67, 60, 41]]), no_low_bass).tolist()
    [[1, 3, 3]]
    """

    name: str
    parts: Callable[[Passage], np.ndarray] | None = None
    pairs: Callable[[np.ndarray], np.ndarray] | None = None
    needs: Callable[[Passage], np.ndarray] | None = None
    ends: Callable[[Passage], bool] | None = None
    header: tuple = (None, None, None)


def in_key(key: str | None = None) -> Rule:
    """Return the rule that all pitches are of a key; in minor the sixth and seventh degree may be raised.

    Parameters
    ----------
    key : str, optional
        Such as ``"G major"``, which then is the score's key signature, too; by default that of the score.

    Raises
    ------
    ValueError
        If there is no such key.

    Examples
    --------
    >>> find_broken(Score([(0, 12, 60), (12, 6, 61)]), in_key("C major")).tolist()
    [[2, 0, 0]]
    """
    named = _parse_key(key)

    def outside(p: Passage) -> np.ndarray:
        tonic, mode = _tonic(named or p.frame.key)
        return (p.pitch >= 0) & ~np.isin((p.pitch - tonic) % 12, SCALES[mode])

    return Rule("in_key", parts=outside, header=(None, None, named))


def in_ranges(ranges: Sequence[tuple[int, int]]) -> Rule:
    """Return the rule that each part keeps its range, (lowest, highest) pitch, the highest part first."""
    return Rule("in_ranges", parts=lambda p: out_of_range(p.pitch, np.array(ranges)))


def max_leap(semitones: int) -> Rule:
    """Return the rule that no part moves further than this from one step to the next; a rest between is no leap.

    Examples
    --------
    >>> find_broken(Score([(0, 6, 60), (6, 6, 67), (12, 6, 75)]), max_leap(7)).tolist()
    [[2, 0, 0]]
    """

    def leaps(p: Passage) -> np.ndarray:
        before = _before(p.pitch)
        return (p.pitch >= 0) & (before >= 0) & (np.abs(p.pitch - before) > semitones)

    return Rule("max_leap", parts=leaps)


def no_syncopation() -> Rule:
    """Return the rule that no note is held over a stronger place than the one it began on.

    A bar's first beat is stronger than other beats, and these are stronger than what lies between (the upper levels
    of Longuet-Higgins and Lee, The rhythmic interpretation of monophonic music, 1984).

    Examples
    --------
    >>> find_broken(Score([(0, 12, 60), (12, 24, 62)]), no_syncopation()).tolist()  # an eighth, a quarter
    [[4, 0, 0]]
    """

    def held_over(p: Passage) -> np.ndarray:
        held = (p.pitch >= 0) & (p.began < p.step[:, None])
        return held & (p.frame.weight(p.began) < p.frame.weight(p.step)[:, None])

    return Rule("no_syncopation", parts=held_over)


def chord_plan(chords: Sequence[str | Sequence[int] | None], per: str = "bar") -> Rule:
    """Return the rule that on each beat only tones of the chord sound, its root and its third among them.

    Between beats all is free, and so are a pickup and what comes after the plan.

    Parameters
    ----------
    chords : sequence
        Names such as ``"C"``, ``"F#m"``, ``"G7"``, ``"Bdim"``, or pitch classes, of which the first two must sound;
        None for no chord.
    per : str
        A chord a ``"bar"`` or a ``"beat"``.

    Raises
    ------
    ValueError
        If a name is not understood, or ``per`` is neither.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> score = Score([(0, 48, 64), (0, 48, 60, 64, 1), (0, 24, 55, 64, 2), (24, 24, 57, 64, 2), (0, 48, 48, 64, 3)])
    >>> find_broken(score, chord_plan(["C"])).tolist()
    [[4, 2, 2]]
    """
    require(per in ("bar", "beat"), "per", "'bar' or 'beat'", repr(per))
    plan = [_chord_classes(chord) for chord in chords]
    tones = np.array([np.isin(np.arange(12), classes or range(12)) for classes in [*plan, ()]])
    needed = np.array([np.isin(np.arange(12), classes[:2]) for classes in [*plan, ()]])

    def place(p: Passage) -> np.ndarray:
        at = (p.step - p.frame.pickup) // (p.frame.bar if per == "bar" else p.frame.beat)
        return np.where((at >= 0) & (at < len(plan)) & (p.frame.weight(p.step) > 0), at, len(plan))

    def strange(p: Passage) -> np.ndarray:
        return (p.pitch >= 0) & ~tones[place(p)[:, None], p.pitch % 12]

    return Rule("chord_plan", parts=strange, needs=lambda p: needed[place(p)])


def given_notes(score: Score, steps_per_quarter: int = 4) -> Rule:
    """Return the rule that notes of a score come as they are: onset, duration and pitch, in their part.

    Where a part has no note it is free. The metre, pickup and key are taken too, and all must be there at the end.

    Parameters
    ----------
    score : Score
        Its first part is the highest, and so on; a soprano may come alone.
    steps_per_quarter : int
        Of the grid that is written on.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> rule = given_notes(Score([(0, 12, 60)]))
    >>> [len(find_broken(Score([note]), rule)) for note in ((0, 12, 60), (0, 12, 62), (0, 18, 60))]
    [0, 2, 1]
    """
    given = read_passage(score, steps_per_quarter)
    pad = ((0, 1), (0, 4 - given.pitch.shape[1]))  # a step after the end, and parts that are free
    pitch, began = (np.pad(x, pad, constant_values=-1) for x in (given.pitch, given.began))
    last = int(np.flatnonzero((given.pitch >= 0).any(1)).max(initial=-1))

    def other(p: Passage) -> np.ndarray:
        k, now = p.pitch.shape[-1], np.minimum(p.step, len(pitch) - 1)
        want, since, before = pitch[now, :k], began[now, :k], began[np.maximum(now - 1, 0), :k]
        overstays = (want < 0) & (before >= 0) & (p.pitch >= 0) & (p.began == before)
        return overstays | (want >= 0) & ((p.pitch != want) | (p.began != since))

    return Rule("given_notes", parts=other, ends=lambda p: p.step[-1] >= last, header=given.frame[:3])


def cadence(key: str | None = None) -> Rule:
    """Return the rule that it ends on the tonic triad, root in the lowest part and with its third, and only there.

    One part alone ends on the tonic. Where the length is set beforehand, the whole last beat is made the ending.

    Parameters
    ----------
    key : str, optional
        Such as ``"A minor"``, or ``"A major"`` for a Picardy third; by default that of the score.

    Raises
    ------
    ValueError
        If there is no such key.

    Examples
    --------
    >>> [len(find_broken(Score([(0, 24, 60), (24, 24, pitch)]), cadence("C major"))) for pitch in (72, 67)]
    [0, 1]
    """
    named = _parse_key(key)

    def triad(p: Passage) -> tuple[int, ...]:
        tonic, mode = _tonic(named or p.frame.key)
        return tuple((tonic + np.array(CHORDS[mode])) % 12)

    def strange(p: Passage) -> np.ndarray:
        root, third, fifth = triad(p)
        wrong = (p.pitch >= 0) & ~np.isin(p.pitch % 12, (root, third, fifth))
        wrong[..., -1] = (p.pitch[..., -1] < 0) | (p.pitch[..., -1] % 12 != root)
        return p.final[:, None] & wrong

    def third(p: Passage) -> np.ndarray:
        return p.final[:, None] & (np.arange(12) == triad(p)[1])

    def closed(p: Passage) -> bool:
        p = p._replace(final=p.step == p.step[-1])
        return not strange(p).any() and not _unmet(p, third(p)).any()

    return Rule("cadence", parts=strange, needs=third, ends=closed)


SUFFIXES = dict(zip(("", "m", "dim", "aug", "7", "m7", "maj7", "m7b5", "dim7"), CHORDS.values(), strict=True))
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 9, 10, 11)}
MOVES, PAIRS, PARTS = "moving pairs", "pairs at a step", "parts at a step"
WATCHED = {  # what rules of voice leading watch, and what their chances to be broken are counted in
    "parallel_fifths": (ALL, MOVES), "parallel_octaves": (ALL, MOVES), "hidden_fifths": (OUTER, MOVES),
    "hidden_octaves": (OUTER, MOVES), "crossing": (NEIGHBOURS, PAIRS), "spacing": (CLOSE, PAIRS),
    "overlap": (NEIGHBOURS, PAIRS), "out_of_range": (np.ones(4, dtype=bool), PARTS),
}  # fmt: skip


def as_rule(rule: str | Rule) -> Rule:
    """Return the rule of a name, or a rule as it is."""
    require(isinstance(rule, Rule) or rule in RULES, "rule", f"a Rule or one of {list(RULES)}", repr(rule))
    return rule if isinstance(rule, Rule) else RULES[rule]


def find_broken(music: Score | np.ndarray, rule: str | Rule, steps_per_quarter: int = 4) -> np.ndarray:
    """Return where a rule is broken: rows of step and the two parts, 0 the soprano, shape (n, 3).

    A rule about single parts names the same part twice, and the lack of a tone in a chord the outer parts. A breach
    that lasts is named at each step.

    Parameters
    ----------
    music : Score or ndarray
        A score, or a grid of pitches as :func:`sounding_pitches` and :func:`read_passage` take it.
    rule : str or Rule
        A name in :data:`RULES`, or a rule.
    steps_per_quarter : int
        Of the grid on which a score is read; rules about pairs are always read on 16ths.

    Raises
    ------
    ValueError
        If there is no such rule, or it is about pairs and a score has fewer than four parts.

    Examples
    --------
    >>> find_broken(np.array([[72, 67, 60, 53], [74, 69, 62, 50]]), "parallel_fifths").tolist()
    [[1, 1, 2]]
    """
    rule = as_rule(rule)
    passage, found = read_passage(music, steps_per_quarter), [np.zeros((0, 3), dtype=np.int64)]
    if rule.pairs:
        step, which = np.nonzero(rule.pairs(sounding_pitches(music)))
        found.append(np.stack([step, UPPER[which], LOWER[which]], axis=1))
    if rule.parts:
        step, part = np.nonzero(rule.parts(passage))
        found.append(np.stack([step, part, part], axis=1))
    if rule.needs:
        step = np.flatnonzero(_unmet(passage, rule.needs(passage)))
        found.append(step[:, None] * (1, 0, 0) + (0, 0, passage.pitch.shape[1] - 1))
    return np.unique(np.concatenate(found), axis=0)


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
            f"  {name:<17}{len(rows):5} {self.rate(name):7.2f} of 100 {unit}"
            for (name, rows), (_, unit) in zip(self.places.items(), WATCHED.values(), strict=True)
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
    places, moves = {name: find_broken(grid, name) for name in WATCHED}, _motion(grid) != 0
    watched = [moves[:, pairs].sum() if unit == MOVES else len(grid) * pairs.sum() for pairs, unit in WATCHED.values()]
    return VoiceLeading(places, dict(zip(WATCHED, map(int, watched), strict=True)))


def _before(grid: np.ndarray) -> np.ndarray:
    """Return what sounded one step earlier; nothing before the first."""
    return np.concatenate([np.full_like(grid[..., :1, :], -1), grid[..., :-1, :]], axis=-2)


def _motion(grid: np.ndarray) -> np.ndarray:
    """Return 1 for pairs that move into a step in one direction, -1 in two, 0 if a part stays, (..., steps, 6)."""
    before = _before(grid)
    heading = np.where((grid >= 0) & (before >= 0), np.sign(grid - before), 0)
    return heading[..., UPPER] * heading[..., LOWER]


def _into(grid: np.ndarray, interval: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs move in one direction to an interval (semitones within the octave), and which were there."""
    now, then = (np.abs(g[..., UPPER] - g[..., LOWER]) % 12 == interval for g in (grid, _before(grid)))
    return now & (_motion(grid) > 0), then  # (..., steps, 6)


def _hidden(grid: np.ndarray, interval: int) -> np.ndarray:
    arrive, there = _into(grid, interval)
    leap = np.abs(grid - _before(grid))[..., :1] > 2  # more than a whole tone
    return OUTER & arrive & ~there & leap


def _both_sound(grid: np.ndarray) -> np.ndarray:
    return (grid[..., UPPER] >= 0) & (grid[..., LOWER] >= 0)


def _unmet(p: Passage, needs: np.ndarray) -> np.ndarray:
    """Return on which steps some pitch class, (steps, 12), does not sound and should, (steps,)."""
    heard = ((p.pitch[..., None] % 12 == np.arange(12)) & (p.pitch[..., None] >= 0)).any(axis=-2)  # (steps, 12)
    return (needs & ~heard).any(axis=-1) & (p.pitch.shape[-1] > 1)


def _tonic(key: tuple[int, str]) -> tuple[int, str]:
    """Return the pitch class of a key's tonic, and its mode."""
    fifths, mode = key
    return (7 * fifths + (9 if mode == "minor" else 0)) % 12, mode


def _parse_key(name: str | None) -> tuple[int, str] | None:
    keys = {key_name(*key): key for key in KEYS}
    require(name is None or name in keys, "key", f"one of {sorted(keys)}", repr(name))
    return name and keys[name]


def _chord_classes(chord: str | Sequence[int] | None) -> list[int]:
    """Return the pitch classes of a chord, root and third first."""
    if not isinstance(chord, str):
        return [int(x) % 12 for x in chord or ()]
    match = re.fullmatch(r"([A-G][#b]?)(.*)", chord)
    understood = match is not None and match[2] in SUFFIXES
    require(understood, "chord", f"a letter, # or b, and one of {list(SUFFIXES)}", repr(chord))
    return [(parse_pitch(match[1] + "4") + x) % 12 for x in SUFFIXES[match[2]]]


RULES = {  # those that a name alone can ask for
    **{name: Rule(name, pairs=globals()[name]) for name in list(WATCHED)[:-1]},
    "out_of_range": in_ranges(RANGES)._replace(name="out_of_range"),
    "in_key": in_key(), "no_syncopation": no_syncopation(), "cadence": cadence(),
}  # fmt: skip
