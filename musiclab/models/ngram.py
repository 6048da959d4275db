"""Models that learn by counting, in one pass: what followed the same things before, and how often.

What stands before an id is described by features, the most telling first. A context is some of the first features;
with each more, it is more exact and rarer. So the model believes the counts of a long context a little less than they
say and gives what it saved to the context one feature shorter, down to no context at all: it backs off.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclab.errors import require
from musiclab.models.base import Model, symbol_of

SPAN = 2**20  # features and outcomes are below it, so that a context's number and one of them fit into one int64


class BackOff(Model):
    """Counts of what followed features of any kind, with interpolated Kneser-Ney smoothing; ``look`` says which.

    A context k features long gives outcome x the probability

        p_k(x) = (max(c_k(x) - D, 0) + D t_k p_{k-1}(x)) / sum c_k

    with t_k the number of different outcomes it had, and below it one over the number of outcomes. c is how often x
    followed, in the longest contexts; in a shorter one, in how many contexts one feature longer x followed. A context
    never met passes its shorter one on as it is.

    Parameters
    ----------
    outcomes : int
        How many things can follow.
    discount : float in (0, 1)
        D, what each count gives away.

    References
    ----------
    Kneser and Ney (1995), Improved backing-off for m-gram language modeling; Chen and Goodman (1999), An empirical
    study of smoothing techniques for language modeling, for the interpolated form.
    """

    def __init__(self, outcomes: int, discount: float, **config: Any) -> None:
        super().__init__(discount=discount, **config)
        require(0 < discount < 1, "discount", "in (0, 1)", discount)
        self.outcomes, self.discount = outcomes, nn.Parameter(torch.tensor(discount), requires_grad=False)
        for name, empty in {"contexts": [SPAN**3], "pairs": [], "below": [0]}.items():
            self.register_buffer(name, torch.tensor(empty, dtype=torch.int64))

    def look(self, ids: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return what stands before each id that follows, (B, T, L); which outcome each id would be, (B, T, vocab); and
        the state after the last id."""
        raise NotImplementedError

    def count(self, sequences: Iterable[Sequence[int]]) -> None:
        """Learn from sequences of ids, and forget those counted before.

        Raises
        ------
        ValueError
            If there are none, or an id is not below ``vocab_size``.

        Notes
        -----
        Notebook: 03_count_dice_markov.
        """
        features, outcomes = [], []
        for sequence in sequences:
            ids = torch.tensor([[*sequence]])
            require(torch.equal(ids, ids % self.vocab_size), "ids", f"below {self.vocab_size}", list(sequence))
            found, names, _ = self.look(ids, None)
            features.append(found[0, :-1])
            outcomes.append(names[0, :-1].gather(1, ids[0, 1:, None])[:, 0])
        require(sum(map(len, outcomes)) > 0, "sequences", "at least one of two ids", "none")
        tables = _tables(torch.cat(features).numpy(), torch.cat(outcomes).numpy())
        self.contexts, self.pairs, self.below = (torch.from_numpy(table).to(self.device) for table in tables)

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        features, names, state = self.look(ids, state)
        p = self._interpolate(features.flatten(0, 1)).gather(1, names.flatten(0, 1))  # (B T, V)
        return p.clamp(min=torch.finfo(p.dtype).tiny).log().log_softmax(1).view(*ids.shape, self.vocab_size), state

    def _interpolate(self, features: Tensor) -> Tensor:
        """Return the probability of each outcome, (N, outcomes), after features (N, L)."""
        N, L = features.shape
        p, node = torch.full((N, self.outcomes), 1 / self.outcomes, device=features.device), features.new_zeros(N)
        for k in range(L + 1):
            if k:  # to the context one feature longer, -1 if it was never met
                at = torch.searchsorted(self.contexts, key := node * SPAN + features[:, k - 1])
                node = torch.where(self.contexts[at] == key, at + 1, -1)
            begin, end = torch.searchsorted(self.pairs, torch.stack([node, node + 1]) * SPAN)
            kinds, total = end - begin, self.below[end] - self.below[begin]
            row = torch.repeat_interleave(kinds)
            pair = torch.arange(len(row), device=p.device) + (begin - kinds.cumsum(0) + kinds)[row]
            p *= torch.where(kinds > 0, self.discount * kinds / total, 1.0)[:, None]
            count = self.below[pair + 1] - self.below[pair]
            p[row, self.pairs[pair] & (SPAN - 1)] += (count - self.discount) / total[row]
        return p

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        for name, table in self._buffers.items():  # their size is known only now
            setattr(self, name, table.new_empty(state_dict[prefix + name].shape))
        super()._load_from_state_dict(state_dict, prefix, *args)


