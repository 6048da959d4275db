"""The Music Transformer (Huang et al. 2019): attention that knows how far back a step lies, and nothing of where it is.

A query is compared with a key and also with a learned vector for the distance between them. What is learned at bar 2
then holds at bar 20: no position is ever named.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclab.models.transformer import Attend, Transformer, visible


def skew(scores: Tensor) -> Tensor:
    """Return scores (..., T, S) by distance, S - 1 first and 0 last, as scores by key, for the last T of S steps.

    Row i moves left by T - 1 - i places, all rows in one reshaping; what moves in stands for keys of the future.

    Examples
    --------
    >>> skew(torch.tensor([[2, 1, 0], [2, 1, 0], [2, 1, 0]])).tril().tolist()
    [[0, 0, 0], [1, 0, 0], [2, 1, 0]]
    """
    T = scores.shape[-2]
    return F.pad(scores, (1, 0)).flatten(-2)[..., T:].unflatten(-1, scores.shape[-2:])


class RelativeAttend(Attend):
    """Attention whose scores have a second term, the query times a learned vector of the distance to the key."""

    def __init__(self, heads: int, size: int, context: int) -> None:
        super().__init__()
        self.distance = nn.Parameter(0.02 * torch.randn(heads, context, size))  # (H, distance, D/H)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
        T, S, size = q.shape[2], k.shape[2], q.shape[3]
        back = torch.arange(S - 1, -1, -1, device=q.device).clamp(max=self.distance.shape[1] - 1)
        bias = skew(q @ self.distance[:, back].transpose(1, 2)) / size**0.5  # (B, H, T, S)
        bias = bias.masked_fill(~visible(T, S, window, q.device), -torch.inf)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


class RelativeTransformer(Transformer):
    """A decoder-only Transformer with relative attention (Huang et al. 2019, "Music Transformer").

    Parameters
    ----------
    vocab_size : int
    width, layers, heads, dropout
        As in :class:`~musiclab.models.Transformer`.
    context : int
        Most ids a step sees, itself included, and so the number of distances learned; longer sequences slide along.
    positions : str
        What else it knows of places, as in ``Transformer``.

    Notes
    -----
    Notebook: 08_attention_from_scratch. The paper's skewing needs memory of T x S a head, not T x S x width. Here each
    head of each layer learns its own vector for every distance.

    Examples
    --------
    >>> model = RelativeTransformer(vocab_size=10, width=16, layers=2, heads=2, context=32)
    >>> logits, state = model(torch.tensor([[1, 4, 5]]))
    >>> logits.shape, state.position
    (torch.Size([1, 3, 10]), 3)
    """

    def __init__(
        self, vocab_size: int, width: int = 128, layers: int = 4, heads: int = 4, dropout: float = 0.0,
        context: int = 512, positions: str = "none",
    ) -> None:  # fmt: skip
        super().__init__(vocab_size, width, layers, heads, dropout, context, positions)
        for block in self.trunk.blocks:
            block.attend = RelativeAttend(heads, width // heads, context)
