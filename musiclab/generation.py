"""Where the two towers meet to make music: a model draws ids, a tokenizer says what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from musiclab.errors import require
from musiclab.metrics.rules import Rule
from musiclab.models.base import Model
from musiclab.sampling import Draw, Sampler, stream
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


class Writing:
    """A score being written: its ids so far, what may come next, and when it is complete."""

    def __init__(
        self, model: Model, tok: Tokenizer, primer: Score | None, sampler: Sampler | None, n_bars: int | None,
        rules: Sequence[str | Rule], max_ids: int,
    ) -> None:  # fmt: skip
        same = model.vocab_size == len(tok.vocab)
        require(same, "the model's vocabulary", f"the tokenizer's ({len(tok.vocab)} words)", model.vocab_size)
        self.tok, self.sampler, self.grammar, self.ids = tok, sampler or Sampler(), tok.grammar(), [BOS]
        self.n_bars, self.max_ids, self.model, self.rules = n_bars, max_ids, type(model).__name__, None
        for token_id in tok.encode(primer) if primer is not None else []:
            self.grammar.push(token_id)
            self.ids.append(token_id)
        bars = self.grammar.n_bars
        require(n_bars is None or n_bars > bars, "n_bars", f"more than the primer's {bars}", n_bars)
        require(max_ids > len(self.ids), "max_ids", f"more than the primer's {len(self.ids)}", max_ids)

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