class NGram(BackOff):
    """Counts of what followed the same ids: the most recent one, the two most recent, and so on.

    Parameters
    ----------
    vocab_size : int
    order : int >= 1
        Ids in the longest counted run: 1 counts ids alone, 3 what follows each two.
    discount : float in (0, 1)

    See Also
    --------
    BackOff : the smoothing, and its references.

    Notes
    -----
    What stands before the beginning is an id of its own. Notebook: 03_count_dice_markov.

    Examples
    --------
    >>> model = NGram(vocab_size=6, order=2)
    >>> model.count([[1, 4, 5, 4, 5, 2]])
    >>> model(torch.tensor([[1, 4]]))[0][0, -1].exp().numpy().round(3)  # after 4: it was 5 each time
    array([0.035, 0.035, 0.059, 0.035, 0.152, 0.684], dtype=float32)
    """

    def __init__(self, vocab_size: int, order: int = 5, discount: float = 0.75) -> None:
        require(order >= 1, "order", ">= 1", order)
        super().__init__(vocab_size, discount, vocab_size=vocab_size, order=order)

    def look(self, ids: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        n = self._config["order"] - 1
        seen = torch.cat([ids.new_full((len(ids), n), self.vocab_size) if state is None else state, ids], dim=1)
        names = torch.arange(self.vocab_size, device=ids.device).expand(*ids.shape, -1)
        return seen.unfold(1, n, 1)[:, 1:].flip(2), names, seen[:, ids.shape[1] :]  # the most recent id first


class RelativeNGram(BackOff):
    """Counts of how far a column of a grid moves, after what moved before.

    The features, from the most telling: the column, and whether a symbol is in force in it; the row number modulo
    ``period``; for how many rows its cell has stayed the same (0, 1, 2-3, 4-7, more); which cells to the left changed;
    the cells to the left, one by one; the row above, cell by cell. Symbols are seen from the one in force in the
    column, or as they are if there is none.

    Parameters
    ----------
    vocab_size : int
    first, count : int
        Ids ``first`` to ``first + count - 1`` are symbols in order, such as pitches.
    columns : int
        Ids per row.
    header : int
        Ids before the first row.
    hold : int
        The id that repeats the symbol in force; -1 if a symbol written again is what holds it.
    period : int
    discount : float in (0, 1)

    See Also
    --------
    BackOff : the smoothing, and its references.

    Notes
    -----
    The state is all ids so far. Notebook: 03_count_dice_markov.

    Examples
    --------
    >>> model = RelativeNGram(vocab_size=20, first=5, count=15, columns=2)
    >>> model.count([[1, 6, 10, 7, 11, 8, 12, 9, 13, 2]])
    >>> int(model(torch.tensor([[1, 14, 8, 15]]))[0][0, -1].argmax())
    9
    """

    def __init__(
        self, vocab_size: int, first: int, count: int, columns: int = 4, header: int = 1, hold: int = -1,
        period: int = 4, discount: float = 0.85,
    ) -> None:  # fmt: skip
        require(first >= 0 and first + count <= vocab_size, "first + count", f"<= {vocab_size}", first + count)
        grid = {"columns": columns, "header": header, "hold": hold, "period": period}
        super().__init__(vocab_size + 2 * count, discount, vocab_size=vocab_size, first=first, count=count, **grid)
        self.first, self.n_symbols, self.columns, self.header, self.hold = first, count, columns, header, hold

    def look(self, ids: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        seen = ids if state is None else torch.cat([state, ids], dim=1)
        before = self.columns - self.header % -self.columns  # the grid begins a row, and one row is above all ids
        end = before + seen.shape[1] + 1
        rows = F.pad(seen, (before, -end % self.columns + 1)).unflatten(1, (-1, self.columns))  # (B, R, C)
        features, own = (x.flatten(1, 2)[:, end - ids.shape[1] : end] for x in self._read(rows))
        words = torch.arange(self.vocab_size, device=ids.device)
        symbol = symbol_of(words, self.first, self.n_symbols)
        moved = self._seen_from(own, symbol) + self.vocab_size - 1
        return features, torch.where((symbol > 0) & (own[..., None] > 0), moved, words), seen

    def _read(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return for each cell what stands before it, (B, R, C, L), and the symbol in force, (B, R, C)."""
        row, column = (torch.arange(n, device=rows.device) for n in rows.shape[1:])
        symbol = symbol_of(rows, self.first, self.n_symbols)
        own = symbol.gather(1, torch.where(symbol > 0, row[:, None], 0).cummax(1).values.roll(1, 1))
        symbol = torch.where(rows == self.hold, own, symbol)
        changed = rows != (rows.roll(1, 1) if self.hold < 0 else self.hold)
        age = row[:, None] - torch.where(changed, row[:, None], 0).cummax(1).values.roll(1, 1)
        bits = changed * 2**column
        single = [
            column + self.columns * (own == 0), (row % self._config["period"])[:, None].expand_as(rows),
            age.log2().ceil().clamp(max=4).long(), bits.cumsum(2) - bits,
        ]  # fmt: skip
        near, above = (self._seen_from(own, x[:, :, None]) for x in (symbol, symbol.roll(1, 1)))
        return torch.cat([torch.stack(single, -1), near.tril(-1)[..., :-1], above], -1), own

    def _seen_from(self, own: Tensor, symbol: Tensor) -> Tensor:
        """Return how far symbols are from the one in force, from 1 to 2 n_symbols; 0 where there is no symbol."""
        return torch.where(symbol > 0, symbol - own[..., None] + self.n_symbols, 0)


def _tables(features: np.ndarray, outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the tables of features (N, L) and the outcomes that followed, (N,), both tables sorted.

    Contexts are numbered from 0, which has no feature. ``contexts[i - 1]`` is the number of context i without its last
    feature, times SPAN, plus that feature; a key above all others ends the table. ``pairs`` are contexts' numbers times
    SPAN plus an outcome; ``below[i]`` is the sum of the counts of all pairs before the i-th.
    """
    contexts, nodes, tables, chosen = [], [np.zeros(len(outcomes), np.int64)], [], np.arange(len(outcomes))
    for feature in features.T:
        keys, which = np.unique(nodes[-1] * SPAN + feature, return_inverse=True)
        contexts.append(keys)
        nodes.append(nodes[-1].max() + 1 + which)
    for node in reversed(nodes):
        keys, first, counts = np.unique(node[chosen] * SPAN + outcomes[chosen], return_index=True, return_counts=True)
        tables.insert(0, (keys, counts))
        chosen = chosen[first]  # to a shorter context, each context one feature longer counts once
    pairs, counts = map(np.concatenate, zip(*tables, strict=True))
    return np.concatenate([*contexts, [SPAN**3]]), pairs, np.cumsum([0, *counts])
