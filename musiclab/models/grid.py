"""A Transformer for grids: one trunk step per row, the columns inside it predicted one after another.

Written out id by id, a grid of four columns is four times as long as it has steps, and most ids repeat the row above.
Here the trunk reads whole rows, and a small head per column predicts its cell from the trunk, the row above and the
cells already drawn in this row. The ids of one range are ordered symbols, so a head can also score *intervals*: how
far to move from a symbol already there, and *classes*: where in a cycle, such as an octave, a symbol stands, counted
from an anchor. All of it is about grids of ordered symbols, whatever the symbols mean.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclab.errors import require
from musiclab.models.base import Dropout, Model, symbol_of
from musiclab.models.grid_heads import OLDEST, Anchor, CellHead, CopyHead, Lookup, Matches, interval, turn
from musiclab.models.transformer import Cache, Trunk


class GridState(NamedTuple):
    """What has been read: cells of the unfinished row, and what the rows before it left behind."""

    cells: Tensor  # (B, p): the unfinished row, p < columns
    value: Tensor  # (B, C): the symbol in force, counted from 1; 0 for none
    earlier: Tensor  # (B, C): the symbol in force before that one
    age: Tensor  # (B, C): rows since it was set
    header: Tensor  # (B, 1, D): what the first row said
    recent: Tensor  # (B, K): how much each class was heard of late
    anchor: Tensor  # (B, 1, M, K): where each class counts from
    hidden: Tensor  # (B, 1, D): the trunk's output for the unfinished row
    matches: Matches | None  # what could be copied
    cache: Cache | None


class Before(NamedTuple):
    """What stands before each of R rows to come."""

    hidden: Tensor  # (B, R, D)
    value: Tensor  # (B, R, C)
    age: Tensor  # (B, R, C)
    turn: Tensor  # (B, R, M, K, K): from class in the cycle to class counted from each anchor


class GridTransformer(Model):
    """A decoder-only Transformer over rows of cells.

    Sequences are a header, which conditions all rows, and a grid written row by row.

    Parameters
    ----------
    vocab_size : int
    columns : int
        Ids per row.
    header : int
        Ids before the first row, at most ``columns``.
    first, count : int
        Ids ``first`` to ``first + count - 1`` are symbols in order, such as pitches.
    hold : int
        The id that repeats the symbol in force; -1 if a symbol written again is what holds it.
    width, layers, heads : int
        Size of the trunk.
    dropout : float in [0, 1)
    period : int
        The trunk is told the row number modulo this.
    cycle : int
        Symbols this far apart are of one class.
    anchors : sequences of int
        ``(id, symbol, ...)``: a header with this id makes class 0 that of the symbol, counted from 0; with several
        symbols, classes are counted from each. Without any, one anchor is inferred from the classes heard of late.
    copy : int
        Rows that may be copied from lie a multiple of this many back; 0 for none.
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
        self, vocab_size: int, columns: int = 4, header: int = 4, first: int = 6, count: int = 46, hold: int = 4,
        width: int = 128, layers: int = 4, heads: int = 4, dropout: float = 0.0, period: int = 48, cycle: int = 12,
        anchors: Sequence[Sequence[int]] = (), copy: int = 0, context: int = 1024,
    ) -> None:  # fmt: skip
        super().__init__(
            vocab_size=vocab_size, columns=columns, header=header, first=first, count=count, hold=hold, width=width,
            layers=layers, heads=heads, dropout=dropout, period=period, cycle=cycle,
            anchors=[list(pair) for pair in anchors], copy=copy, context=context,
        )  # fmt: skip
        require(first >= 0 and first + count <= vocab_size, "first + count", f"<= {vocab_size}", first + count)
        require(1 <= header <= columns, "header", f"in 1..{columns}", header)
        self.columns, self.first, self.n_symbols, self.hold = columns, first, count, hold
        self.lead, self.period, self.cycle = columns - header, period, cycle
        self.anchor = Anchor(vocab_size, cycle, anchors)
        sizes = [vocab_size, OLDEST + 1, 2 * count + 1, 2 * count + 1]
        self.table = Lookup(width, [size for size in sizes for _ in range(columns)])
        classes = self.anchor.kinds * cycle
        self.embed_class = nn.Linear(columns * classes, width, bias=False)
        self.embed_phase = nn.Embedding(period, width)
        self.start = nn.Parameter(torch.zeros(width))
        self.drop = Dropout(dropout)
        self.trunk = self._trunk(width, layers, heads, dropout, context)
        sizes = vocab_size, columns, count, classes, width
        self.heads = nn.ModuleList(CellHead(c, *sizes, dropout) for c in range(columns))
        self.copy = CopyHead(columns, copy) if copy else None
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.05)
        nn.init.normal_(self.embed_class.weight, std=0.05)

    def _trunk(self, width: int, layers: int, heads: int, dropout: float, context: int) -> nn.Module:
        return Trunk(width, layers, heads, dropout, context)

    def forward(self, ids: Tensor, state: GridState | None = None) -> tuple[Tensor, GridState]:
        state = state or self._start(ids)
        T, C = ids.shape[1], self.columns
        cells = torch.cat([state.cells, ids], dim=1)
        R = cells.shape[1] // C
        state, before, matches = self._read(cells[:, : R * C].view(len(ids), R, C), cells[:, R * C :], state)
        if T == 1:  # while sampling, only the next cell is asked for
            c = cells.shape[1] % C
            row = F.pad(state.cells, (0, C - state.cells.shape[1]))[:, None]
            return self._score(c, row, Before(*(x[:, -1:] for x in before)), matches and matches.last()), state
        row = F.pad(cells, (0, (R + 1) * C - cells.shape[1])).view(len(ids), R + 1, C)
        logits = torch.stack([self._score(c, row, before, matches) for c in range(C)], dim=2)  # (B, R+1, C, V)
        after_first = cells.shape[1] - T + 1
        return logits.flatten(1, 2)[:, after_first : after_first + T], state  # (B, T, V)

    def _start(self, ids: Tensor) -> GridState:
        B, D = len(ids), self.start.shape[0]
        none, classes = ids.new_zeros(B, self.columns), self.start.new_zeros(B, self.cycle)
        anchor = classes[:, None, None].expand(-1, 1, self.anchor.kinds, -1)
        start = self.start.expand(B, 1, D)
        rest, matches = none[:, : self.lead], self.copy.start(ids) if self.copy else None
        return GridState(rest, none, none, none, torch.zeros_like(start), classes, anchor, start, matches, None)

    def _read(self, rows: Tensor, rest: Tensor, state: GridState) -> tuple[GridState, Before, Matches | None]:
        """Pass whole rows through the trunk; return the new state, and what stands before each row to come."""
        value, earlier, age = self._resolve(rows, state)
        hidden, header, recent, anchor, cache = state.hidden, state.header, state.recent, state.anchor, state.cache
        if rows.shape[1]:
            at = cache.position if cache else 0
            new, recent = self.anchor(rows, self._class(value[:, 1:]), recent, anchor, at == 0)  # (B, R, M, K)
            now, n = value[:, 1:], self.n_symbols
            x = self.table(rows, age[:, 1:], interval(now, earlier[:, 1:], n), interval(now, now[..., -1:], n))
            x = x + self.embed_class(self._turned(now, turn(new)))  # (B, R, D)
            header = x[:, :1] if at == 0 else header
            phase = torch.arange(at, at + rows.shape[1], device=rows.device) % self.period
            out, cache = self.trunk(self.drop(x + header + self.embed_phase(phase)), cache)
            hidden, anchor = torch.cat([hidden, out], dim=1), torch.cat([anchor, new], dim=1)
        matches = self.copy.match(rows, state.matches) if self.copy else None
        state = GridState(
            rest, value[:, -1], earlier[:, -1], age[:, -1], header, recent, anchor[:, -1:], hidden[:, -1:],
            matches and matches.last(), cache,
        )  # fmt: skip
        return state, Before(hidden, value, age, turn(anchor)), matches

    def _class(self, value: Tensor) -> Tensor:
        """Return the class of each symbol as a row of zeros and a one, (..., K); all zeros where there is none."""
        return F.one_hot((value - 1) % self.cycle, self.cycle).float() * (value > 0)[..., None]

    def _turned(self, value: Tensor, turned: Tensor) -> Tensor:
        """Return the classes of the symbols of a row as counted from each anchor, (B, R, M C K)."""
        return (self._class(value)[:, :, None] @ turned).flatten(2)

    def _resolve(self, rows: Tensor, state: GridState) -> tuple[Tensor, Tensor, Tensor]:
        """Return symbols in force, those before them and ages, each (B, R+1, C), the state's own first."""
        R = rows.shape[1]
        number = torch.arange(1, R + 1, device=rows.device)[None, :, None]
        values = _after(state.value, symbol_of(rows, self.first, self.n_symbols))
        is_set = rows != self.hold if self.hold >= 0 else values[:, 1:] != values[:, :-1]
        last_set = torch.where(is_set, number, 0).cummax(dim=1).values  # (B, R, C); 0: set before these rows
        full = _after(state.value, values.gather(1, last_set))  # (B, R+1, C)
        before = full.gather(1, (last_set - 1).clamp(min=0))
        earlier = torch.where(last_set > 0, before, state.earlier[:, None])
        age = torch.where(last_set > 0, number - last_set, state.age[:, None] + number).clamp(max=OLDEST)
        return full, _after(state.earlier, earlier), _after(state.age, age)

    def _score(self, c: int, row: Tensor, before: Before, matches: Matches | None) -> Tensor:
        """Return logits (B, R, V) of column c, from what stands before each row and its cells left of c."""
        value = before.value
        known = row[..., :c]
        known_value = torch.where(known == self.hold, value[..., :c], symbol_of(known, self.first, self.n_symbols))
        classes = self._turned(torch.cat([known_value, value[..., c:]], dim=-1), before.turn)
        given = self.drop(before.hidden), value, before.age, known, known_value, classes
        ids, by_interval, by_class, fresh = self.heads[c](*given)
        by_class = by_class.unflatten(-1, (-1, self.cycle))[..., None]  # (B, R, M, K, 1)
        by_class = (before.turn @ by_class).sum(dim=2)[..., 0]  # (B, R, K)
        symbol = torch.arange(self.n_symbols, device=ids.device) % self.cycle
        symbols = slice(self.first, self.first + self.n_symbols)
        scores = ids[..., symbols] + by_interval + by_class[..., symbol]
        logits = torch.cat([ids[..., : self.first], scores, ids[..., self.first + self.n_symbols :]], dim=-1)
        return logits if matches is None else self.copy(c, logits, fresh, known, matches)


