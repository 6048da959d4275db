"""Rules as masks: which cells of a grid may come next, if rules are to be kept.

A rule says where a passage breaks it (``musiclab.metrics.rules``); its mask comes of asking it about all cells that
could be written next. Rows are written cell by cell, highest part first, so a row can be caught: soprano and alto
chosen, no bass may be left that fits both. Therefore a cell is open only if the rest of its row can still be filled.
Rules speak of single parts, of pairs of parts and of tones that must sound somewhere, so this needs no search: for
each soprano, alto and tenor the basses that fit are one number of 64 bits, and all are combined at once.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.metrics.rules import LOWER, UPPER, Frame, Passage, Rule, as_rule
from musiclab.tokenizers.base import EOS, Tokenizer
from musiclab.tokenizers.cells import HOLD, KEYS, REST, CellWords


class Limits(NamedTuple):
    """What rules leave of a row. A pitch is counted from 1 at the lowest that can be written; 0 is a rest."""

    cells: np.ndarray  # (cells, parts): Hold, Rest and each pitch
    pairs: np.ndarray | None  # (6, pitches, pitches)
    needs: tuple[np.ndarray, ...]  # each (pitches,): one of these must sound
    end: bool


class RuleMask:
    """The masks of rules over a tokenizer of cells, as :func:`musiclab.sampling.stream` asks for them.

    Parameters
    ----------
    tok : Chorale or Melody
    rules : sequence of str or Rule
        The first has precedence: where not all can be kept, a later one is passed over.
    n_bars : int, optional
        Bars in all.
    max_ids : int
        Ids in all, BOS included.

    Raises
    ------
    ValueError
        If the tokenizer writes no cells, two rules have one name, or a rule asks for more parts than there are.
    """

    def __init__(self, tok: Tokenizer, rules: Sequence[str | Rule], n_bars: int | None, max_ids: int) -> None:
        require(isinstance(tok, CellWords), "the tokenizer under rules", "Chorale or Melody", type(tok).__name__)
        self.tok, self.rules, self.n_bars = tok, [as_rule(rule) for rule in rules], n_bars
        names, n = [rule.name for rule in self.rules], len(tok.parts)
        require(len(set(names)) == len(names), "rules", "of different names", names)
        self.headers = tok.metres, range(tok.header[2]), KEYS
        for rule in self.rules:
            require(n == 4 or not rule.pairs, "rules", f"about single parts, since {tok} has {n}", rule.name)
            for values, wanted in zip(self.headers, rule.header, strict=True):
                require(wanted in (None, *values), f"the header of {rule.name}", f"one of {tok}'s", wanted)
        self.last, self.header, self.limits = (max_ids - 4) // n, [], None
        self.step, self.part = 0, 0
        self.pitch, self.began = np.full((2, 2, n), -1)  # on the step before, and on this one
        low, high = tok.pitches
        self.pitches = np.array([-1, *range(low, high + 1)])  # a rest, and all that can be written

    def push(self, token_id: int) -> None:
        """Take one id as written."""
        if len(self.header) < 3:
            self.header.append(token_id)
            return
        if token_id != HOLD:
            self.pitch[1, self.part], self.began[1, self.part] = self.pitches[token_id - REST], self.step
        self.part += 1
        if self.part == len(self.tok.parts):
            self.pitch[0], self.began[0] = self.pitch[1], self.began[1]
            self.step, self.part, self.limits = self.step + 1, 0, None

    def narrow(self, allowed: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Yield each rule's name and which ids it and those before it leave; no id, if it must be passed over."""
        at, kept = len(self.header), []
        if at == 3 and self.limits is None:
            self.limits = self._row()
        for i, rule in enumerate(self.rules):
            narrower = allowed
            if at < 3 and rule.header[at] is not None:
                wanted = self.tok.header[at] + self.headers[at].index(rule.header[at])
                narrower = allowed & (np.arange(len(allowed)) == wanted)
            elif at == 3 and self.limits[i]:
                narrower = allowed & self._open([*kept, self.limits[i]], len(allowed))
                kept += [self.limits[i]] if narrower.any() else []
            allowed = narrower if narrower.any() else allowed
            yield rule.name, narrower

    def _row(self) -> list[Limits | None]:
        """Return what each rule leaves of the row to be written, None for all of it."""
        at = np.subtract(self.header, self.tok.header[:3]).tolist()
        frame = Frame(*(values[i] for values, i in zip(self.headers, at, strict=True)), self.tok.steps_per_quarter)
        last = min(self.last, frame.pickup + self.n_bars * frame.bar) if self.n_bars else self.last
        pitch, began = np.full((2, len(self.pitches) + 1, 2, len(self.tok.parts)), self.step)
        pitch[:, 0], began[:, 0] = self.pitch[0], self.began[0]
        pitch[0, 1], began[0, 1] = self.pitch[0], self.began[0]  # the first cell holds
        pitch[1:, 1] = self.pitches[:, None]
        step = np.array([self.step - 1, self.step])
        choices = Passage(pitch, began, step, step >= last - frame.beat, frame)
        before = Passage(self.pitch[:1], self.began[:1], step[:1], step[:1] >= 0, frame)
        return [self._ask(rule, choices, before) for rule in self.rules]

    def _ask(self, rule: Rule, choices: Passage, before: Passage) -> Limits | None:
        n = choices.pitch.shape[-1]
        broken = rule.parts(choices)[:, 1] if rule.parts else np.zeros((len(self.pitches) + 1, n), dtype=bool)
        require(broken.shape[1] == n, "rules", f"about {n} parts", f"{rule.name}, about {broken.shape[1]}")
        cells = ~broken & ((np.arange(len(broken)) > 0)[:, None] | (self.pitch[0] >= 0))  # only what sounds is held
        pairs = self._fitting(rule.pairs) if rule.pairs else None
        wanted = np.flatnonzero(rule.needs(choices)[-1]) if rule.needs and n > 1 else ()
        needs = tuple((self.pitches % 12 == one) & (self.pitches >= 0) for one in wanted)
        end = rule.ends is None or self.step == 0 or rule.ends(before)
        bites = broken.any() or not (pairs is None or pairs.all()) or needs or not end
        return Limits(cells, pairs, needs, end) if bites else None

    def _fitting(self, broken: Callable) -> np.ndarray:
        """Return which pitches each pair of parts may go to, (6, pitches, pitches)."""
        before = zip(self.pitch[0, UPPER].tolist(), self.pitch[0, LOWER].tolist(), strict=True)
        return np.stack([_pairs(broken, i, *both, tuple(self.tok.pitches)) for i, both in enumerate(before)])

    def _open(self, limits: list[Limits], size: int) -> np.ndarray:
        """Return which ids may be written now, (vocab,)."""
        held, cells = np.searchsorted(self.pitches, self.pitch[0]), np.all([one.cells for one in limits], axis=0)
        fit = cells[1:].T.copy()  # (parts, pitches)
        fit[np.arange(len(held)), held] |= cells[0]
        for part in range(self.part):
            fit[part] = self.pitches == self.pitch[1, part]
        found = _completable(fit, limits, self.part)
        mask = np.zeros(size, dtype=bool)
        mask[HOLD : HOLD + len(cells)] = cells[:, self.part] & np.append(found[held[self.part]], found)
        mask[EOS] = mask.any() and all(one.end for one in limits)  # a dead end is no ending
        return mask


