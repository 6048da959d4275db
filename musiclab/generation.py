"""Where the two towers meet to make music: a model draws ids, a tokenizer says what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from musiclab.constraints import RuleMask
from musiclab.errors import require
from musiclab.metrics.rules import Rule
from musiclab.models.base import Model
from musiclab.sampling import Draw, Sampler, draws, stream
from musiclab.score import Score
from musiclab.tokenizers.base import BOS, EOS, Tokenizer
from musiclab.training import pick_device


def generate(
    model: Model, tok: Tokenizer, primer: Score | None = None, sampler: Sampler | None = None,
    n_bars: int | None = None, rules: Sequence[str | Rule] = (), max_ids: int = 4096, device: str = "auto",
) -> Score:  # fmt: skip
    """Return a new score: the primer, if any, and what the model continues it with.

    Only ids that the tokenizer's grammar allows are drawn, so what comes back always decodes. It ends where the model
    ends it, or after ``n_bars`` bars, or before ``max_ids`` ids.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
        The one the model was trained with.
    primer : Score, optional
        The beginning; a primer for :class:`~musiclab.tokenizers.Chorale` also sets metre, pickup and key.
    sampler : Sampler, optional
    n_bars : int, optional
        Bars in all, the primer's included, a pickup not counted.
    rules : sequence of str or Rule
        What the music must keep; see :func:`stream_score`.
    max_ids : int
        Ids in all.
    device : str
        Where the model is moved to: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises
    ------
    ValueError
        If the model and the tokenizer disagree on the vocabulary, or ``max_ids`` leaves no room for an ending.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Chorale
    >>> tok = Chorale()
    >>> score = generate(GRU(len(tok.vocab), width=8), tok, n_bars=2, sampler=Sampler(seed=1))
    >>> tok.project(score) == score
    True
    """
    writing = Writing(model, tok, primer, sampler, n_bars, rules, max_ids)
    for _ in _drain(model, writing, device):
        pass
    return writing.score()


def stream_score(
    model: Model, tok: Tokenizer, primer: Score | None = None, sampler: Sampler | None = None,
    n_bars: int | None = None, rules: Sequence[str | Rule] = (), max_ids: int = 4096, device: str = "auto",
) -> Iterator[Draw]:  # fmt: skip
    """Yield the draws of which :func:`generate` makes its score, with the same arguments, until it is complete.

    What stands so far is ``tok.decode(tok.finish([*tok.encode(primer), *ids_drawn]))``.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> tok = Melody()
    >>> len(list(stream_score(GRU(len(tok.vocab), width=8), tok, max_ids=20))) <= 19
    True
    """
    return _drain(model, Writing(model, tok, primer, sampler, n_bars, rules, max_ids), device)


def generate_batch(
    model: Model, tok: Tokenizer, n: int, primer: Score | None = None, sampler: Sampler | None = None,
    n_bars: int | None = None, rules: Sequence[str | Rule] = (), max_ids: int = 4096, device: str = "auto",
) -> list[Score]:  # fmt: skip
    """Return n new scores, written side by side: one step of the model serves all that are not complete.

    Score i is what :func:`generate` returns with the sampler's seed plus i, and the other arguments are its own.

    Raises
    ------
    ValueError
        If ``n`` is less than 1, or as :func:`generate` raises it.

    Notes
    -----
    Equal up to rounding: where two ids are as good as equal, a batch may draw the other.
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> tok = Melody()
    >>> model = GRU(len(tok.vocab), width=8)
    >>> scores = generate_batch(model, tok, n=3, n_bars=2)
    >>> scores[2] == generate(model, tok, n_bars=2, sampler=Sampler(seed=2))
    True
    """
    return [writing.score() for writing in write_batch(model, tok, n, primer, sampler, n_bars, rules, max_ids, device)]


@torch.inference_mode()
def write_batch(
    model: Model, tok: Tokenizer, n: int, primer: Score | None, sampler: Sampler | None, n_bars: int | None,
    rules: Sequence[str | Rule], max_ids: int, device: str,
) -> list[Writing]:  # fmt: skip
    """Return n complete writings, with their draws; see :func:`generate_batch`."""
    require(n >= 1, "n", ">= 1", n)
    sampler, model = sampler or Sampler(), model.to(pick_device(device)).eval()
    seeds = [replace(sampler, seed=sampler.seed + i) for i in range(n)]
    every = [Writing(model, tok, primer, seed, n_bars, rules, max_ids) for seed in seeds]
    alive, batch, state = every, [], None
    while alive:
        if 2 * len(alive) <= len(batch) or not batch:  # those that are complete leave in halves: the rest is read anew
            batch, state, new = alive, None, [writing.ids for writing in alive]
        else:
            new = [writing.ids[-1:] for writing in batch]
        logits, state = model(torch.tensor(new, device=pick_device(device)), state)
        for writing, raw in zip(batch, logits[:, -1].double().cpu().numpy(), strict=True):
            if not writing.complete:
                writing.take(raw)
        alive = [writing for writing in batch if not writing.complete]
    return every


def paid_per_bar(draws: Iterable[Draw], tok: Tokenizer, primer: Score | None = None) -> dict[str, np.ndarray]:
    """Return what the grammar and each rule have paid, in nats, bar by bar: arrays of equal length.

    Parameters
    ----------
    draws : iterable of Draw
        Of :func:`stream_score`.
    tok : Tokenizer
    primer : Score, optional
        What was continued.

    Returns
    -------
    dict of str to ndarray, shape (bars,)
        A pickup counts to the first bar, and so does a header.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> tok = Melody()
    >>> draws = stream_score(GRU(len(tok.vocab), width=8), tok, n_bars=2, rules=["in_key"])
    >>> list(paid_per_bar(draws, tok))
    ['grammar', 'in_key']
    """
    grammar, rows = tok.grammar(), []
    for token_id in tok.encode(primer) if primer is not None else []:
        grammar.push(token_id)
    for draw in draws:
        rows.append((grammar.n_bars, draw.paid))
        if draw.id != EOS:
            grammar.push(draw.id)
    bars = [bar for bar, _ in rows]
    return {name: np.bincount(bars, [paid[name] for _, paid in rows]) for name in (rows[0][1] if rows else ())}


class Writing:
    """A score being written: its ids so far, what may come next, and when it is complete."""

    def __init__(
        self, model: Model, tok: Tokenizer, primer: Score | None, sampler: Sampler | None, n_bars: int | None,
        rules: Sequence[str | Rule], max_ids: int,
    ) -> None:  # fmt: skip
        same = model.vocab_size == len(tok.vocab)
        require(same, "the model's vocabulary", f"the tokenizer's ({len(tok.vocab)} words)", model.vocab_size)
        self.tok, self.sampler, self.grammar, self.ids = tok, sampler or Sampler(), tok.grammar(), [BOS]
        self.n_bars, self.max_ids, self.model = n_bars, max_ids, type(model).__name__
        self.rules = RuleMask(tok, rules, n_bars, max_ids) if len(rules) else None
        for token_id in tok.encode(primer) if primer is not None else []:
            self.grammar.push(token_id)
            self.ids.append(token_id)
            if self.rules:
                self.rules.push(token_id)
        bars = self.grammar.n_bars
        require(n_bars is None or n_bars > bars, "n_bars", f"more than the primer's {bars}", n_bars)
        require(max_ids > len(self.ids), "max_ids", f"more than the primer's {len(self.ids)}", max_ids)
        self.draws, self.drawing = [], draws(self.ids, self.sampler, self.grammar, self.rules)
        next(self.drawing)

    def take(self, raw: np.ndarray) -> None:
        """Draw the next id from the model's scores."""
        self.draws.append(self.drawing.send(raw))

    @property
    def complete(self) -> bool:
        """Whether the model has ended it, or it is as long as it should be."""
        enough = self.n_bars is not None and self.grammar.n_bars >= self.n_bars
        return self.ids[-1] == EOS or len(self.ids) >= self.max_ids or enough

    def score(self) -> Score:
        """Return what is written, cut at the last place where it may end."""
        ids = self.ids[1:-1] if self.ids[-1] == EOS else self.tok.finish(self.ids[1:])
        require(len(ids) > 0, "max_ids", "enough for a complete score", self.max_ids)
        settings = ", ".join(f"{name} {value}" for name, value in vars(self.sampler).items())
        return replace(self.tok.decode(ids), title="Generated", source=f"{self.model}: {settings}")


def _drain(model: Model, writing: Writing, device: str) -> Iterator[Draw]:
    for draw in stream(model.to(pick_device(device)), writing.ids, writing.sampler, writing.grammar, writing.rules):
        writing.ids.append(draw.id)
        yield draw
        if writing.complete:
            return
