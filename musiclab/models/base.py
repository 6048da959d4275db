"""What every model promises: one signature, and a state that makes one step equal a full pass.

Nothing in this folder knows what an id means; it would model any sequence of integers.
"""

from collections.abc import Sequence
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


class Mixture(Model):
    """The weighted mean of several models' probabilities of the next id.

    All read the same ids in the same order, so what comes out is again one distribution, and its likelihood may stand
    beside a single model's if it is called a mixture.

    Parameters
    ----------
    models : sequence of Model, or of their configs
        With one vocabulary.
    weights : sequence of float
        Positive, summing to 1.

    Raises
    ------
    ValueError
        If the vocabularies differ or the weights are not as said.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> both = Mixture([GRU(vocab_size=6, width=8), GRU(vocab_size=6, width=4)], weights=[0.75, 0.25])
    >>> bool(torch.isclose(both(torch.tensor([[1, 4]]))[0].exp().sum(dim=-1), torch.tensor(1.0)).all())
    True
    """

    def __init__(self, models: Sequence[Model | dict], weights: Sequence[float], vocab_size: int | None = None) -> None:
        made = [model if isinstance(model, Model) else build_model(model) for model in models]
        sizes = {model.vocab_size for model in made}
        require(len(sizes) == 1, "the models", "of one vocabulary", sorted(sizes))
        sound = len(weights) == len(made) and min(weights) > 0 and abs(sum(weights) - 1) < 1e-6
        require(sound, "weights", f"{len(made)} positive numbers summing to 1", list(weights))
        super().__init__(vocab_size=made[0].vocab_size, models=[m.config for m in made], weights=list(weights))
        self.models = nn.ModuleList(made)

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, list]:
        state = state or [None] * len(self.models)
        said = [model(ids, memory) for model, memory in zip(self.models, state, strict=True)]
        log_p = torch.stack([logits.log_softmax(dim=-1) for logits, _ in said])  # (M, B, T, V)
        log_weight = torch.tensor(self._config["weights"], device=ids.device).log()[:, None, None, None]
        return (log_p + log_weight).logsumexp(dim=0), [memory for _, memory in said]


def symbol_of(ids: Tensor, first: int, count: int) -> Tensor:
    """Return which of ``count`` symbols in order each id names, counted from 1; 0 for ids before the first or after."""
    return torch.where((ids >= first) & (ids < first + count), ids - first + 1, 0)


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
