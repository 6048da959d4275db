"""Looking inside a model while it reads: what each head of attention looks at, what each layer holds.

Nothing here computes attention again: the model runs as it is, and hooks watch it or silence a part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from musiclab.errors import require
from musiclab.models.base import Model
from musiclab.score import Score
from musiclab.tokenizers import Tokenizer
from musiclab.tokenizers.base import BOS
from musiclab.tokenizers.explanation import explain


class Trace(NamedTuple):
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
        return "Trace(hidden {}, attention {})".format(*(getattr(found, "shape", None) for found in self))


@contextmanager
def _hooked(model: Model, hooks: Iterable[tuple[torch.nn.Module, Callable]]) -> Iterator[None]:
    """Let functions see, or change, what parts of a model give while it reads at rest: no dropout, no gradients."""
    with ExitStack() as afterwards, torch.no_grad():
        afterwards.callback(model.train, model.training)
        model.eval()
        for module, hook in hooks:
            afterwards.callback(module.register_forward_hook(hook).remove)
        yield


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
    blocks, hidden, attention = model.trunk.blocks if hasattr(model, "trunk") else (), [], []

    def weights(attend, given, _) -> None:
        q, k, v, window = given
        one_hot = torch.eye(v.shape[2], dtype=v.dtype, device=v.device).expand(*v.shape[:2], -1, -1)
        # with one-hot values, the mean that attention takes is its weights; forward, as a call would set off this hook
        attention.append(attend.forward(q, k, one_hot, window)[0])  # (H, T, S)

    hooks = [(block, lambda _block, _given, out: hidden.append(out[0][0])) for block in blocks]
    hooks += [(block.attend, weights) for block in blocks if hasattr(block, "attend")]
    with _hooked(model, hooks):
        batch = torch.tensor([[*ids]], device=model.device)
        _ = model(batch) if blocks else hidden.extend(_step(model, batch))
    return Trace(torch.stack(hidden).cpu().numpy(), torch.stack(attention).cpu().numpy() if attention else None)


def _step(model: Model, batch: torch.Tensor) -> torch.Tensor:
    """Read one id at a time and return what a recurrent model remembers of each, (L, T, D)."""
    state, hidden = None, []
    for t in range(batch.shape[1]):
        _, state = model(batch[:, t : t + 1], state)
        hidden.append((state[0] if isinstance(state, tuple) else state)[:, 0])  # (L, D); an LSTM has cells beside it
    return torch.stack(hidden, dim=1)


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
    columns, lead = getattr(model, "columns", 1), getattr(model, "lead", 0)  # of a grid's rows
    links, first = explain(tok, score).links, {}
    for position, link in enumerate(links, start=1):
        for note in link.notes:
            first.setdefault(note, (position + lead) // columns)
    header = next((i for i, link in enumerate(links) if link.kind != "header"), len(links))
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
    starts = tok.project(score).bar_onsets if of == "bar" else np.zeros(1)
    inside = np.searchsorted(starts, ticks, "right") - 1 == np.arange(len(starts))[:, None]  # (bars, T)
    with np.errstate(invalid="ignore"):
        means = inside @ hidden / inside.sum(axis=1, keepdims=True)
    return means if of == "bar" else means[0]


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

    def nats(batch: Sequence[Sequence[int]], *hooks: tuple) -> torch.Tensor:
        with _hooked(model, hooks):
            logits = model(torch.tensor(batch, device=model.device))[0]
        return -logits[:, -1].log_softmax(-1)[:, ids[-1]]

    right, wrong = nats([ids[:-1], altered[:-1]])
    parts = zip(model.trunk.blocks, held, strict=True)
    restored = [nats([altered[:-1]] * len(layer), (block, partial(_replace, layer))) for block, layer in parts]
    return ((wrong - torch.stack(restored)) / (wrong - right)).cpu().numpy()


def _replace(layer: torch.Tensor, _block, _given, out: tuple) -> tuple:
    """Put what a layer held at step t, (T, D), in the place of step t of the t-th of a batch of T sequences."""
    here = torch.eye(len(layer), dtype=torch.bool, device=layer.device)[..., None]
    return (torch.where(here, layer, out[0]), *out[1:])


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
