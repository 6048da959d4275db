"""Looking inside a model while it reads: what each head of attention looks at, what each layer holds.

Nothing here computes attention again: the model runs as it is, and hooks watch it or silence a part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

import numpy as np
import torch

from musiclab.errors import require
from musiclab.models.base import Model
from musiclab.score import Score
from musiclab.tokenizers import Tokenizer
from musiclab.tokenizers.base import BOS
from musiclab.tokenizers.explanation import explain


@dataclass(frozen=True, eq=False)
class Trace:
    """What went on inside a model as it read T ids, or T rows of a grid.

    Attributes
    ----------
    hidden : ndarray, shape (layers, T, D)
        What each layer passes on after each step.
    attention : ndarray, shape (layers, heads, T, T), or None
        Row t of a head: how much of what it takes at step t comes from each step; its entries sum to 1. None for
        models without attention.
    """

    hidden: np.ndarray
    attention: np.ndarray | None

    def __repr__(self) -> str:
        return (
            f"Trace(hidden {self.hidden.shape}, attention {None if self.attention is None else self.attention.shape})"
        )


@torch.no_grad()
def trace(model: Model, ids: Sequence[int]) -> Trace:
    """Return what each layer holds, and what each head of attention looks at, as the model reads the ids.

    Step t has read ids 0 to t, and scores id t + 1. A :class:`~musiclab.models.GridTransformer` has one step per whole
    row. Dropout is off while it reads.

    Parameters
    ----------
    model : Model
    ids : sequence of int
        As the model is fed: BOS first.

    Raises
    ------
    ValueError
        If there are fewer ids than one step takes.

    Notes
    -----
    Notebook: 08_attention_from_scratch.

    Examples
    --------
    >>> from musiclab.models import GRU, Transformer
    >>> trace(Transformer(vocab_size=10, width=16, layers=2, heads=4), [1, 5, 6])
    Trace(hidden (2, 3, 16), attention (2, 4, 3, 3))
    >>> trace(GRU(vocab_size=10, width=16), [1, 5, 6])
    Trace(hidden (1, 3, 16), attention None)
    """
    require(len(ids) + getattr(model, "lead", 0) >= getattr(model, "columns", 1), "ids", "a whole step", len(ids))
    batch = torch.tensor([list(ids)], device=model.device)
    with _at_rest(model):
        return _watch(model, batch) if hasattr(model, "trunk") else _step(model, batch)


@contextmanager
def _at_rest(model: Model) -> Iterator[None]:
    """Keep a model from dropping out while the block of code runs."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _watch(model: Model, batch: torch.Tensor) -> Trace:
    """Read all at once, with a hook on each block and on its attention."""
    hidden, attention = [], []

    def weights(attend, given, _) -> None:
        q, k, v, window = given
        one_hot = torch.eye(v.shape[2], dtype=v.dtype, device=v.device).expand(*v.shape[:2], -1, -1)
        # with one-hot values, the mean that attention takes is its weights; forward, as a call would set off this hook
        attention.append(attend.forward(q, k, one_hot, window)[0])  # (H, T, S)

    with ExitStack() as hooks:
        for block in model.trunk.blocks:
            if hasattr(block, "attend"):
                hooks.callback(block.attend.register_forward_hook(weights).remove)
            hooks.callback(block.register_forward_hook(lambda _block, _given, out: hidden.append(out[0][0])).remove)
        model(batch)
    seen = torch.stack(attention).cpu().numpy() if attention else None
    return Trace(torch.stack(hidden).cpu().numpy(), seen)


def _step(model: Model, batch: torch.Tensor) -> Trace:
    """Read one id at a time; what a recurrent model remembers is what its layers hold."""
    state, hidden = None, []
    for t in range(batch.shape[1]):
        _, state = model(batch[:, t : t + 1], state)
        hidden.append((state[0] if isinstance(state, tuple) else state)[:, 0])  # (L, D); an LSTM has cells beside it
    return Trace(torch.stack(hidden, dim=1).cpu().numpy(), None)


