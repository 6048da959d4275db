"""What every model promises: one signature, and a state that makes one step equal a full pass.

Nothing in this folder knows what an id means; it would model any sequence of integers.
"""

from itertools import chain
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from musiclab.errors import require


class Model(nn.Module):
    """A network that reads ids and predicts the next one after each.

    ``logits, state = model(ids, state=None)`` with ids (B, T), int64, gives logits (B, T, vocab): row t scores the id
    that follows ids[:, t]. ``state`` is whatever the model remembers; passing it on continues the sequence, so that
    feeding ids one at a time gives the same logits as one pass (``check_model`` tests it).

    A subclass passes its constructor arguments to ``super().__init__`` by name; they become :attr:`config`, from which
    :func:`build_model` makes the model again.
    """

    kinds: ClassVar[dict[str, type["Model"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Model.kinds[cls.__name__] = cls

    def __init__(self, **config: Any) -> None:
        super().__init__()
        for name in ("vocab_size", "width", "layers"):
            require(config.get(name, 1) >= 1, name, ">= 1", config.get(name))
        require(0 <= config.get("dropout", 0) < 1, "dropout", "in [0, 1)", config.get("dropout"))
        self._config = config
        self.card: dict[str, Any] = {}  # what is known of trained weights; load_pretrained fills it

    @property
    def config(self) -> dict[str, Any]:
        """Return the class name and constructor arguments, ready for JSON."""
        return {"model": type(self).__name__, **self._config}

    @property
    def vocab_size(self) -> int:
        """Number of ids the model knows."""
        return self._config["vocab_size"]

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(chain(self.parameters(), self.buffers())).device

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.parameters())

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return logits (B, T, vocab) and the state after the last id."""
        raise NotImplementedError


def build_model(config: dict[str, Any]) -> Model:
    """Return a new model, with fresh weights, from a :attr:`Model.config`.

    Raises
    ------
    ValueError
        If the kind of model is not known.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> build_model(GRU(vocab_size=10, width=8).config).n_parameters
    602
    """
    fields = dict(config)
    kind = fields.pop("model", None)
    require(kind in Model.kinds, "model", f"one of {sorted(Model.kinds)}", repr(kind))
    return Model.kinds[kind](**fields)


class Dropout(nn.Module):
    """Inverted dropout whose mask is cut from random bytes.

    PyTorch draws one float per element; on a CPU that costs more than the matrix product beside it. The probability
    is rounded to 1/256.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.threshold = round(p * 256)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.threshold:
            return x
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device).random_(-(2**63), None)
        keep = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.threshold
        return x * (keep.to(x.dtype) * (256 / (256 - self.threshold)))
