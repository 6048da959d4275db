"""Grid models without a framework: what :mod:`musiclab.models.grid` says of (B, R, ...), said of one row in NumPy.

Symbols, ages and cells of a row are lists of whole numbers here; a few of these cost Python less than NumPy.
"""

from collections.abc import Callable

import numpy as np

from musiclab.models.fast_layers import Attention, Recurrence, array, feed_forward, linear, norm, softmax
from musiclab.models.grid import GridGRU, GridState, GridTransformer
from musiclab.models.grid_heads import LONGEST, MEMORY, OLDEST, PHRASE, SHORTEST, CellHead, CopyHead, Lookup, Matches


class GridStep:
    """One cell of a grid: a head scores it, and after the last of a row the trunk reads the row."""

    def __init__(self, model: GridTransformer) -> None:
        recurrent, trunk = isinstance(model, GridGRU), model.trunk
        self.trunk = Recurrence(list(trunk.blocks), norm=norm(trunk.norm)) if recurrent else Attention(trunk)
        self.model, self.heads = model, [Head(head) for head in model.heads]
        self.copy = Copy(model.copy) if model.copy else None
        self.table, self.embed_class = lookup(model.table), linear(model.embed_class)
        self.embed_phase, k = array(model.embed_phase.weight), np.arange(model.cycle)
        self.turn, self.classes = (k[:, None] - k) % model.cycle, np.arange(model.n_symbols) % model.cycle
        self.symbols = slice(model.first, model.first + model.n_symbols)

    def start(self, s: GridState) -> None:
        """Take over the state of the model."""
        self.cells, self.value, self.earlier, self.age = (x[0].tolist() for x in s[:4])
        self.header, self.anchor, self.hidden = (array(x[0, 0]) for x in (s.header, s.anchor, s.hidden))
        self.heard, self.row = array(s.recent[0]), s.cache.position if s.cache else 0
        self.trunk.start(s.cache)
        if self.copy:
            self.copy.start(s.matches)

    def __call__(self, token_id: int) -> np.ndarray:
        """Return the logits (V) after one cell more."""
        self.cells.append(token_id)
        if len(self.cells) == self.model.columns:
            self._read(self.cells)
            self.cells = []
        return self._score()

    def _read(self, row: list[int]) -> None:
        """Pass a whole row through the trunk."""
        m, n, value = self.model, self.model.n_symbols, self.value
        for c, (token_id, symbol) in enumerate(zip(row, map(self._symbol, row), strict=True)):
            self.age[c] = min(self.age[c] + 1, OLDEST)
            if token_id != m.hold if m.hold >= 0 else symbol != value[c]:
                self.earlier[c], value[c], self.age[c] = value[c], symbol, 0
        if not m.anchor.named:
            heard = np.bincount([(v - 1) % m.cycle for v in value if v], minlength=m.cycle)
            self.heard = (heard + MEMORY * self.heard).astype(np.float32)
            self.anchor = softmax(self.heard @ array(m.anchor.profile)[self.turn])[None]
        elif self.row == 0:
            self.anchor = array(m.anchor.table)[row].sum(axis=0)
        steps = [_interval(a, b, n) for a, b in zip(value, self.earlier, strict=True)]
        x = self.table(*row, *self.age, *steps, *(_interval(a, value[-1], n) for a in value))
        x = x + self.embed_class(self._turned(value, self.anchor[:, self.turn]))
        self.header = self.header if self.row else x
        self.hidden = self.trunk(x + self.header + self.embed_phase[self.row % m.period])
        self.row += 1
        if self.copy:
            self.copy.match(row)

    def _symbol(self, token_id: int) -> int:
        return token_id - self.symbols.start + 1 if self.symbols.start <= token_id < self.symbols.stop else 0

    def _turned(self, value: list[int], turn: np.ndarray) -> np.ndarray:
        """Return the classes of a row's symbols as counted from each anchor, (M C K)."""
        classes = turn[:, [(v - 1) % len(self.turn) for v in value]]  # (M, C, K)
        classes[:, [c for c, v in enumerate(value) if not v]] = 0
        return classes.ravel()

    def _score(self) -> np.ndarray:
        """Return the logits of the next cell."""
        c, turn = len(self.cells), self.anchor[:, self.turn]  # (M, K, K)
        new = [old if i == self.model.hold else self._symbol(i) for i, old in zip(self.cells, self.value, strict=False)]
        logits, fresh, by_class, by_symbol = self.heads[c](self, new, self._turned(new + self.value[c:], turn))
        by_class = (turn @ by_class.reshape(len(turn), -1, 1)).sum(axis=0)[:, 0]  # (K)
        logits[self.symbols] += by_symbol + by_class[self.classes]
        return self.copy(c, logits, fresh, self.cells) if self.copy else logits


