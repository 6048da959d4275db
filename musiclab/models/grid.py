"""A Transformer for grids: one trunk step per row, the columns inside it predicted one after another.

Written out id by id, a grid of four columns is four times as long as it has steps, and most ids repeat the row above.
Here the trunk reads whole rows, and a small head per column predicts its cell from the trunk, the row above and the
cells already drawn in this row. The ids of one range are ordered symbols, so a head can also score *intervals*: how
far to move from a symbol already there. Both ideas are about grids of ordered symbols, whatever the symbols mean.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclab.errors import require
from musiclab.models.base import Dropout, Model
from musiclab.models.transformer import Cache, Trunk

OLDEST = 31


class GridState(NamedTuple):
    """What has been read: cells of the unfinished row, and what the rows before it left behind."""

    cells: Tensor  # (B, p): the unfinished row, p < columns
    value: Tensor  # (B, C): the symbol in force, counted from 1; 0 for none
    earlier: Tensor  # (B, C): the symbol in force before that one
    age: Tensor  # (B, C): rows since it was set
    header: Tensor  # (B, 1, D): what the first row said
    hidden: Tensor  # (B, 1, D): the trunk's output for the unfinished row
    cache: Cache | None


class GridTransformer(Model):
    """A decoder-only Transformer over rows of cells.

    Sequences are grids written row by row; the first row is a header that conditions all others.

    Parameters
    ----------
    vocab_size : int
    columns : int
        Ids per row.
    first, count : int
        Ids ``first`` to ``first + count - 1`` are symbols in order, such as pitches.
    hold : int
        The id that repeats the symbol in force.
    width, layers, heads : int
        Size of the trunk.
    dropout : float in [0, 1)
    period : int
        The trunk is told the row number modulo this.
    context : int
        Most rows a step sees.

    Examples
    --------
    >>> model = GridTransformer(vocab_size=20, first=6, count=12, width=16, layers=1, heads=2)
    >>> logits, state = model(torch.tensor([[1, 2, 3, 3, 8, 9, 5, 10, 4]]))
    >>> logits.shape, state.value.tolist()
    (torch.Size([1, 9, 20]), [[3, 4, 0, 5]])
    """

    def __init__(
        self, vocab_size: int, columns: int = 4, first: int = 6, count: int = 46, hold: int = 4, width: int = 128,
        layers: int = 4, heads: int = 4, dropout: float = 0.0, period: int = 48, context: int = 1024,
    ) -> None:  # fmt: skip
        super().__init__(
            vocab_size=vocab_size, columns=columns, first=first, count=count, hold=hold, width=width, layers=layers,
            heads=heads, dropout=dropout, period=period, context=context,
        )  # fmt: skip
        require(first >= 0 and first + count <= vocab_size, "first + count", f"<= {vocab_size}", first + count)
        self.columns, self.first, self.count, self.hold, self.period = columns, first, count, hold, period
        self.embed = nn.Embedding(columns * vocab_size, width)
        self.embed_age = nn.Embedding(columns * (OLDEST + 1), width)
        self.embed_step = nn.Embedding(columns * (2 * count + 1), width)
        self.embed_gap = nn.Embedding(columns * (2 * count + 1), width)
        self.embed_phase = nn.Embedding(period, width)
        self.start = nn.Parameter(torch.zeros(width))
        self.drop = Dropout(dropout)
        self.trunk = Trunk(width, layers, heads, dropout, context)
        self.heads = nn.ModuleList(CellHead(c, vocab_size, columns, count, width, dropout) for c in range(columns))
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.05)

    def forward(self, ids: Tensor, state: GridState | None = None) -> tuple[Tensor, GridState]:
        state = state or self._start(ids)
        T, C = ids.shape[1], self.columns
        cells = torch.cat([state.cells, ids], dim=1)
        R = cells.shape[1] // C
        state, hidden, value, age = self._read(cells[:, : R * C].view(len(ids), R, C), cells[:, R * C :], state)
        if T == 1:  # while sampling, only the next cell is asked for
            c = cells.shape[1] % C
            row = F.pad(state.cells, (0, C - state.cells.shape[1]))[:, None]
            return self._score(c, hidden[:, -1:], value[:, -1:], age[:, -1:], row), state
        row = F.pad(cells, (0, (R + 1) * C - cells.shape[1])).view(len(ids), R + 1, C)
        logits = torch.stack([self._score(c, hidden, value, age, row) for c in range(C)], dim=2)  # (B, R+1, C, V)
        after_first = cells.shape[1] - T + 1
        return logits.flatten(1, 2)[:, after_first : after_first + T], state  # (B, T, V)

    def _start(self, ids: Tensor) -> GridState:
        B, D = len(ids), self.start.shape[0]
        none = ids.new_zeros(B, self.columns)
        start = self.start.expand(B, 1, D)
        return GridState(ids[:, :0], none, none, none, torch.zeros_like(start), start, None)

    def _read(self, rows: Tensor, rest: Tensor, state: GridState) -> tuple[GridState, Tensor, Tensor, Tensor]:
        """Pass whole rows through the trunk; return the new state, and for each row to come what stands before it:
        hidden (B, R+1, D), symbols in force and their ages (B, R+1, C)."""
        value, earlier, age = self._resolve(rows, state)
        hidden, header, cache = state.hidden, state.header, state.cache
        if rows.shape[1]:
            at = cache.position if cache else 0
            x = self._embed_rows(rows, value[:, 1:], earlier[:, 1:], age[:, 1:])  # (B, R, D)
            header = x[:, :1] if at == 0 else header
            phase = torch.arange(at, at + rows.shape[1], device=rows.device) % self.period
            out, cache = self.trunk(self.drop(x + header + self.embed_phase(phase)), cache)
            hidden = torch.cat([hidden, out], dim=1)
        state = GridState(rest, value[:, -1], earlier[:, -1], age[:, -1], header, hidden[:, -1:], cache)
        return state, hidden, value, age

    def _value(self, ids: Tensor) -> Tensor:
        """Return the symbol each id names, counted from 1; 0 for ids that are not symbols."""
        return torch.where((ids >= self.first) & (ids < self.first + self.count), ids - self.first + 1, 0)

    def _resolve(self, rows: Tensor, state: GridState) -> tuple[Tensor, Tensor, Tensor]:
        """Return symbols in force, those before them and ages, each (B, R+1, C), the state's own first."""
        R = rows.shape[1]
        number = torch.arange(1, R + 1, device=rows.device)[None, :, None]
        is_set = rows != self.hold
        last_set = torch.where(is_set, number, 0).cummax(dim=1).values  # (B, R, C); 0: set before these rows
        values = torch.cat([state.value[:, None], self._value(rows)], dim=1)
        value = values.gather(1, last_set)
        full = torch.cat([state.value[:, None], value], dim=1)  # (B, R+1, C)
        before = full.gather(1, (last_set - 1).clamp(min=0))
        earlier = torch.where(last_set > 0, before, state.earlier[:, None])
        age = torch.where(last_set > 0, number - last_set, state.age[:, None] + number).clamp(max=OLDEST)
        return full, _after(state.earlier, earlier), _after(state.age, age)

    def _embed_rows(self, rows: Tensor, value: Tensor, earlier: Tensor, age: Tensor) -> Tensor:
        column = torch.arange(self.columns, device=rows.device)
        step, gap = interval(value, earlier, self.count), interval(value, value[..., -1:], self.count)
        return (
            self.embed(rows + column * self.vocab_size)
            + self.embed_age(age + column * (OLDEST + 1))
            + self.embed_step(step + column * (2 * self.count + 1))
            + self.embed_gap(gap + column * (2 * self.count + 1))
        ).sum(dim=2)  # (B, R, D)

    def _score(self, c: int, hidden: Tensor, value: Tensor, age: Tensor, row: Tensor) -> Tensor:
        """Return logits (B, R, V) of column c, from what stands before each row and its cells left of c."""
        known = row[..., :c]
        known_value = torch.where(known == self.hold, value[..., :c], self._value(known))
        absolute, relative = self.heads[c](self.drop(hidden), value, age, known, known_value)
        symbols = slice(self.first, self.first + self.count)
        return torch.cat(
            [absolute[..., : self.first], absolute[..., symbols] + relative, absolute[..., self.first + self.count :]],
            dim=-1,
        )


