"""What predicts one row of a grid: an anchor to count classes from, a head per column, and a head that copies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclab.models.base import Dropout

OLDEST = 31
LONGEST, SHORTEST = 63, 4  # lengths of a repeat that are told apart; a shorter one is chance
PHRASE = 16  # rows; what comes twice within fewer is a chord held or a figure
MEMORY = 0.98  # what the classes heard are worth one row later


class Lookup(nn.Module):
    """A vector for each value of each of some whole numbers (..., n), given in groups; the sum of theirs, (..., D)."""

    def __init__(self, width: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.embed = nn.Embedding(sum(sizes), width)
        self.register_buffer("start", torch.tensor([0, *accumulate(sizes[:-1])]), persistent=False)

    def forward(self, *numbers: Tensor) -> Tensor:
        return self.embed(torch.cat(numbers, dim=-1) + self.start).sum(dim=-2)


class Anchor(nn.Module):
    """Says from where classes are counted: for each kind of anchor a distribution over the cycle.

    The header may name them. If no id of the vocabulary does, one is inferred: what was heard of late is compared with
    a learned profile turned to each place of the cycle, as Krumhansl and Schmuckler (1990) find keys.
    """

    def __init__(self, vocab_size: int, cycle: int, anchors: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.named, self.kinds = len(anchors) > 0, len(anchors[0]) - 1 if anchors else 1
        table = torch.zeros(vocab_size, self.kinds, cycle)
        for token_id, *symbols in anchors:
            for kind, symbol in enumerate(symbols):
                table[token_id, kind, symbol % cycle] = 1.0
        self.register_buffer("table", table, persistent=False)
        self.profile = None if self.named else nn.Parameter(torch.randn(cycle) * 0.05)

    def forward(
        self, rows: Tensor, classes: Tensor, recent: Tensor, anchor: Tensor, is_start: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the anchors after each row (B, R, M, K) and what was heard of late (B, K); classes (B, R, C, K)."""
        R = rows.shape[1]
        if self.named:
            named = self.table[rows[:, :1]].sum(dim=2) if is_start else anchor  # (B, 1, M, K)
            return named.expand(-1, R, -1, -1), recent
        back = torch.arange(R, device=rows.device)[:, None] - torch.arange(R, device=rows.device)
        weight = torch.where(back >= 0, MEMORY ** back.clamp(min=0), 0.0)  # (R, R)
        heard = weight @ classes.sum(dim=2) + MEMORY * weight[:, :1] * recent[:, None]  # (B, R, K)
        return (heard @ turn(self.profile)).softmax(dim=-1)[:, :, None], heard[:, -1]


def turn(x: Tensor) -> Tensor:
    """Return the matrices (..., K, K) with x[(q - j) mod K] in row q, column j."""
    k = torch.arange(x.shape[-1], device=x.device)
    return x[..., (k[:, None] - k) % x.shape[-1]]


class CellHead(nn.Module):
    """Scores one column's cell: every id, and every symbol again by its intervals to those in force and its class."""

    def __init__(
        self, column: int, vocab_size: int, columns: int, count: int, classes: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.column, self.count, self.intervals = column, count, 2 * count + 1
        by_column = [count + 1] * columns + [OLDEST + 1] * columns + [vocab_size] * column
        self.table = Lookup(width, by_column + [self.intervals] * (3 * column))
        self.project, self.embed_class = nn.Linear(width, width), nn.Linear(columns * classes, width, bias=False)
        self.along = nn.Parameter(0.05 * torch.randn(column, self.intervals))  # no dropout: such rules are exact
        self.norm1, self.norm2, self.drop = nn.LayerNorm(width), nn.LayerNorm(width), Dropout(dropout)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), Dropout(dropout), nn.Linear(2 * width, width))
        self.sizes = [vocab_size, 1, classes, column, self.intervals * (1 + column)]
        self.out = nn.Linear(width, sum(self.sizes))
        nn.init.normal_(self.embed_class.weight, std=0.05)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, hidden: Tensor, value: Tensor, age: Tensor, known: Tensor, known_value: Tensor, classes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return scores by id (B, R, V), interval (B, R, count) and class (B, R, M K), and of not copying (B, R, 1)."""
        own, before, n = value[..., self.column, None], value[..., : self.column], self.count
        gap, move, apart = interval(known_value, own, n), interval(known_value, before, n), interval(before, own, n)
        z = self.project(hidden) + self.table(value, age, known, gap, move, apart) + self.embed_class(classes)
        z = self.drop(z)
        z = self.norm2(z + self.feed(self.norm1(z)))
        ids, fresh, by_class, along, by_interval = self.out(z).split(self.sizes, dim=-1)
        along = along + self.along[torch.arange(self.column, device=z.device), apart]
        relative = self._relative(by_interval.unflatten(-1, (-1, self.intervals)), torch.cat([own, known_value], -1))
        return ids, relative + self._along(along, own, before, known_value), by_class, fresh

    def _along(self, scores: Tensor, own: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Return for each symbol the scores (B, R, column) of going along with a column that moved: (B, R, count)."""
        target = own + after - before
        moved = (own > 0) & (before > 0) & (after > 0) & (after != before) & (target >= 1) & (target <= self.count)
        none = scores.new_zeros(*scores.shape[:2], self.count)
        return none.scatter_add(-1, torch.where(moved, target - 1, 0), scores * moved)

    def _relative(self, scores: Tensor, references: Tensor) -> Tensor:
        """Return for each symbol the scores (B, R, n, interval) of its intervals to references: (B, R, count)."""
        symbol = torch.arange(1, self.count + 1, device=scores.device)
        index = symbol - references[..., None] + self.count
        return (scores.gather(-1, index) * (references > 0)[..., None]).sum(dim=2)


