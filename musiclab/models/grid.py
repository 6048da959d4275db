"""A Transformer for grids: one trunk step per row, the columns inside it predicted one after another.

Written out id by id, a grid of four columns is four times as long as it has steps, and most ids repeat the row above.
Here the trunk reads whole rows, and a small head per column predicts its cell from the trunk, the row above and the
cells already drawn in this row. The ids of one range are ordered symbols, so a head can also score *intervals*: how
far to move from a symbol already there, and *classes*: where in a cycle, such as an octave, a symbol stands, counted
from an anchor that the header names. All of it is about grids of ordered symbols, whatever the symbols mean.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    anchor: Tensor  # (B, 1, 1): the symbol that it made the first of each cycle, -1 for none
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
    cycle : int
        Symbols this far apart are of one class.
    anchors : pairs of int
        ``(id, symbol)``: a header with this id makes class 0 that of the symbol, counted from 0.
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
        layers: int = 4, heads: int = 4, dropout: float = 0.0, period: int = 48, cycle: int = 12,
        anchors: Sequence[Sequence[int]] = (), context: int = 1024,
    ) -> None:  # fmt: skip
        super().__init__(
            vocab_size=vocab_size, columns=columns, first=first, count=count, hold=hold, width=width, layers=layers,
            heads=heads, dropout=dropout, period=period, cycle=cycle, anchors=[list(pair) for pair in anchors],
            context=context,
        )  # fmt: skip
        require(first >= 0 and first + count <= vocab_size, "first + count", f"<= {vocab_size}", first + count)
        self.columns, self.first, self.count, self.hold = columns, first, count, hold
        self.period, self.cycle = period, cycle
        table = torch.full((vocab_size,), -1)
        for token_id, symbol in anchors:
            table[token_id] = symbol
        self.register_buffer("anchor_of", table, persistent=False)
        self.embed = nn.Embedding(columns * vocab_size, width)
        self.embed_age = nn.Embedding(columns * (OLDEST + 1), width)
        self.embed_step = nn.Embedding(columns * (2 * count + 1), width)
        self.embed_gap = nn.Embedding(columns * (2 * count + 1), width)
        self.embed_class = nn.Embedding(columns * (cycle + 1), width)
        self.embed_phase = nn.Embedding(period, width)
        self.start = nn.Parameter(torch.zeros(width))
        self.drop = Dropout(dropout)
        self.trunk = Trunk(width, layers, heads, dropout, context)
        self.heads = nn.ModuleList(
            CellHead(c, vocab_size, columns, count, cycle, width, dropout) for c in range(columns)
        )
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.05)

    def forward(self, ids: Tensor, state: GridState | None = None) -> tuple[Tensor, GridState]:
        state = state or self._start(ids)
        T, C = ids.shape[1], self.columns
        cells = torch.cat([state.cells, ids], dim=1)
        R = cells.shape[1] // C
        state, *before = self._read(cells[:, : R * C].view(len(ids), R, C), cells[:, R * C :], state)
        if T == 1:  # while sampling, only the next cell is asked for
            c = cells.shape[1] % C
            row = F.pad(state.cells, (0, C - state.cells.shape[1]))[:, None]
            return self._score(c, row, *(x[:, -1:] for x in before)), state
        row = F.pad(cells, (0, (R + 1) * C - cells.shape[1])).view(len(ids), R + 1, C)
        logits = torch.stack([self._score(c, row, *before) for c in range(C)], dim=2)  # (B, R+1, C, V)
        after_first = cells.shape[1] - T + 1
        return logits.flatten(1, 2)[:, after_first : after_first + T], state  # (B, T, V)

    def _start(self, ids: Tensor) -> GridState:
        B, D = len(ids), self.start.shape[0]
        none = ids.new_zeros(B, self.columns)
        start = self.start.expand(B, 1, D)
        return GridState(ids[:, :0], none, none, none, torch.zeros_like(start), none[:, :1, None] - 1, start, None)

    def _read(self, rows: Tensor, rest: Tensor, state: GridState) -> tuple[GridState, Tensor, Tensor, Tensor, Tensor]:
        """Pass whole rows through the trunk; return the new state, and for each row to come what stands before it:
        hidden (B, R+1, D), symbols in force and their ages (B, R+1, C), the anchor (B, R+1, 1)."""
        value, earlier, age = self._resolve(rows, state)
        hidden, header, anchor, cache = state.hidden, state.header, state.anchor, state.cache
        if rows.shape[1]:
            at = cache.position if cache else 0
            new = self.anchor_of[rows[:, :1]].amax(dim=2, keepdim=True) if at == 0 else anchor  # (B, 1, 1)
            x = self._embed_rows(rows, value[:, 1:], earlier[:, 1:], age[:, 1:], new)  # (B, R, D)
            header = x[:, :1] if at == 0 else header
            phase = torch.arange(at, at + rows.shape[1], device=rows.device) % self.period
            out, cache = self.trunk(self.drop(x + header + self.embed_phase(phase)), cache)
            hidden = torch.cat([hidden, out], dim=1)
            anchor = torch.cat([anchor, new.expand(-1, rows.shape[1], -1)], dim=1)
        last = (value[:, -1], earlier[:, -1], age[:, -1], header, anchor[:, -1:], hidden[:, -1:])
        return GridState(rest, *last, cache), hidden, value, age, anchor

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

    def _class(self, value: Tensor, anchor: Tensor) -> Tensor:
        """Return the class of symbols in force, counted from 1; 0 where there is no symbol or no anchor."""
        return torch.where((value > 0) & (anchor >= 0), (value - 1 - anchor) % self.cycle + 1, 0)

    def _embed_rows(self, rows: Tensor, value: Tensor, earlier: Tensor, age: Tensor, anchor: Tensor) -> Tensor:
        column = torch.arange(self.columns, device=rows.device)
        step, gap = interval(value, earlier, self.count), interval(value, value[..., -1:], self.count)
        return (
            self.embed(rows + column * self.vocab_size)
            + self.embed_age(age + column * (OLDEST + 1))
            + self.embed_step(step + column * (2 * self.count + 1))
            + self.embed_gap(gap + column * (2 * self.count + 1))
            + self.embed_class(self._class(value, anchor) + column * (self.cycle + 1))
        ).sum(dim=2)  # (B, R, D)

    def _score(self, c: int, row: Tensor, hidden: Tensor, value: Tensor, age: Tensor, anchor: Tensor) -> Tensor:
        """Return logits (B, R, V) of column c, from what stands before each row and its cells left of c."""
        known = row[..., :c]
        known_value = torch.where(known == self.hold, value[..., :c], self._value(known))
        in_force = torch.cat([known_value, value[..., c:]], dim=-1)
        classes = self._class(in_force, anchor)
        ids, by_interval, by_class = self.heads[c](self.drop(hidden), value, age, known, known_value, classes)
        symbol = torch.arange(1, self.count + 1, device=ids.device)
        place = self._class(symbol, anchor).expand(*ids.shape[:2], -1)  # (B, R, count)
        symbols = slice(self.first, self.first + self.count)
        scores = ids[..., symbols] + by_interval + F.pad(by_class, (1, 0)).gather(-1, place)
        return torch.cat([ids[..., : self.first], scores, ids[..., self.first + self.count :]], dim=-1)


class CellHead(nn.Module):
    """Scores one column's cell: every id, and every symbol again by its intervals to those in force and its class."""

    def __init__(
        self, column: int, vocab_size: int, columns: int, count: int, cycle: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.column, self.vocab_size, self.count, self.cycle = column, vocab_size, count, cycle
        self.intervals = 2 * count + 1
        self.project = nn.Linear(width, width)
        self.embed_value = nn.Embedding(columns * (count + 1), width)
        self.embed_age = nn.Embedding(columns * (OLDEST + 1), width)
        self.embed_class = nn.Embedding(columns * (cycle + 1), width)
        self.embed_known = nn.Embedding(max(1, column) * vocab_size, width)
        self.embed_gap = nn.Embedding(max(1, column) * self.intervals, width)
        self.norm1, self.norm2, self.drop = nn.LayerNorm(width), nn.LayerNorm(width), Dropout(dropout)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), Dropout(dropout), nn.Linear(2 * width, width))
        self.sizes = [vocab_size, cycle, *[self.intervals] * (1 + column)]
        self.out = nn.Linear(width, sum(self.sizes))
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, hidden: Tensor, value: Tensor, age: Tensor, known: Tensor, known_value: Tensor, classes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return scores by id (B, R, V), by interval (B, R, count) and by class (B, R, cycle)."""
        column = torch.arange(value.shape[-1], device=value.device)
        own = value[..., self.column : self.column + 1]
        z = self.project(hidden) + self.embed_value(value + column * (self.count + 1)).sum(dim=2)
        z = z + self.embed_age(age + column * (OLDEST + 1)).sum(dim=2)
        z = z + self.embed_class(classes + column * (self.cycle + 1)).sum(dim=2)
        if self.column:
            left = column[: self.column]
            z = z + self.embed_known(known + left * self.vocab_size).sum(dim=2)
            z = z + self.embed_gap(interval(known_value, own, self.count) + left * self.intervals).sum(dim=2)
        z = self.drop(z)
        z = self.norm2(z + self.feed(self.norm1(z)))
        ids, by_class, *by_interval = self.out(z).split(self.sizes, dim=-1)
        references = torch.cat([own, known_value], dim=-1)
        return ids, sum(self._relative(r, references[..., i]) for i, r in enumerate(by_interval)), by_class

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
