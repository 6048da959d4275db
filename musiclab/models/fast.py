"""The same weights without a framework: a step of one sequence on the CPU.

A step of a small network is many small operations, and PyTorch takes longer to prepare each than to do it. Written out
in NumPy (:mod:`~musiclab.models.fast_layers`, :mod:`~musiclab.models.fast_grid`) a step takes half the time or less;
:mod:`~musiclab.models.fast_kernels`, for large models and where numba is installed, takes a good part of what is left.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from musiclab.models.base import Dropout, Model
from musiclab.models.fast_grid import GridStep
from musiclab.models.fast_layers import Attention, Recurrence, array, dense, linear
from musiclab.models.grid import GridGRU, GridTransformer, RecurrentTrunk
from musiclab.models.grid_heads import Anchor, CellHead, CopyHead, Lookup
from musiclab.models.rnn import GRU, LSTM
from musiclab.models.transformer import Attend, Block, Transformer, Trunk

LARGE = 1_000_000  # from so many weights on, reading them is most of a step
PARTS = {
    Anchor, Attend, Block, CellHead, CopyHead, Dropout, Lookup, RecurrentTrunk, Trunk, nn.Embedding, nn.GELU, nn.GRU,
    nn.LSTM, nn.LayerNorm, nn.Linear, nn.ModuleList, nn.Sequential,
}  # fmt: skip


def _kernels(model: Model) -> ModuleType | None:
    """Return what numba compiles, for large models; None if it is missing, unfit for this NumPy, or has no cache."""
    try:
        return import_module("musiclab.models.fast_kernels") if model.n_parameters >= LARGE else None
    except (ImportError, RuntimeError):
        return None


class SequenceStep:
    """An embedding, a trunk and a linear output: Transformer, GRU and LSTM."""

    def __init__(self, model: Transformer | GRU | LSTM) -> None:
        kernels, place = _kernels(model), getattr(model, "place", None)
        self.embed, self.place = array(model.embed.weight), None if place is None else array(place)
        if not isinstance(model, Transformer):
            matrix = kernels.packed if kernels else dense
            self.layers = [Recurrence([model.cells], matrix), matrix(model.out.weight, model.out.bias)]
        elif kernels:
            self.layers = [kernels.PackedTransformer(model.trunk, model.out)]
        else:
            self.layers = [Attention(model.trunk), linear(model.out)]

    def start(self, state: Any) -> None:
        """Take over the state of the model."""
        self.layers[0].start(state)

    def __call__(self, token_id: int) -> np.ndarray:
        """Return logits (V) after one id more."""
        x = self.embed[token_id]
        if self.place is not None:
            x = x + self.place[self.layers[0].position % len(self.place)]
        for layer in self.layers:
            x = layer(x)
        return x


STEPS = {kind: SequenceStep for kind in (GRU, LSTM, Transformer)} | {GridTransformer: GridStep, GridGRU: GridStep}


def fast_step(model: Model) -> SequenceStep | GridStep | None:
    """Return what scores the next id as the model does, but sooner, for one sequence on the CPU; None if nothing does.

    The model itself reads the beginning in one pass; then ``step.start(state)`` takes over its state, and each
    ``step(token_id)`` returns the scores (vocab,) after one id more. The weights are those at the time of this call.

    There is none for a model in training, on another device, of a class of your own, with a part replaced or with a
    hook on a part, so that what watches or silences a part is never passed by.

    Notes
    -----
    In NumPy, logits agree with the model's to 1e-5 of their size. Where numba is installed, a Transformer, GRU or LSTM
    of a million weights or more has its matrices rounded to 8 bits, which shifts its nll by less than 0.005 nats an id.

    Examples
    --------
    >>> model, ids = GRU(vocab_size=10, width=16).eval(), torch.tensor([[1, 4, 5]])
    >>> step = fast_step(model)
    >>> step.start(model(ids[:, :2])[1])
    >>> np.allclose(step(5), model(ids)[0][0, -1].detach(), atol=1e-5)
    True
    """
    if type(model) not in STEPS or model.training or not all(_is_plain(part) for part in model.modules()):
        return None
    if any(p.device.type != "cpu" or p.dtype != torch.float32 for p in model.parameters()):
        return None
    return STEPS[type(model)](model)


def _is_plain(part: nn.Module) -> bool:
    changed = part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
    return not changed and (type(part) in PARTS or type(part) in STEPS)