def _after(first: Tensor, rest: Tensor) -> Tensor:
    return torch.cat([first[:, None], rest], dim=1)


class GridGRU(GridTransformer):
    """The same rows and heads over gated recurrent units: what is behind must fit into one vector per layer.

    Parameters are those of :class:`GridTransformer`; ``heads`` and ``context`` mean nothing here.

    Examples
    --------
    >>> model = GridGRU(vocab_size=20, first=6, count=12, width=16, layers=2)
    >>> logits, state = model(torch.tensor([[1, 2, 3, 3, 8, 9]]))
    >>> logits.shape, state.cache.position
    (torch.Size([1, 6, 20]), 1)
    """

    def _trunk(self, width: int, layers: int, heads: int, dropout: float, context: int) -> nn.Module:
        return RecurrentTrunk(width, layers, dropout)


class RecurrentTrunk(nn.Module):
    """Layers of gated recurrent units, each added to what came in, from (B, T, width) to (B, T, width)."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.GRU(width, width, batch_first=True) for _ in range(layers))
        self.norm, self.drop = nn.LayerNorm(width), Dropout(dropout)

    def forward(self, x: Tensor, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        start, past = cache if cache else (0, (None,) * len(self.blocks))
        memory = []
        for layer, hidden in zip(self.blocks, past, strict=True):
            out, hidden = layer(x, hidden)
            x = x + self.drop(out)
            memory.append(hidden)
        return self.norm(x), Cache(start + x.shape[1], tuple(memory))
