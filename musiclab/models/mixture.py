"""Several models heard as one: the average of their probabilities, id by id."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from musiclab.errors import require
from musiclab.models.base import Model, build_model


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
