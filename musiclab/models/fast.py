"""The same weights without a framework: a step of one sequence on the CPU.

A step of a small network is many small operations, and PyTorch takes longer to prepare each than to do it. Written out
in NumPy (:mod:`~musiclab.models.fast_layers`, :mod:`~musiclab.models.fast_grid`) a step takes half the time or less;
:mod:`~musiclab.models.fast_kernels`, for large models and where numba is installed, takes a good part of what is left.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from musiclab.models.base import Dropout, Model
from musiclab.models.fast_grid import GridStep
from musiclab.models.fast_layers import Attention, Recurrence, array, dense, norm
from musiclab.models.grid import GridGRU, GridTransformer, RecurrentTrunk
from musiclab.models.grid_heads import Anchor, CellHead, CopyHead
from musiclab.models.rnn import GRU, LSTM
from musiclab.models.transformer import Attend, Block, Transformer, Trunk

LARGE = 1_000_000  # from so many weights on, reading them is most of a step
PARTS = {
    Anchor, Attend, Block, CellHead, CopyHead, Dropout, RecurrentTrunk, Trunk, nn.Embedding, nn.GELU, nn.GRU, nn.LSTM,
    nn.LayerNorm, nn.Linear, nn.ModuleList, nn.Sequential,
}  # fmt: skip


def _kernels() -> ModuleType | None:
    """Return what numba compiles, or None if it is missing, unfit for this NumPy, or without a place for its cache."""
    try:
        return import_module("musiclab.models.fast_kernels")
    except (ImportError, RuntimeError):
        return None


class SequenceStep:
    """An embedding, a trunk and a linear output: Transformer, GRU and LSTM."""

    def __init__(self, model: Transformer | GRU | LSTM) -> None:
        kernels = _kernels() if model.n_parameters >= LARGE else None
        attention, matrix = (kernels.PackedAttention, kernels.packed) if kernels else (Attention, dense)
        is_transformer = isinstance(model, Transformer)
        self.trunk = attention(model.trunk) if is_transformer else Recurrence([model.cells], matrix)
        self.place = array(model.place) if is_transformer and model.place is not None else None
        self.embed, self.out = array(model.embed.weight), matrix(model.out.weight, model.out.bias)
        self.own = self.trunk.own

    def __call__(self, token_id: int, state: Any) -> tuple[np.ndarray, Any]:
        """Return logits (V) and the state after one id more."""
        x = self.embed[token_id]
        if self.place is not None:
            x = x + self.place[state.position % len(self.place)]
        hidden, state = self.trunk(x, state)
        return self.out(hidden), state


class FastStep:
    """One id after another of one sequence; what this is not made for is left to the model."""

    def __init__(self, model: Model, step: SequenceStep | GridStep) -> None:
        self.model, self.step = model, step

    def __call__(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return logits (B, T, V) and the state after the last id."""
        if state is None or len(ids) != 1:
            return self.model(ids, state)
        state, rows = self.step.own(state), []
        for token_id in ids[0].tolist():
            logits, state = self.step(token_id, state)
            rows.append(logits)
        return torch.from_numpy(np.array(rows))[None], state


STEPS: dict[type[Model], Callable[[Any], SequenceStep | GridStep]] = {
    GRU: SequenceStep,
    LSTM: SequenceStep,
    Transformer: SequenceStep,
    GridTransformer: lambda model: GridStep(model, Attention(model.trunk)),
    GridGRU: lambda model: GridStep(model, Recurrence(list(model.trunk.blocks), norm=norm(model.trunk.norm))),
}


def fast_step(model: Model) -> FastStep | None:
    """Return what scores the next id as the model does, but sooner, for one sequence on the CPU; None if nothing does.

    It is called as the model is, ``logits, state = step(ids, state)``, takes over a state of the model's, and leaves to
    the model what is read in one pass at the start. The weights are those at the time of this call.

    There is none for a model in training, on another device, of a class of your own, with a part replaced or with a
    hook on a part, so that what watches or silences a part is never passed by.

    Notes
    -----
    In NumPy, logits agree with the model's to 1e-4. Where numba is installed, a Transformer, GRU or LSTM of a million
    weights or more has its matrices rounded to 8 bits, which shifts its nll by less than 0.005 nats per id.

    Examples
    --------
    >>> model, ids = GRU(vocab_size=10, width=16).eval(), torch.tensor([[1, 4, 5]])
    >>> step = fast_step(model)
    >>> logits, state = step(ids[:, :2])
    >>> logits, state = step(ids[:, 2:], state)
    >>> torch.allclose(logits[0, -1], model(ids)[0][0, -1], atol=1e-4)
    True
    """
    if type(model) not in STEPS or model.training or not all(_is_plain(part) for part in model.modules()):
        return None
    if any(p.device.type != "cpu" or p.dtype != torch.float32 for p in model.parameters()):
        return None
    return FastStep(model, STEPS[type(model)](model))


def _is_plain(part: nn.Module) -> bool:
    changed = part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
    return not changed and (type(part) in PARTS or type(part) in STEPS)