class CellHead(nn.Module):
    """Scores one column's cell: every id, and every symbol again by its interval to the symbols already there."""

    def __init__(self, column: int, vocab_size: int, columns: int, count: int, width: int, dropout: float) -> None:
        super().__init__()
        self.column, self.vocab_size, self.count, self.intervals = column, vocab_size, count, 2 * count + 1
        self.project = nn.Linear(width, width)
        self.embed_value = nn.Embedding(columns * (count + 1), width)
        self.embed_age = nn.Embedding(columns * (OLDEST + 1), width)
        self.embed_known = nn.Embedding(max(1, column) * vocab_size, width)
        self.embed_gap = nn.Embedding(max(1, column) * self.intervals, width)
        self.norm1, self.norm2, self.drop = nn.LayerNorm(width), nn.LayerNorm(width), Dropout(dropout)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), Dropout(dropout), nn.Linear(2 * width, width))
        self.out = nn.Linear(width, vocab_size + (1 + column) * self.intervals)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, hidden: Tensor, value: Tensor, age: Tensor, known: Tensor, known_value: Tensor):
        column = torch.arange(value.shape[-1], device=value.device)
        own = value[..., self.column : self.column + 1]
        z = self.project(hidden) + self.embed_value(value + column * (self.count + 1)).sum(dim=2)
        z = z + self.embed_age(age + column * (OLDEST + 1)).sum(dim=2)
        if self.column:
            left = column[: self.column]
            z = z + self.embed_known(known + left * self.vocab_size).sum(dim=2)
            z = z + self.embed_gap(interval(known_value, own, self.count) + left * self.intervals).sum(dim=2)
        z = self.drop(z)
        z = self.norm2(z + self.feed(self.norm1(z)))
        absolute, *by_interval = self.out(z).split([self.vocab_size, *[self.intervals] * (1 + self.column)], dim=-1)
        references = torch.cat([own, known_value], dim=-1)
        return absolute, sum(self._relative(r, references[..., i]) for i, r in enumerate(by_interval))

    def _relative(self, scores: Tensor, reference: Tensor) -> Tensor:
        """Return for each symbol the score of its interval to the reference, 0 where there is none: (B, R, count)."""
        symbol = torch.arange(1, self.count + 1, device=scores.device)
        index = symbol - reference[..., None] + self.count
        return scores.gather(-1, index) * (reference > 0)[..., None]


def interval(value: Tensor, reference: Tensor, count: int) -> Tensor:
    """Return value - reference as an index 1..2 count - 1, or 0 where either is missing."""
    return torch.where((value > 0) & (reference > 0), value - reference + count, 0)


def _after(first: Tensor, rest: Tensor) -> Tensor:
    return torch.cat([first[:, None], rest], dim=1)