def note_steps(model: Model, tok: Tokenizer, score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Return where in the score each step of a trace is, and the step that begins each note.

    The step before it is where the model stood when it wrote the note: ``attention[layer, head, step - 1, :step]`` is
    what it looked at then.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    score : Score
        What was traced, as ``[BOS, *tok.encode(score)]``; notes are counted in ``tok.project(score)``.

    Returns
    -------
    ticks : ndarray of int, shape (T,)
        -1 for steps before the music: BOS and the words of a header.
    steps : ndarray of int, shape (notes,)

    Notes
    -----
    Notebook: 08_attention_from_scratch.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> ticks, steps = note_steps(GRU(vocab_size=207, width=8), Melody(), Score([(0, 12, 60), (12, 6, 62)]))
    >>> ticks.tolist(), steps.tolist()
    ([-1, -1, -1, -1, 0, 6, 12], [4, 6])
    """
    links, first, columns, lead = explain(tok, score).links, {}, getattr(model, "columns", 1), getattr(model, "lead", 0)
    for position, link in enumerate(links, start=1):
        for note in link.notes:
            first.setdefault(note, (position + lead) // columns)
    header = len(list(takewhile(lambda link: link.kind == "header", links)))
    ticks = [-1] * (lead + 1 + header) + [link.tick for link in links[header:]]
    return np.array(ticks[::columns]), np.array([first[note] for note in sorted(first)])


def embed(model: Model, tok: Tokenizer, score: Score, of: str = "piece", layer: int = -1) -> np.ndarray:
    """Return what a layer holds of a score: of each note as it begins, or the mean over each bar or the piece.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    score : Score
    of : str
        ``"piece"`` for shape (D,); ``"bar"`` for (bars, D), nan for a bar in which no step is; ``"note"`` for
        (notes, D), in the order of ``tok.project(score).notes``.
    layer : int
        From 0; -1 is the last.

    Raises
    ------
    ValueError
        If ``of`` is something else.

    Notes
    -----
    Notebook: 07_probing.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> tune, model = Score([(0, 96, 60), (96, 96, 62)]), GRU(vocab_size=207, width=8)
    >>> [embed(model, Melody(), tune, of).shape for of in ("piece", "bar", "note")]
    [(8,), (2, 8), (2, 8)]
    """
    require(of in ("piece", "bar", "note"), "of", "'piece', 'bar' or 'note'", repr(of))
    hidden = trace(model, [BOS, *tok.encode(score)]).hidden[layer]
    ticks, steps = note_steps(model, tok, score)
    if of == "note":
        return hidden[steps]
    if of == "piece":
        return hidden[ticks >= 0].mean(axis=0)
    bars = tok.project(score).bar_onsets
    bar = np.searchsorted(bars, ticks, "right") - 1
    return np.stack(
        [hidden[bar == i].mean(axis=0) if (bar == i).any() else hidden[0] * np.nan for i in range(len(bars))]
    )


@torch.no_grad()
def patch_effects(model: Model, ids: Sequence[int], altered: Sequence[int]) -> np.ndarray:
    """Return where in a model one sequence differs from another in what it predicts, shape (layers, T).

    The model reads the altered sequence; at one layer and step what it holds is replaced by what it held of the first.
    1 there means that its surprise at the last id is then as with the first sequence, 0 that nothing changed.

    Parameters
    ----------
    model : Model
        One that is read at once, with a trunk: a Transformer or a model of grids.
    ids, altered : sequences of int
        Of one length, BOS first, with the same last id: the one asked for.

    Raises
    ------
    ValueError
        If the lengths or the last ids differ, or the model has no trunk.

    References
    ----------
    Vig et al. (2020), Causal mediation analysis for interpreting neural NLP; Meng et al. (2022), Locating and editing
    factual associations in GPT.

    Notes
    -----
    A last id that neither sequence predicts better gives large numbers, or nan. Notebook: 07_probing.

    Examples
    --------
    >>> from musiclab.models import Transformer
    >>> model = Transformer(vocab_size=10, width=16, layers=2, heads=4)
    >>> effects = patch_effects(model, [1, 5, 6, 7], [1, 5, 8, 7])
    >>> effects.shape, bool(np.abs(effects[0, :2]).max() < 1e-3)  # before they differ, nothing changes
    ((2, 3), True)
    """
    require(hasattr(model, "trunk"), "model", "one with a trunk", type(model).__name__)
    same = len(ids) == len(altered) and ids[-1] == altered[-1]
    require(same, "altered", f"{len(ids)} ids that end in {ids[-1]}", list(altered))
    held = torch.tensor(trace(model, ids[:-1]).hidden, device=model.device)  # (L, T, D)
    T, effects = held.shape[1], []

    def nats(batch: Sequence[Sequence[int]]) -> torch.Tensor:
        return -model(torch.tensor(batch, device=model.device))[0][:, -1].log_softmax(-1)[:, ids[-1]]

    with _at_rest(model):
        right, wrong = nats([ids[:-1], altered[:-1]])
        for block, layer in zip(model.trunk.blocks, held, strict=True):
            with ExitStack() as hooks:
                hooks.callback(block.register_forward_hook(partial(_replace, layer)).remove)
                effects.append((wrong - nats([altered[:-1]] * T)) / (wrong - right))
    return torch.stack(effects).cpu().numpy()


def _replace(layer: torch.Tensor, _block, _given, out: tuple) -> tuple:
    """Put what a layer held at step t, (T, D), in the place of step t of the t-th of a batch of T sequences."""
    x, step = out[0].clone(), torch.arange(len(layer), device=layer.device)
    x[step, step] = layer
    return (x, *out[1:])


@contextmanager
def knock_out(model: Model, heads: Iterable[tuple[int, int]]) -> Iterator[Model]:
    """Silence heads of attention while the block of code runs: what they take from other steps becomes zero.

    Zero, not the head's mean over a corpus: so it needs no data, and holds while sampling too.

    Parameters
    ----------
    model : Model
        One with attention; as it was again afterwards, also after an error.
    heads : iterable of (layer, head)
        Counted from 0.

    Raises
    ------
    ValueError
        If the model has no such head.

    Notes
    -----
    Notebook: 08_attention_from_scratch.

    Examples
    --------
    >>> from musiclab.models import Transformer
    >>> model, ids = Transformer(vocab_size=10, width=16, layers=2, heads=4), torch.tensor([[1, 5, 6]])
    >>> before = model(ids)[0]
    >>> with knock_out(model, [(0, 3), (1, 1)]):
    ...     silenced = model(ids)[0]
    >>> torch.equal(silenced, before), torch.equal(model(ids)[0], before)
    (False, True)
    """
    blocks = [module for module in model.modules() if hasattr(module, "attend")]
    shape = (len(blocks), blocks[0].heads if blocks else 0)
    with ExitStack() as hooks:
        for layer, head in heads:
            known = layer in range(shape[0]) and head in range(shape[1])
            require(known, "(layer, head)", f"below {shape} in {type(model).__name__}", (layer, head))
            hooks.callback(blocks[layer].attend.register_forward_hook(partial(_silence, head)).remove)
        yield model


def _silence(head: int, _attend, _given, out: torch.Tensor) -> torch.Tensor:
    return out * (torch.arange(out.shape[1], device=out.device) != head)[:, None, None]  # (B, H, T, D/H)
