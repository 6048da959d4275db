"""Grid models without a framework: what :mod:`musiclab.models.grid` says of (B, R, ...), said of one row in NumPy.

Symbols, ages and cells of a row are lists of whole numbers here; a few of these cost Python less than NumPy. Anchors,
which change once a row, and copying, which few models do, are left to the model's own parts.
"""

from collections.abc import Callable

import numpy as np
import torch

from musiclab.models.fast_layers import Attention, Recurrence, array, feed_forward, linear, norm
from musiclab.models.grid import GridState, GridTransformer
from musiclab.models.grid_heads import OLDEST, CellHead, Lookup


class GridStep:
    """One cell of a grid: a head scores it, and after the last of a row the trunk reads the row."""

    def __init__(self, model: GridTransformer, trunk: Attention | Recurrence) -> None:
        self.model, self.trunk, self.heads = model, trunk, [Head(head) for head in model.heads]
        self.table, self.embed_class = lookup(model.table), linear(model.embed_class)
        self.embed_phase, k = array(model.embed_phase.weight), np.arange(model.cycle)
        self.turn, self.classes = (k[:, None] - k) % model.cycle, np.arange(model.n_symbols) % model.cycle
        self.symbols = slice(model.first, model.first + model.n_symbols)

    def start(self, s: GridState) -> None:
        """Take over the state of the model."""
        self.cells, self.value, self.earlier, self.age = (x[0].tolist() for x in s[:4])
        self.header, self.anchor, self.hidden = (array(x[0, 0]) for x in (s.header, s.anchor, s.hidden))
        self.heard, self.matches, self.row = s.recent, s.matches, s.cache.position if s.cache else 0
        self.trunk.start(s.cache)

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
        classes, anchor = m.to_class(torch.tensor([[value]])), torch.from_numpy(self.anchor)[None, None]
        anchor, self.heard = m.anchor(torch.tensor([[row]]), classes, self.heard, anchor, self.row == 0)
        self.anchor = array(anchor[0, 0])
        steps = [_interval(a, b, n) for a, b in zip(value, self.earlier, strict=True)]
        x = self.table(*row, *self.age, *steps, *(_interval(a, value[-1], n) for a in value))
        x = x + self.embed_class(self._turned(value, self.anchor[:, self.turn]))
        self.header = self.header if self.row else x
        self.hidden = self.trunk(x + self.header + self.embed_phase[self.row % m.period])
        self.row += 1
        if m.copy:
            self.matches = m.copy.match(torch.tensor([[row]]), self.matches).last()

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
        if self.model.copy is None:
            return logits
        logits, fresh = (torch.from_numpy(x)[None, None] for x in (logits, fresh))
        return array(self.model.copy(c, logits, fresh, torch.tensor([[self.cells]]).long(), self.matches)[0, 0])


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