@lru_cache(maxsize=8192)
def _pairs(broken: Callable, pair: int, upper: int, lower: int, pitches: tuple[int, int]) -> np.ndarray:
    """Return which pitches two parts may go to from these two, bool of shape (pitches, pitches)."""
    to = np.array([-1, *range(pitches[0], pitches[1] + 1)])
    grid = np.full((len(to), len(to), 2, 4), -1)
    grid[:, :, 0, [UPPER[pair], LOWER[pair]]] = upper, lower
    grid[:, :, 1, UPPER[pair]], grid[:, :, 1, LOWER[pair]] = to[:, None], to
    return ~broken(grid)[:, :, 1, pair]


def _completable(fit: np.ndarray, limits: list[Limits], part: int) -> np.ndarray:
    """Return which pitches of a part go with some pitches of the others, of those that fit, (parts, pitches)."""
    tables, needs = [x.pairs for x in limits if x.pairs is not None], [has for x in limits for has in x.needs]
    if not tables and not needs:
        return fit[part] & fit.any(axis=1).all()
    s, a, t = (np.flatnonzero(row) for row in fit[:3])
    bass = _bits(fit[3])
    if tables:
        pairs = np.all(tables, axis=0)
        with_s, with_a, with_t = _bits(pairs[[2, 4, 5]] & fit[3])  # the basses that go with each pitch
        sa, st, at = pairs[[0, 1, 3]]
        upper = sa[s][:, a, None] & st[s][:, None, t] & at[a][:, t]
        bass = with_s[s, None, None] & with_a[a, None] & with_t[t] & -upper.astype(np.uint64)  # (S, A, T)
    for has in needs:
        bass = bass & np.where(has[s, None, None] | has[a, None] | has[t], _bits(has | True), _bits(has))
    if part == 3:
        every = np.bitwise_or.reduce(bass, axis=None)
        return (every >> np.arange(fit.shape[1], dtype=np.uint64) & np.uint64(1)).astype(bool)
    found = np.zeros(fit.shape[1], dtype=bool)
    found[(s, a, t)[part]] = bass.any(axis=tuple({0, 1, 2} - {part}))
    return found


def _bits(table: np.ndarray) -> np.ndarray:
    """Return rows of up to 64 booleans as numbers, the first the lowest bit."""
    packed = np.zeros((*table.shape[:-1], 8), dtype=np.uint8)
    packed[..., : -(-table.shape[-1] // 8)] = np.packbits(table, axis=-1, bitorder="little")
    return packed.view("<u8")[..., 0]