def _interval(value: int, reference: int, count: int) -> int:
    return value - reference + count if value and reference else 0


def lookup(table: Lookup) -> Callable:
    """Return what gives the sum of the vectors of whole numbers."""
    vectors, start = array(table.embed.weight), array(table.start)
    return lambda *numbers: vectors[start + numbers].sum(axis=0)


class Head:
    """The scores of one column's cell."""

    def __init__(self, head: CellHead) -> None:
        self.column, self.count, self.table, self.along = head.column, head.count, lookup(head.table), array(head.along)
        self.project, self.out = linear(head.project), linear(head.out)
        self.embed_class, self.feed = linear(head.embed_class), feed_forward(head.feed)
        self.norm1, self.norm2 = norm(head.norm1), norm(head.norm2)
        self.parts = np.cumsum(head.sizes)[:-1]

    def __call__(self, s: GridStep, new: list[int], classes: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return scores by id (V), of not copying (1), by class (M K) and by symbol (count).

        ``new`` are the symbols in force in the columns before this one once their cells are read, ``classes`` those of
        all columns (M C K).
        """
        n, own, before = self.count, s.value[self.column], s.value[: self.column]
        gaps = [_interval(a, own, n) for a in new]
        moves = [_interval(a, b, n) for a, b in zip(new, before, strict=True)]
        apart = [_interval(b, own, n) for b in before]
        z = self.project(s.hidden) + self.embed_class(classes)
        z = z + self.table(*s.value, *s.age, *s.cells, *gaps, *moves, *apart)
        out = self.out(self.norm2(z + self.feed(self.norm1(z))))
        ids, fresh, by_class, along, by_interval = np.split(out, self.parts)
        by_symbol = np.zeros(n, np.float32)
        for reference, scores in zip([own, *new], by_interval.reshape(-1, 2 * n + 1), strict=True):
            if reference:
                by_symbol += scores[n + 1 - reference : 2 * n + 1 - reference]
        for i, (b, a) in enumerate(zip(before, new, strict=True)):
            if own and a and b and a != b and 1 <= own + a - b <= n:
                by_symbol[own + a - b - 1] += along[i] + self.along[i, apart[i]]
        return ids, fresh, by_class, by_symbol


class Copy:
    """The mixture of what a head says and of what may be copied."""

    def __init__(self, head: CopyHead) -> None:
        self.stride, weights = head.stride, (head.whole, head.own, head.likely, head.fresh)
        self.whole, self.own, self.likely, self.fresh = map(array, weights)

    def start(self, m: Matches) -> None:
        """Take over what the model could copy."""
        given = m.rows[0], m.run[0, -1], m.source[0, -1], m.exists[-1]
        self.rows, self.run, self.source, self.exists = map(array, given)

    def match(self, row: list[int]) -> None:
        """Find what could be copied into the row after this one."""
        same = (self.source == row) & self.exists[:, None]  # (L, C)
        run = np.where(np.column_stack([same.all(axis=1), same]), self.run + 1, 0)
        self.rows = np.concatenate([self.rows, [row]])
        at = len(self.rows) - self.stride * np.arange(1, len(self.rows) // self.stride + 1)
        self.run = np.pad(run, ((0, len(at) - len(run)), (0, 0)))
        self.source, self.exists = self.rows[at], at >= 1

    def __call__(self, c: int, logits: np.ndarray, fresh: np.ndarray, known: list[int]) -> np.ndarray:
        """Return log-probabilities (V) of column c."""
        log_p = logits - logits.max()
        log_p -= np.log(np.exp(log_p).sum())
        long = np.minimum(self.run[:, 1 + c], LONGEST)
        back = self.stride * np.arange(1, len(long) + 1)
        twice = ((self.run[:, 0] >= back) & (back >= PHRASE)).any()
        agrees = self.exists & (self.source[:, :c] == known).all(axis=1)
        at = np.flatnonzero(agrees & (long >= SHORTEST) & ~twice)
        whole, candidate = self.run[at, 0], self.source[at, c]
        score = self.whole[c][np.minimum(whole, LONGEST)] + self.own[c][long[at]] + self.likely[c] * log_p[candidate]
        share = softmax(np.concatenate([fresh + self.fresh[c], score]))
        p = share[0] * np.exp(log_p) + np.bincount(candidate, share[1:], minlength=len(log_p))
        return np.log(np.maximum(p, 1e-9)).astype(np.float32)
