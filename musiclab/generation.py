"""Where the two towers meet to make music: a model draws ids, a tokenizer says what they mean."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from musiclab.constraints import RuleMask
from musiclab.errors import require
from musiclab.metrics.rules import Rule
from musiclab.models.base import Model
from musiclab.sampling import Continuation, Draw, Sampler, write
from musiclab.score import Score
from musiclab.tokenizers.base import BOS, EOS, Tokenizer
from musiclab.training import pick_device

SMALL = 20_000_000  # weights


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
        Where the model is moved to: ``"cpu"``, ``"cuda"``, ``"mps"``, or ``"auto"``: the CPU for one score by a model
        of up to 20 million weights, else the fastest there is. Id after id a small model waits for a GPU and does not
        use it: beside an H100 the CPU wrote one chorale 3 to 7 times as fast.

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
    return generate_batch(model, tok, 1, primer, sampler, n_bars, rules, max_ids, device)[0]


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
    writing = Writing(model, tok, primer, sampler, n_bars, rules, max_ids)
    return write(_placed(model, device, 1), [writing])


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
    written = write_batch(model, tok, n, sampler, device, primer=primer, n_bars=n_bars, rules=rules, max_ids=max_ids)
    return [writing.score() for writing in written]


def write_batch(
    model: Model, tok: Tokenizer, n: int, sampler: Sampler | None = None, device: str = "auto", **settings: Any
) -> "list[Writing]":
    """Return n complete writings, with their draws; the settings are those of :func:`generate_batch`."""
    require(n >= 1, "n", ">= 1", n)
    sampler = sampler or Sampler()
    samplers = [replace(sampler, seed=sampler.seed + i) for i in range(n)]
    written = [Writing(model, tok, sampler=each, **settings) for each in samplers]
    for _ in write(_placed(model, device, n), written):
        pass
    return written


def _placed(model: Model, device: str, n: int) -> Model:
    """Return the model where n scores are to be written."""
    waits = device == "auto" and n == 1 and model.n_parameters <= SMALL
    return model.to("cpu" if waits else pick_device(device))


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
        A pickup counts to the first bar, and so does a header. Where a rule was off for a while, nan.

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
    names = dict.fromkeys(name for _, paid in rows for name in paid)
    return {name: np.bincount(bars, [paid.get(name, np.nan) for _, paid in rows]) for name in names}


class Writing(Continuation):
    """A score being written: its ids so far, what may come next, and when it is complete."""

    def __init__(
        self, model: Model, tok: Tokenizer, primer: Score | None = None, sampler: Sampler | None = None,
        n_bars: int | None = None, rules: Sequence[str | Rule] = (), max_ids: int = 4096,
    ) -> None:  # fmt: skip
        same = model.vocab_size == len(tok.vocab)
        require(same, "the model's vocabulary", f"the tokenizer's ({len(tok.vocab)} words)", model.vocab_size)
        self.tok, self.n_bars, self.max_ids, self.model = tok, n_bars, max_ids, type(model).__name__
        masks = RuleMask(tok, rules, n_bars, max_ids) if len(rules) else None
        super().__init__([BOS], sampler, tok.grammar(), masks)
        for token_id in tok.encode(primer) if primer is not None else []:
            self.push(token_id)
        bars = self.grammar.n_bars
        require(n_bars is None or n_bars > bars, "n_bars", f"more than the primer's {bars}", n_bars)
        require(max_ids > len(self.ids), "max_ids", f"more than the primer's {len(self.ids)}", max_ids)

    @property
    def complete(self) -> bool:
        """Whether the model has ended it, or it is as long as it should be."""
        enough = self.n_bars is not None and self.grammar.n_bars >= self.n_bars
        return super().complete or len(self.ids) >= self.max_ids or enough

    def score(self) -> Score:
        """Return what is written, cut at the last place where it may end."""
        ids = self.ids[1:-1] if self.ids[-1] == EOS else self.tok.finish(self.ids[1:])
        require(len(ids) > 0, "max_ids", "enough for a complete score", self.max_ids)
        settings = ", ".join(f"{name} {value}" for name, value in vars(self.sampler).items())
        return replace(self.tok.decode(ids), title="Generated", source=f"{self.model}: {settings}")
