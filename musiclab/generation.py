"""Where the two towers meet to make music: a model draws ids, a tokenizer says what they mean."""

from __future__ import annotations

from dataclasses import replace

from musiclab.errors import require
from musiclab.models.base import Model
from musiclab.sampling import Sampler, stream
from musiclab.score import Score
from musiclab.tokenizers.base import BOS, EOS, Tokenizer
from musiclab.training import pick_device


def generate(
    model: Model, tok: Tokenizer, primer: Score | None = None, sampler: Sampler | None = None,
    n_bars: int | None = None, max_ids: int = 4096, device: str = "auto",
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
    same = model.vocab_size == len(tok.vocab)
    require(same, "the model's vocabulary", f"the tokenizer's ({len(tok.vocab)} words)", model.vocab_size)
    sampler, grammar, ids = sampler or Sampler(), tok.grammar(), [BOS]
    for token_id in tok.encode(primer) if primer is not None else []:
        grammar.push(token_id)
        ids.append(token_id)
    require(n_bars is None or n_bars > grammar.n_bars, "n_bars", f"more than the primer's {grammar.n_bars}", n_bars)
    require(max_ids > len(ids), "max_ids", f"more than the primer's {len(ids)}", max_ids)
    for draw in stream(model.to(pick_device(device)), ids, sampler, grammar):
        if draw.id == EOS:
            break
        ids.append(draw.id)
        if len(ids) >= max_ids or (n_bars is not None and grammar.n_bars >= n_bars):
            ids[1:] = tok.finish(ids[1:])
            break
    require(len(ids) > 1, "max_ids", "enough for a complete score", max_ids)
    settings = ", ".join(f"{name} {value}" for name, value in vars(sampler).items())
    return replace(tok.decode(ids), title="Generated", source=f"{type(model).__name__}: {settings}")