def interval(value: Tensor, reference: Tensor, count: int) -> Tensor:
    """Return value - reference as an index 1..2 count - 1, or 0 where either is missing."""
    return torch.where((value > 0) & (reference > 0), value - reference + count, 0)


class Matches(NamedTuple):
    """For each of R rows to come: the earlier rows it may repeat, one for each of L distances back."""

    rows: Tensor  # (B, S, C): all rows so far
    run: Tensor  # (B, R, L, C + 1): rows up to here that equal those so far back, whole and by column
    source: Tensor  # (B, R, L, C): the row so far back
    exists: Tensor  # (R, L)

    def last(self) -> Matches:
        """Return the last row's alone."""
        return Matches(self.rows, self.run[:, -1:], self.source[:, -1:], self.exists[-1:])


class CopyHead(nn.Module):
    """Points back to rows that followed the same rows as now, and predicts that they come again.

    A pointer-sentinel mixture (Merity et al. 2017): one softmax over all earlier rows that agree with this one so far,
    and over not copying. A pointer's score depends on the length of the repeat and on what the model thinks of the
    copy. What has come twice is not copied a third time, or a network that is sampled would go round for ever.
    """

    def __init__(self, columns: int, stride: int) -> None:
        super().__init__()
        self.columns, self.stride = columns, stride
        length = torch.arange(LONGEST + 1.0).log1p()
        self.whole = nn.Parameter(length.repeat(columns, 1))
        self.own = nn.Parameter(0.5 * length.repeat(columns, 1))
        self.likely = nn.Parameter(torch.zeros(columns))
        self.fresh = nn.Parameter(torch.full((columns,), 3.0))

    def start(self, ids: Tensor) -> Matches:
        """Return what is known before the first row."""
        none = ids.new_zeros(len(ids), 1, 0, self.columns)
        return Matches(none[:, 0], F.pad(none, (0, 1)), none, none.new_zeros(1, 0, dtype=torch.bool))

    def match(self, rows: Tensor, last: Matches) -> Matches:
        """Return the matches before the first of these rows (B, R, C) and after each."""
        every = torch.cat([last.rows, rows], dim=1)
        S, R = every.shape[1], rows.shape[1]
        number = torch.arange(S - R, S + 1, device=rows.device)  # (R + 1,): of the rows to come
        back = self.stride * torch.arange(1, S // self.stride + 1, device=rows.device)  # (L,)
        at = number[:, None] - back
        source = every[:, at.clamp(min=0)]  # (B, R + 1, L, C)
        exists = at >= 1  # row 0 is the header
        run = F.pad(last.run, (0, 0, 0, len(back) - last.run.shape[2]))  # (B, 1, L, C + 1)
        if R:
            same = (rows[:, :, None] == source[:, :-1]) & exists[:-1, :, None]  # (B, R, L, C)
            same = torch.cat([same.all(dim=-1, keepdim=True), same], dim=-1)
            here = torch.arange(1, R + 1, device=rows.device)[:, None, None]
            broken = torch.where(same, 0, here).cummax(dim=1).values
            run = torch.cat([run, torch.where(broken > 0, here - broken, run + here)], dim=1)
        return Matches(every, run, source, exists)

    def forward(self, c: int, logits: Tensor, fresh: Tensor, known: Tensor, matches: Matches) -> Tensor:
        """Return log-probabilities (B, R, V) of column c: the mixture of its logits and of what may be copied."""
        log_p = logits.log_softmax(dim=-1)
        run = matches.run.clamp(max=LONGEST)
        candidate = matches.source[..., c]  # (B, R, L)
        agrees = (matches.source[..., :c] == known[:, :, None]).all(dim=-1) & matches.exists
        score = self.whole[c][run[..., 0]] + self.own[c][run[..., 1 + c]]
        score = score + self.likely[c] * log_p.gather(-1, candidate)
        back = self.stride * torch.arange(1, run.shape[2] + 1, device=run.device)
        twice = ((matches.run[..., 0] >= back) & (back >= PHRASE)).any(dim=-1, keepdim=True)  # it would go round again
        score = score.masked_fill(~agrees | (run[..., 1 + c] < SHORTEST) | twice, -torch.inf)
        share = torch.cat([fresh + self.fresh[c], score], dim=-1).softmax(dim=-1)  # (B, R, 1 + L)
        p = share[..., :1] * log_p.exp()
        return p.scatter_add(-1, candidate, share[..., 1:]).clamp(min=1e-9).log()
